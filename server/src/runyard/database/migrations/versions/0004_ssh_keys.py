"""Public keys by which users prove who they are."""

STATEMENTS = (
    """
    CREATE TABLE ssh_keys (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        name text NOT NULL,
        kind text NOT NULL,
        fingerprint text NOT NULL,
        line text NOT NULL,
        source text NOT NULL CHECK (source IN ('operator', 'file')),
        created_at timestamptz NOT NULL,
        last_used_at timestamptz,
        CONSTRAINT ssh_keys_name UNIQUE (user_id, name),
        CONSTRAINT ssh_keys_once UNIQUE (user_id, fingerprint)
    )
    """,
)
