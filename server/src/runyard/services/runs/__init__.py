"""Governed workflow runs: the control plane's protocol at the edge, and the engine, approvals and evidence behind it."""
