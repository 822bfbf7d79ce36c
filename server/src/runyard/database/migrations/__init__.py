"""The tables' history, run by Alembic. Written so that old and new code can run side by side during an upgrade."""
