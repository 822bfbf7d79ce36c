"""What goes wrong with a sandbox itself, never with the command inside it."""


class SandboxError(Exception):
    """This command could not be started: a mount or program is missing, or the sandbox gave way."""


class SandboxUnavailable(SandboxError):
    """This machine has no way to keep other people's code apart."""
