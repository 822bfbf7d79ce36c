"""Jobs, their events, artifacts, idempotency keys, identity."""

STATEMENTS = (
    # ------------------------------------------------------------------ identity
    """
    CREATE TABLE users (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        login text UNIQUE CHECK (position('@' IN login) = 0),
        email text UNIQUE CHECK (position('@' IN email) > 0),
        password_hash text,
        is_admin boolean NOT NULL DEFAULT false,
        is_active boolean NOT NULL DEFAULT true,
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE projects (
        name text PRIMARY KEY CHECK (name ~ '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$'),
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE memberships (
        project text NOT NULL REFERENCES projects ON DELETE CASCADE,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        role text NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin')),
        PRIMARY KEY (project, user_id)
    )
    """,
    """
    CREATE TABLE api_keys (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        project text,
        name text,
        kind text NOT NULL CHECK (kind IN ('ci', 'ry')),
        hint text NOT NULL,
        digest bytea NOT NULL UNIQUE,
        created_at timestamptz NOT NULL,
        last_used_at timestamptz,
        expires_at timestamptz,
        revoked_at timestamptz,
        rotated_from uuid REFERENCES api_keys ON DELETE SET NULL,
        -- a key for a project is worth no more than the membership: both end together
        FOREIGN KEY (project, user_id) REFERENCES memberships ON DELETE CASCADE
    )
    """,
    "CREATE INDEX api_keys_user ON api_keys (user_id)",
    # ------------------------------------------------------------------ jobs
    """
    CREATE TABLE jobs (
        id uuid PRIMARY KEY,
        kind text NOT NULL,
        owner uuid NOT NULL,
        tenant text NOT NULL,
        state text NOT NULL DEFAULT 'queued'
            CHECK (state IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
        cancelling boolean NOT NULL DEFAULT false,
        progress smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
        params jsonb NOT NULL,
        result jsonb,
        error jsonb,
        checkpoint jsonb,
        priority integer NOT NULL DEFAULT 0,
        attempt integer NOT NULL DEFAULT 0,
        batch integer NOT NULL DEFAULT 0,
        losses integer NOT NULL DEFAULT 0,
        max_attempts integer NOT NULL,
        parent uuid REFERENCES jobs ON DELETE SET NULL,
        awaits text CHECK (awaits IN ('children', 'message', 'time')),
        entry bigint,  -- the queue entry that may start the job; none while it waits without a time limit
        claim uuid,  -- the call that started the present attempt
        created_at timestamptz NOT NULL,
        started_at timestamptz,
        ended_at timestamptz,
        last_seq bigint NOT NULL DEFAULT 0,
        log_bytes bigint NOT NULL DEFAULT 0,
        archive text,
        CHECK ((ended_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled'))),
        CHECK ((awaits IS NOT NULL) = (state = 'waiting'))
    )
    """,
    "CREATE INDEX jobs_of_owner ON jobs (owner, kind, created_at DESC, id DESC)",
    "CREATE INDEX jobs_of_tenant ON jobs (tenant, kind, created_at DESC, id DESC)",
    "CREATE INDEX jobs_open ON jobs (kind, priority DESC, created_at) WHERE state IN ('queued', 'running', 'waiting')",
    "CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL",
    "CREATE INDEX jobs_of_parent ON jobs (parent) WHERE parent IS NOT NULL",
    # The same table as runyard.jobs.states.TRANSITIONS; a test compares the two.
    """
    CREATE FUNCTION job_may_become(was text, becomes text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
        SELECT (was, becomes) IN (
            ('queued', 'running'), ('queued', 'cancelled'), ('queued', 'failed'),
            ('running', 'queued'), ('running', 'waiting'),
            ('running', 'succeeded'), ('running', 'failed'), ('running', 'cancelled'),
            ('waiting', 'queued'), ('waiting', 'cancelled'), ('waiting', 'failed')
        )
    $$
    """,
    """
    CREATE FUNCTION refuse_bad_transition() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT job_may_become(OLD.state, NEW.state) THEN
            RAISE EXCEPTION 'job % may not go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE =
            'check_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER transitions BEFORE UPDATE ON jobs FOR EACH ROW
        WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION refuse_bad_transition()
    """,
    # ------------------------------------------------------------------ events
    """
    CREATE TABLE events (
        job uuid NOT NULL,
        seq bigint NOT NULL,
        at timestamptz NOT NULL,
        type text NOT NULL,
        body bytea NOT NULL
    ) PARTITION BY RANGE (at)
    """,
    "CREATE INDEX events_of_job ON events (job, seq)",
    "ALTER TABLE events ALTER body SET STORAGE EXTERNAL",  # bodies are compressed before they come here
    "CREATE TABLE events_rest PARTITION OF events DEFAULT",
    # ------------------------------------------------------------------ artifacts
    """
    CREATE TABLE blobs (
        digest text PRIMARY KEY CHECK (digest ~ '^[0-9a-f]{64}$'),
        size bigint NOT NULL,
        stored_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE artifacts (
        job uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
        name text NOT NULL,
        digest text NOT NULL REFERENCES blobs,
        content_type text NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (job, name)
    )
    """,
    "CREATE INDEX artifacts_of_blob ON artifacts (digest)",
    # ------------------------------------------------------------------ schedules
    """
    CREATE TABLE schedules (
        id uuid PRIMARY KEY,
        cron text NOT NULL,
        kind text NOT NULL,
        owner uuid NOT NULL,
        tenant text NOT NULL,
        params jsonb NOT NULL,
        priority integer NOT NULL,
        next_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX schedules_due ON schedules (next_at)",
    "CREATE INDEX schedules_of_tenant ON schedules (tenant)",
    # ------------------------------------------------------------------ idempotency
    """
    CREATE TABLE idempotency (
        scope text NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        job uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (scope, key)
    )
    """,
    "CREATE INDEX idempotency_age ON idempotency (created_at)",
)
