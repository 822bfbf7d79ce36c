"""The full-screen view of `ci ui`; needs the `ui` extra."""
