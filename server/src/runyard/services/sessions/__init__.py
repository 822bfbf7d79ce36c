"""Agent sessions on git repositories: the protocol at the edge, and the agents behind it."""
