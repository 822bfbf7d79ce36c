"""Evidence, events of workspaces, work items, human tasks, workforce, places."""

STATEMENTS = (
    # ------------------------------------------------------------------ evidence
    # No reference to a workspace: what was done in one stays proven when it has gone.
    """
    CREATE TABLE runs_heads (
        workspace text PRIMARY KEY,
        entries bigint NOT NULL DEFAULT 0,
        hash bytea CHECK (length(hash) = 32),  -- of the last entry
        at timestamptz,  -- of whatever was written last
        events bigint NOT NULL DEFAULT 0,
        CHECK ((entries = 0) = (hash IS NULL))
    )
    """,
    """
    CREATE TABLE runs_evidence (
        workspace text NOT NULL REFERENCES runs_heads,
        seq bigint NOT NULL CHECK (seq > 0),
        id uuid NOT NULL,
        at timestamptz NOT NULL,
        category text NOT NULL CHECK (category IN ('Plan', 'Action', 'Approval', 'Policy', 'System')),
        run_id text,
        plan_id text,
        work_item_id text,
        approval_id text,
        hash bytea NOT NULL CHECK (length(hash) = 32),
        body bytea NOT NULL,  -- the entry in canonical form, with its hash
        PRIMARY KEY (workspace, seq)
    )
    """,
    "CREATE UNIQUE INDEX runs_evidence_id ON runs_evidence (workspace, id)",
    "CREATE INDEX runs_evidence_run ON runs_evidence (workspace, run_id, seq) WHERE run_id IS NOT NULL",
    "CREATE INDEX runs_evidence_plan ON runs_evidence (workspace, plan_id, seq) WHERE plan_id IS NOT NULL",
    "CREATE INDEX runs_evidence_work ON runs_evidence (workspace, work_item_id, seq) WHERE work_item_id IS NOT NULL",
    "CREATE INDEX runs_evidence_category ON runs_evidence (workspace, category, seq)",
    """
    CREATE TABLE runs_evidence_nodes (
        workspace text NOT NULL REFERENCES runs_heads,
        level smallint NOT NULL CHECK (level > 0),
        at bigint NOT NULL,
        hash bytea NOT NULL CHECK (length(hash) = 32),
        PRIMARY KEY (workspace, level, at)
    )
    """,
    """
    CREATE TABLE runs_checkpoints (
        workspace text NOT NULL REFERENCES runs_heads,
        size bigint NOT NULL CHECK (size > 0),
        at timestamptz NOT NULL,
        note text NOT NULL,
        PRIMARY KEY (workspace, size)
    )
    """,
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is only ever appended to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
        for table in ("runs_evidence", "runs_evidence_nodes", "runs_checkpoints")
    ),
    # ------------------------------------------------------------------ events
    """
    CREATE TABLE runs_events (
        workspace text NOT NULL REFERENCES runs_heads,
        seq bigint NOT NULL,
        at timestamptz NOT NULL,
        body bytea NOT NULL,
        PRIMARY KEY (workspace, seq)
    )
    """,
    # ------------------------------------------------------------------ people
    """
    CREATE TABLE runs_workforce (
        workspace text NOT NULL REFERENCES projects ON DELETE CASCADE,
        id text NOT NULL,
        user_id uuid NOT NULL,
        display_name text NOT NULL,
        capabilities text[] NOT NULL CHECK (cardinality(capabilities) > 0),
        availability text NOT NULL DEFAULT 'available' CHECK (availability IN ('available', 'busy', 'offline')),
        created_at timestamptz NOT NULL,
        updated_at timestamptz,
        PRIMARY KEY (workspace, id),
        CONSTRAINT runs_workforce_once UNIQUE (workspace, user_id)
    )
    """,
    "CREATE INDEX runs_workforce_list ON runs_workforce (workspace, created_at, id)",
    """
    CREATE TABLE runs_queues (
        workspace text NOT NULL REFERENCES projects ON DELETE CASCADE,
        id text NOT NULL,
        name text NOT NULL,
        capabilities text[] NOT NULL CHECK (cardinality(capabilities) > 0),
        strategy text NOT NULL CHECK (strategy IN ('round-robin', 'least-busy', 'manual')),
        created_at timestamptz NOT NULL,
        PRIMARY KEY (workspace, id),
        CONSTRAINT runs_queues_name UNIQUE (workspace, name)
    )
    """,
    "CREATE INDEX runs_queues_list ON runs_queues (workspace, created_at, id)",
    """
    CREATE TABLE runs_queue_members (
        workspace text NOT NULL,
        queue text NOT NULL,
        member text NOT NULL,
        place integer NOT NULL,
        given_at timestamptz,  -- when the queue last gave them a task
        PRIMARY KEY (workspace, queue, member),
        FOREIGN KEY (workspace, queue) REFERENCES runs_queues ON DELETE CASCADE,
        FOREIGN KEY (workspace, member) REFERENCES runs_workforce ON DELETE CASCADE
    )
    """,
    "CREATE INDEX runs_queue_members_of ON runs_queue_members (workspace, member)",
    """
    CREATE TABLE runs_work_items (
        workspace text NOT NULL REFERENCES projects ON DELETE CASCADE,
        id text NOT NULL,
        title text NOT NULL,
        status text NOT NULL CHECK (status IN ('Open', 'InProgress', 'Blocked', 'Resolved', 'Closed')),
        owner uuid,
        member text,  -- of the workforce, whom it is assigned to
        due_at timestamptz,
        external_refs jsonb NOT NULL DEFAULT '[]',
        run_ids text[] NOT NULL DEFAULT '{}',
        workflow_ids text[] NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL,
        created_by text NOT NULL,
        PRIMARY KEY (workspace, id),
        FOREIGN KEY (workspace, member) REFERENCES runs_workforce
    )
    """,
    "CREATE INDEX runs_work_items_list ON runs_work_items (workspace, created_at, id)",
    "CREATE INDEX runs_work_items_runs ON runs_work_items USING gin (run_ids)",
    """
    CREATE TABLE runs_human_tasks (
        workspace text NOT NULL,
        id text NOT NULL,
        work_item text NOT NULL,
        run_id text NOT NULL,
        step_id text NOT NULL,
        attempt integer NOT NULL,
        description text NOT NULL,
        capabilities text[] NOT NULL,
        status text NOT NULL CHECK (status IN ('pending', 'assigned', 'in-progress', 'completed', 'escalated')),
        assignee text,
        queue text,
        due_at timestamptz,
        created_at timestamptz NOT NULL,
        completed_at timestamptz,
        completed_by uuid,
        note text,
        evidence text,
        withdrawn_at timestamptz,  -- when the run no longer waited for it
        correlation_id text NOT NULL,
        PRIMARY KEY (workspace, id),
        UNIQUE (workspace, run_id, step_id, attempt),
        FOREIGN KEY (workspace, work_item) REFERENCES runs_work_items ON DELETE CASCADE,
        FOREIGN KEY (workspace, assignee) REFERENCES runs_workforce,
        FOREIGN KEY (workspace, queue) REFERENCES runs_queues,
        CHECK ((completed_at IS NOT NULL) = (status = 'completed'))
    )
    """,
    "CREATE INDEX runs_human_tasks_list ON runs_human_tasks (workspace, created_at, id)",
    "CREATE INDEX runs_human_tasks_by_status ON runs_human_tasks (workspace, status, created_at, id)",
    (
        "CREATE INDEX runs_human_tasks_by_assignee ON runs_human_tasks (workspace, assignee, created_at, id)"
        " WHERE assignee IS NOT NULL"
    ),
    """
    CREATE INDEX runs_human_tasks_of ON runs_human_tasks (workspace, assignee)
        WHERE status <> 'completed' AND withdrawn_at IS NULL
    """,
    # ------------------------------------------------------------------ places
    """
    CREATE TABLE runs_locations (
        workspace text NOT NULL REFERENCES projects ON DELETE CASCADE,
        seq bigint GENERATED ALWAYS AS IDENTITY,
        id text NOT NULL,
        asset text NOT NULL,
        source_type text NOT NULL,
        site text,
        floor text,
        observed_at timestamptz NOT NULL,
        ingested_at timestamptz NOT NULL,
        body bytea NOT NULL,  -- as the protocol shows it
        PRIMARY KEY (workspace, seq)
    )
    """,
    "CREATE INDEX runs_locations_list ON runs_locations (workspace, observed_at, id)",
    "CREATE INDEX runs_locations_asset ON runs_locations (workspace, asset, observed_at, id)",
    """
    CREATE TABLE runs_map_layers (
        workspace text NOT NULL REFERENCES projects ON DELETE CASCADE,
        id text NOT NULL,
        site text NOT NULL,
        floor text NOT NULL,
        layer_type text NOT NULL,
        coordinate_frame text NOT NULL,
        version integer NOT NULL CHECK (version > 0),
        valid_from timestamptz NOT NULL,
        valid_to timestamptz CHECK (valid_to > valid_from),
        created_at timestamptz NOT NULL,
        PRIMARY KEY (workspace, id)
    )
    """,
    "CREATE INDEX runs_map_layers_list ON runs_map_layers (workspace, created_at, id)",
    "CREATE UNIQUE INDEX runs_map_layers_once ON runs_map_layers (workspace, site, floor, layer_type, version)",
)
