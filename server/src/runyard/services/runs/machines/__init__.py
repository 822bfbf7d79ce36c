"""Machines that do work of runs, on the yard's side: who they are, what they may do, what they were given to do."""
