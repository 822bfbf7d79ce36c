"""Workspaces, their members and service accounts; idempotent commands."""

STATEMENTS = (
    # Those who only decide or look on in a workspace only look on in its project.
    "ALTER TABLE memberships DROP CONSTRAINT memberships_role_check",
    """
    ALTER TABLE memberships ADD CONSTRAINT memberships_role_check CHECK (role IN ('reader', 'member', 'admin'))
    """,
    # A workspace is a project with a name for people, roles and a book. Its id is never given again.
    """
    CREATE TABLE workspaces (
        id text PRIMARY KEY REFERENCES projects,
        name text NOT NULL,
        created_at timestamptz NOT NULL,
        deleted_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX workspaces_name ON workspaces (name) WHERE deleted_at IS NULL",
    """
    CREATE TABLE workspace_users (
        workspace text NOT NULL REFERENCES workspaces ON DELETE CASCADE,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        email text NOT NULL,
        display_name text,
        roles text[] NOT NULL CHECK (cardinality(roles) > 0),
        active boolean NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (workspace, user_id),
        CONSTRAINT workspace_users_email UNIQUE (workspace, email)
    )
    """,
    "CREATE INDEX workspace_users_of ON workspace_users (user_id)",
    "CREATE INDEX workspace_users_page ON workspace_users (workspace, created_at, user_id)",
    """
    CREATE TABLE service_accounts (
        client_id text PRIMARY KEY,
        workspace text NOT NULL REFERENCES workspaces ON DELETE CASCADE,
        user_id uuid NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,
        name text NOT NULL,
        secret_digest bytea NOT NULL CHECK (length(secret_digest) = 32),
        roles text[] NOT NULL,
        machine_id text,
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        revoked_at timestamptz,
        last_used_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX service_accounts_name ON service_accounts (workspace, name) WHERE revoked_at IS NULL",
    "CREATE INDEX service_accounts_page ON service_accounts (workspace, created_at, client_id)",
    # Whoever remembers members has to hear of changes, see runyard.identity.members; the function is of 0002.
    """
    CREATE TRIGGER changes AFTER INSERT OR UPDATE OR DELETE ON workspace_users
        FOR EACH ROW EXECUTE FUNCTION tell_of_user()
    """,
    """
    CREATE TRIGGER changes AFTER INSERT OR UPDATE OF roles, name, expires_at, revoked_at OR DELETE ON service_accounts
        FOR EACH ROW EXECUTE FUNCTION tell_of_user()
    """,
    """
    CREATE TABLE external_identities (
        issuer text NOT NULL,
        subject text NOT NULL,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (issuer, subject),
        UNIQUE (issuer, user_id)
    )
    """,
    # ------------------------------------------------------------------ commands
    """
    CREATE TABLE runs_idempotency (
        workspace text NOT NULL,
        command text NOT NULL,
        user_id uuid NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        status smallint,
        location text,
        body bytea,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (workspace, command, user_id, key)
    )
    """,
    "CREATE INDEX runs_idempotency_age ON runs_idempotency (created_at)",
)
