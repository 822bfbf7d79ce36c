"""What can go wrong between the yard and its database."""


class DatabaseError(Exception):
    """Base of the database floor's own errors."""


class DatabaseUnavailable(DatabaseError):
    """The server did not answer within ``RUNYARD_DATABASE_TIMEOUT``, or the embedded one cannot start."""
