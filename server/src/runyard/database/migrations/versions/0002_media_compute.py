"""Numbers and permissions of users, word of their changes, and what the `compute` service keeps."""

STATEMENTS = (
    # ------------------------------------------------------------------ users
    # Numbers are what tokens and topics call users; those that were here before are numbered in the order they came.
    "ALTER TABLE users ADD number integer",
    """
    UPDATE users SET number = counted.number
    FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS number FROM users) AS counted
    WHERE counted.id = users.id
    """,
    "ALTER TABLE users ALTER number SET NOT NULL, ALTER number ADD GENERATED ALWAYS AS IDENTITY, ADD UNIQUE (number)",
    """
    SELECT setval(pg_get_serial_sequence('users', 'number'), COALESCE(max(number), 0) + 1, false) FROM users
    """,
    "ALTER TABLE users ADD permissions text[] NOT NULL DEFAULT '{}'",
    # The channel is runyard.identity.callers.CHANNEL. A trigger, since whoever changes a user has to be heard by all
    # processes that remember them, and memberships also go by cascade.
    """
    CREATE FUNCTION tell_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'users' THEN
            PERFORM pg_notify('runyard_identity', OLD.id::text);
        ELSE
            PERFORM pg_notify('runyard_identity', COALESCE(NEW.user_id, OLD.user_id)::text);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER changes AFTER UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION tell_of_user()
    """,
    """
    CREATE TRIGGER changes AFTER INSERT OR UPDATE OR DELETE ON memberships
        FOR EACH ROW EXECUTE FUNCTION tell_of_user()
    """,
    # ------------------------------------------------------------------ compute
    """
    CREATE TABLE compute_config (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        guest_mode boolean NOT NULL,
        updated_at timestamptz NOT NULL,
        updated_by integer NOT NULL
    )
    """,
    """
    CREATE TABLE mqtt_cursor (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        ended_until timestamptz NOT NULL
    )
    """,
)
