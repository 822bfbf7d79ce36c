"""Sessions found by their names, tokens in OpenShift's format, credentials for private repositories."""

STATEMENTS = (
    # ------------------------------------------------------------------ identity
    "ALTER TABLE api_keys DROP CONSTRAINT api_keys_kind_check",
    "ALTER TABLE api_keys ADD CONSTRAINT api_keys_kind_check CHECK (kind IN ('ci', 'ry', 'openshift'))",
    """
    CREATE TABLE credentials (
        name text NOT NULL,
        project text REFERENCES projects ON DELETE CASCADE,  -- none: for all
        host text NOT NULL,
        username text NOT NULL,
        sealed bytea NOT NULL,
        created_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX credentials_once ON credentials (name, coalesce(project, ''))",
    # ------------------------------------------------------------------ sessions
    "CREATE UNIQUE INDEX jobs_of_session ON jobs ((params->>'session')) WHERE kind = 'session.agent'",
    # the few events that say how a session stands, among all the pieces of text
    "CREATE INDEX events_of_session ON events (job, seq) WHERE type IN ('repo', 'note', 'waits', 'usage', 'approval')",
)
