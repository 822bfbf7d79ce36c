"""The process in the sandbox that touches files for an agent, and the worker's side of it."""
