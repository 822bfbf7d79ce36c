"""A machine's own side: ``runyard machine run``. It needs the yard's address only, not its database or its folder."""
