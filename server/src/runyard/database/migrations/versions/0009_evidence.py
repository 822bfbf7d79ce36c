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
)
