"""Machines, agents, adapters, grants, policies, invocations."""

STATEMENTS: tuple[str, ...] = (
    # ------------------------------------------------------------------ machines
    """
    CREATE TABLE runs_machines (
        workspace text NOT NULL REFERENCES projects ON DELETE CASCADE,
        id text NOT NULL,
        hostname text NOT NULL,
        os_image text,
        capabilities text[],  -- of the protocol's short list; none: nobody said
        operations text[],  -- that it may be asked to do; none: whatever it declares when it enrols
        declared text[],  -- that it last said it can do
        slots integer NOT NULL CHECK (slots > 0),
        standing text NOT NULL CHECK (standing IN ('active', 'draining', 'quarantined')),
        reason text,  -- of a quarantine
        created_at timestamptz NOT NULL,
        enrolment bytea,  -- digest of the token it may enrol with
        enrolment_ends_at timestamptz,
        enrolled_at timestamptz,
        client_id text,  -- of its service account
        heard_at timestamptz,
        heard_ok boolean NOT NULL DEFAULT true,
        heard jsonb,  -- what it last said of itself
        deregistered_at timestamptz,
        PRIMARY KEY (workspace, id),
        CHECK ((enrolment IS NULL) = (enrolment_ends_at IS NULL)),
        CHECK ((enrolled_at IS NULL) = (client_id IS NULL)),
        CHECK ((standing = 'quarantined') = (reason IS NOT NULL))
    )
    """,
    "CREATE INDEX runs_machines_list ON runs_machines (workspace, created_at, id) WHERE deregistered_at IS NULL",
    "CREATE UNIQUE INDEX runs_machines_name ON runs_machines (workspace, hostname) WHERE deregistered_at IS NULL",
    # ------------------------------------------------------------------ what they are asked to do
    """
    CREATE TABLE runs_invocations (
        workspace text NOT NULL,
        id text NOT NULL,
        machine_id text NOT NULL,
        operation text NOT NULL,
        input jsonb NOT NULL,
        credentials jsonb,  -- references to them, never themselves
        run_id text,
        plan_id text,
        action_id text,
        asked_by text NOT NULL,
        correlation_id text NOT NULL,
        status text NOT NULL CHECK (status IN ('accepted', 'running', 'completed', 'failed')),
        delivery integer NOT NULL DEFAULT 0,  -- how often it was handed out
        created_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,  -- by when it has to have ended
        held_until timestamptz,  -- until then it is the machine's that it was handed to
        started_at timestamptz,
        ended_at timestamptz,
        output jsonb,
        error jsonb,
        last_seq integer NOT NULL DEFAULT 0,
        PRIMARY KEY (workspace, id),
        FOREIGN KEY (workspace, machine_id) REFERENCES runs_machines ON DELETE CASCADE,
        CHECK ((status IN ('completed', 'failed')) = (ended_at IS NOT NULL)),
        CHECK ((status = 'completed') = (output IS NOT NULL)),
        CHECK ((status = 'failed') = (error IS NOT NULL)),
        CHECK (status <> 'running' OR held_until IS NOT NULL)
    )
    """,
    "CREATE INDEX runs_invocations_list ON runs_invocations (workspace, machine_id, created_at, id)",
    (
        "CREATE INDEX runs_invocations_open ON runs_invocations (workspace, machine_id, created_at, id)"
        " WHERE ended_at IS NULL"
    ),
    "CREATE INDEX runs_invocations_due ON runs_invocations (due_at) WHERE ended_at IS NULL",
    "CREATE INDEX runs_invocations_held ON runs_invocations (held_until) WHERE status = 'running'",
    "CREATE INDEX runs_invocations_run ON runs_invocations (workspace, run_id) WHERE run_id IS NOT NULL",
    """
    CREATE TABLE runs_invocation_events (
        workspace text NOT NULL,
        invocation text NOT NULL,
        seq integer NOT NULL,
        at timestamptz NOT NULL,
        type text NOT NULL,
        body jsonb NOT NULL,
        PRIMARY KEY (workspace, invocation, seq),
        FOREIGN KEY (workspace, invocation) REFERENCES runs_invocations ON DELETE CASCADE
    )
    """,
    # ------------------------------------------------------------------ agents
    """
    CREATE TABLE runs_agents (
        workspace text NOT NULL REFERENCES projects ON DELETE CASCADE,
        id text NOT NULL,
        name text NOT NULL,
        model_id text,
        endpoint text NOT NULL,
        capabilities text[] NOT NULL,
        machine_id text,
        tools text[],  -- it may use; none: all that its tier lets it
        tier text NOT NULL,
        quarantine text,  -- why, while it is in quarantine
        created_at timestamptz NOT NULL,
        heard_at timestamptz,
        heard_ok boolean NOT NULL DEFAULT true,
        heard jsonb,
        PRIMARY KEY (workspace, id),
        FOREIGN KEY (workspace, machine_id) REFERENCES runs_machines
    )
    """,
    "CREATE INDEX runs_agents_list ON runs_agents (workspace, created_at, id)",
    "CREATE UNIQUE INDEX runs_agents_name ON runs_agents (workspace, name)",
    # ------------------------------------------------------------------ adapters and what they are granted
    """
    CREATE TABLE runs_adapters (
        workspace text NOT NULL REFERENCES projects ON DELETE CASCADE,
        id text NOT NULL,
        provider text NOT NULL,
        family text NOT NULL,
        enabled boolean NOT NULL,
        policy jsonb NOT NULL,
        capabilities jsonb NOT NULL,
        machines jsonb,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (workspace, id)
    )
    """,
    "CREATE INDEX runs_adapters_list ON runs_adapters (workspace, created_at, id)",
    "CREATE INDEX runs_adapters_family ON runs_adapters (workspace, family) WHERE enabled",
    """
    CREATE TABLE runs_grants (
        workspace text NOT NULL,
        id text NOT NULL,
        adapter_id text NOT NULL,
        credentials_ref text NOT NULL,
        scope text NOT NULL,
        issued_at timestamptz NOT NULL,
        expires_at timestamptz,
        rotated_at timestamptz,
        revoked_at timestamptz,
        PRIMARY KEY (workspace, id),
        FOREIGN KEY (workspace, adapter_id) REFERENCES runs_adapters ON DELETE CASCADE
    )
    """,
    "CREATE INDEX runs_grants_list ON runs_grants (workspace, issued_at, id)",
    "CREATE INDEX runs_grants_adapter ON runs_grants (workspace, adapter_id) WHERE revoked_at IS NULL",
    # ------------------------------------------------------------------ policies
    """
    CREATE TABLE runs_policies (
        workspace text NOT NULL REFERENCES projects ON DELETE CASCADE,
        id text NOT NULL,
        name text NOT NULL,
        description text,
        active boolean NOT NULL,
        priority integer NOT NULL,
        version integer NOT NULL,
        created_at timestamptz NOT NULL,
        created_by text NOT NULL,
        constraints jsonb NOT NULL,
        rules jsonb NOT NULL,
        PRIMARY KEY (workspace, id)
    )
    """,
    "CREATE INDEX runs_policies_list ON runs_policies (workspace, created_at, id)",
    """
    CREATE TABLE runs_proposals (
        workspace text NOT NULL,
        id text NOT NULL,
        agent_id text NOT NULL,
        machine_id text,  -- that does it once it is approved; none: the agent does it itself
        key text,
        tool text NOT NULL,
        kind text NOT NULL,
        parameters jsonb NOT NULL,
        rationale text NOT NULL,
        proposed_by text NOT NULL,
        correlation_id text NOT NULL,
        decision text NOT NULL CHECK (decision IN ('Allow', 'NeedsApproval')),
        reason text NOT NULL,
        plan_id text,
        approval_id text,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (workspace, id),
        FOREIGN KEY (workspace, agent_id) REFERENCES runs_agents ON DELETE CASCADE,
        CHECK ((decision = 'NeedsApproval') = (approval_id IS NOT NULL))
    )
    """,
    "CREATE INDEX runs_proposals_tied ON runs_proposals (workspace, agent_id, correlation_id)",
    "CREATE UNIQUE INDEX runs_proposals_key ON runs_proposals (workspace, agent_id, key) WHERE key IS NOT NULL",
    (
        "CREATE UNIQUE INDEX runs_proposals_approval ON runs_proposals (workspace, approval_id)"
        " WHERE approval_id IS NOT NULL"
    ),
)
