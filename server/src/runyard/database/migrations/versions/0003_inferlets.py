"""Blobs kept without a job, and what `inferlets` keeps: programs, keys and values, broadcasts, cursors."""

STATEMENTS = (
    # ------------------------------------------------------------------ artifacts
    """
    CREATE TABLE pins (
        holder text PRIMARY KEY,
        digest text NOT NULL REFERENCES blobs
    )
    """,
    "CREATE INDEX pins_of_blob ON pins (digest)",
    # ------------------------------------------------------------------ inferlets
    """
    CREATE TABLE programs (
        id uuid PRIMARY KEY,
        tenant text NOT NULL,
        owner uuid NOT NULL,
        namespace text,  -- none: known by its digest only
        name text,
        version text,
        blake3 text NOT NULL CHECK (blake3 ~ '^[0-9a-f]{64}$'),
        digest text NOT NULL,
        size bigint NOT NULL,
        manifest text NOT NULL,
        manifest_blake3 text NOT NULL,
        dependencies text[] NOT NULL,
        surface jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        UNIQUE (tenant, namespace, name, version),
        CHECK (num_nulls(namespace, name, version) IN (0, 3))
    )
    """,
    "CREATE UNIQUE INDEX programs_without_name ON programs (tenant, blake3) WHERE name IS NULL",
    "CREATE INDEX programs_of_digest ON programs (tenant, blake3)",
    """
    CREATE TABLE inferlet_values (
        tenant text NOT NULL,
        key text NOT NULL,
        value text NOT NULL,
        PRIMARY KEY (tenant, key)
    )
    """,
    """
    CREATE TABLE inferlet_broadcasts (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant text NOT NULL,
        topic text NOT NULL,
        body text NOT NULL,
        at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX inferlet_broadcasts_age ON inferlet_broadcasts (at)",
    """
    CREATE TABLE inferlet_cursors (  -- up to where somebody has been told what an instance said
        job uuid PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
        seq bigint NOT NULL,
        over boolean NOT NULL  -- including its end
    )
    """,
)
