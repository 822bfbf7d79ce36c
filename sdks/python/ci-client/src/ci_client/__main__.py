"""`python -m ci_client` is `ci`."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
