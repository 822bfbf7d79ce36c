"""The agents that work on sessions, behind one interface, and the table that says which model is whose."""
