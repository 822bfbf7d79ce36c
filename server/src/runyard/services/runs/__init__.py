"""Governed workflow runs: the control plane's protocol, and the engine, approvals and evidence behind it."""
