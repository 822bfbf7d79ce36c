"""How a governed run goes on: pure rules, the rows it is kept in, and the executor that brings them together."""
