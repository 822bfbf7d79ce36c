"""One Postgres: the embedded server by default, ``DATABASE_URL`` otherwise; pool, notifications, migrations."""

from runyard.database.connection import Connection, Database
from runyard.database.errors import DatabaseError, DatabaseUnavailable
from runyard.database.open import open_database
from runyard.database.signals import Signals
from runyard.database.tail import Tail

__all__ = ["Connection", "Database", "DatabaseError", "DatabaseUnavailable", "Signals", "Tail", "open_database"]
