"""What each `ci` command does; `ci_client.cli` loads only the one that was asked for."""
