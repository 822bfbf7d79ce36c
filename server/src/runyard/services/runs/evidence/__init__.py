"""What was done, by whom, and that nobody has changed it since: the evidence of a workspace."""
