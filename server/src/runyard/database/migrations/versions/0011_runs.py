"""Workflows, plans, runs, steps, approvals."""

STATEMENTS: tuple[str, ...] = (
    # ------------------------------------------------------------------ jobs
    "ALTER TABLE jobs DROP CONSTRAINT jobs_awaits_check",
    "ALTER TABLE jobs ADD CONSTRAINT jobs_awaits_check CHECK (awaits IN ('children', 'message', 'news', 'time'))",
    # ------------------------------------------------------------------ workflows
    """
    CREATE TABLE workflows (
        workspace text NOT NULL REFERENCES projects ON DELETE CASCADE,
        id text NOT NULL,
        name text NOT NULL,
        description text,
        version integer NOT NULL CHECK (version > 0),
        active boolean NOT NULL,
        created_at timestamptz NOT NULL,
        archived_at timestamptz,
        PRIMARY KEY (workspace, id)
    )
    """,
    "CREATE UNIQUE INDEX workflows_name ON workflows (workspace, name) WHERE archived_at IS NULL",
    "CREATE INDEX workflows_list ON workflows (workspace, created_at, id) WHERE archived_at IS NULL",
    # A version never changes: runs keep theirs.
    """
    CREATE TABLE workflow_versions (
        workspace text NOT NULL,
        workflow text NOT NULL,
        version integer NOT NULL,
        spec jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        created_by uuid NOT NULL,
        PRIMARY KEY (workspace, workflow, version),
        FOREIGN KEY (workspace, workflow) REFERENCES workflows ON DELETE CASCADE
    )
    """,
    # ------------------------------------------------------------------ runs
    """
    CREATE TABLE runs (
        id text PRIMARY KEY,
        workspace text NOT NULL,
        workflow text NOT NULL,
        workflow_version integer NOT NULL,
        job uuid NOT NULL,  -- the one that advances it; no reference, since jobs have a retention of their own
        status text NOT NULL CHECK (status IN
            ('Pending', 'Running', 'WaitingForApproval', 'Paused', 'Succeeded', 'Failed', 'Cancelled')),
        tier text NOT NULL,
        correlation_id text NOT NULL,
        started_by uuid NOT NULL,
        parameters jsonb NOT NULL,
        revision integer NOT NULL DEFAULT 1,
        hold text,
        operator text,
        output jsonb,
        error jsonb,
        deadline timestamptz NOT NULL,
        retry_of text,
        created_at timestamptz NOT NULL,
        started_at timestamptz CHECK (started_at >= created_at),
        ended_at timestamptz CHECK (ended_at >= coalesce(started_at, created_at)),
        FOREIGN KEY (workspace, workflow, workflow_version) REFERENCES workflow_versions ON DELETE CASCADE,
        CHECK ((ended_at IS NOT NULL) = (status IN ('Succeeded', 'Failed', 'Cancelled'))),
        CHECK ((hold IS NOT NULL) = (status = 'Paused'))
    )
    """,
    "CREATE INDEX runs_list ON runs (workspace, created_at, id)",
    "CREATE INDEX runs_by_status ON runs (workspace, status, created_at, id)",
    "CREATE INDEX runs_by_workflow ON runs (workspace, workflow, created_at, id)",
    "CREATE INDEX runs_by_starter ON runs (workspace, started_by, created_at, id)",
    "CREATE INDEX runs_by_correlation ON runs (workspace, correlation_id, created_at, id)",
    "CREATE INDEX runs_open ON runs (job) WHERE ended_at IS NULL",
    # What runyard.services.runs.engine.states.TRANSITIONS allows, the ways through Running included; a test compares.
    """
    CREATE FUNCTION run_may_become(was text, becomes text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
        SELECT was NOT IN ('Succeeded', 'Failed', 'Cancelled') AND becomes <> 'Pending'
    $$
    """,
    """
    CREATE FUNCTION refuse_bad_run() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT run_may_become(OLD.status, NEW.status) THEN
            RAISE EXCEPTION 'run % may not go from % to %', OLD.id, OLD.status, NEW.status USING ERRCODE =
            'check_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER transitions BEFORE UPDATE ON runs FOR EACH ROW
        WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION refuse_bad_run()
    """,
    # An action that nothing has happened to has no row.
    """
    CREATE TABLE runs_steps (
        run text NOT NULL REFERENCES runs ON DELETE CASCADE,
        action text NOT NULL,
        place integer NOT NULL,
        status text NOT NULL CHECK (status IN ('Pending', 'Running', 'Succeeded', 'Failed', 'Cancelled', 'Skipped')),
        attempt integer NOT NULL,
        work text CHECK (work IN ('job', 'person', 'machine')),
        work_id text,
        served_by text,
        input jsonb,
        output jsonb,
        files jsonb NOT NULL,
        error jsonb,
        ready_at timestamptz,
        deadline timestamptz,
        started_at timestamptz,
        ended_at timestamptz,
        PRIMARY KEY (run, action)
    )
    """,
    (
        "CREATE INDEX runs_steps_files ON runs_steps USING gin"
        " (jsonb_path_query_array(files, '$.*.sha256') jsonb_path_ops) WHERE files <> '{}'"
    ),
    """
    CREATE TABLE runs_plans (
        id text PRIMARY KEY,
        workspace text NOT NULL,
        run text NOT NULL,
        action text,  -- none: the whole run
        body jsonb NOT NULL,
        hash text NOT NULL,
        created_at timestamptz NOT NULL,
        created_by uuid NOT NULL
    )
    """,
    "CREATE INDEX runs_plans_run ON runs_plans (run)",
    # ------------------------------------------------------------------ approvals
    # No reference to a run: what an agent proposes has none.
    """
    CREATE TABLE runs_approvals (
        id text PRIMARY KEY,
        workspace text NOT NULL,
        run text NOT NULL,
        plan text NOT NULL,
        action text,
        work_item text,
        prompt text NOT NULL,
        status text NOT NULL CHECK (status IN ('Pending', 'Approved', 'Denied', 'RequestChanges')),
        plan_hash text NOT NULL,
        quorum integer NOT NULL CHECK (quorum > 0),
        roles text[] NOT NULL,
        barred uuid[] NOT NULL,
        asked uuid[] NOT NULL,
        requested_by uuid NOT NULL,
        requested_at timestamptz NOT NULL,
        assignee uuid,
        due_at timestamptz CHECK (due_at >= requested_at),
        escalate_to text[] NOT NULL,
        escalate_after double precision,
        escalated integer NOT NULL DEFAULT 0,
        decided_at timestamptz CHECK (decided_at >= requested_at),
        decided_by uuid,
        rationale text,
        correlation_id text NOT NULL,
        void boolean NOT NULL DEFAULT false,
        CHECK ((decided_at IS NOT NULL) = (status <> 'Pending')),
        CHECK (status <> 'Pending' OR (decided_by IS NULL AND rationale IS NULL AND NOT void))
    )
    """,
    "CREATE INDEX runs_approvals_list ON runs_approvals (workspace, requested_at, id)",
    "CREATE INDEX runs_approvals_by_status ON runs_approvals (workspace, status, requested_at, id)",
    "CREATE INDEX runs_approvals_by_plan ON runs_approvals (workspace, plan, requested_at, id)",
    "CREATE INDEX runs_approvals_by_asker ON runs_approvals (workspace, requested_by, requested_at, id)",
    (
        "CREATE INDEX runs_approvals_by_assignee ON runs_approvals (workspace, assignee, requested_at, id)"
        " WHERE assignee IS NOT NULL"
    ),
    (
        "CREATE INDEX runs_approvals_by_work_item ON runs_approvals (workspace, work_item, requested_at, id)"
        " WHERE work_item IS NOT NULL"
    ),
    "CREATE INDEX runs_approvals_run ON runs_approvals (run)",
    "CREATE INDEX runs_approvals_due ON runs_approvals (due_at) WHERE status = 'Pending'",
    """
    CREATE TABLE runs_votes (
        approval text NOT NULL REFERENCES runs_approvals ON DELETE CASCADE,
        user_id uuid NOT NULL,
        at timestamptz NOT NULL,
        rationale text NOT NULL,
        PRIMARY KEY (approval, user_id)
    )
    """,
    # ------------------------------------------------------------------ files
    """
    CREATE TABLE runs_files (
        workspace text NOT NULL REFERENCES projects ON DELETE CASCADE,
        digest text NOT NULL REFERENCES blobs,
        name text NOT NULL,
        size bigint NOT NULL,
        created_at timestamptz NOT NULL,
        created_by uuid NOT NULL,
        PRIMARY KEY (workspace, digest)
    )
    """,
)
