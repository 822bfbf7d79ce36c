"""Word of changed keys, for the processes that remember whom they recognised."""

STATEMENTS = (
    # Every use of a key is noted in its row, too: that is no change of it.
    """
    CREATE TRIGGER changes AFTER UPDATE OF digest, project, expires_at, revoked_at OR DELETE ON api_keys
        FOR EACH ROW EXECUTE FUNCTION tell_of_user()
    """,
)
