"""Policies: what may be done without asking, what takes approval, and what not even that would allow."""
