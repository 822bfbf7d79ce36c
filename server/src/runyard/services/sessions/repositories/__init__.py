"""Repositories of strangers: which may be fetched, how they get here, and how they are kept while a session waits."""
