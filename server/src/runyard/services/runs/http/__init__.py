"""HTTP calls as actions of runs."""
