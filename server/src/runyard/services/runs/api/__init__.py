"""The HTTP face: one module per noun of the protocol, and the edge they share."""
