"""Structured logs: one setup for the yard's own records and its libraries', with secrets masked on the way out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping

import structlog

from runyard.settings import Settings

SECRET_NAMES = frozenset({"authorization", "cookie", "password", "api_key", "token", "secret", "dsn", "database_url"})
SECRETS = re.compile(r"\b((?:ci|ry)_[A-Za-z0-9_-]{4})[A-Za-z0-9_-]{16,}|(?<=://)([^/:@\s]+:)[^/@\s]+(?=@)")


def configure_logs(settings: Settings) -> None:
    """Send every record of this process to stderr, as lines for people on a terminal and as JSON elsewhere."""
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level.upper())),
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer()
    )
    rendering = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, renderer]
    if not console:
        rendering.insert(1, structlog.processors.format_exc_info)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=rendering))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for chatty in ("pgqueuer", "uvicorn.error", "uvicorn.access", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def redact(_logger: object, _method: str, record: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Mask values that are secrets by name or by look."""
    for name, value in record.items():
        if name.lower() in SECRET_NAMES:
            record[name] = "***"
        elif isinstance(value, str):
            record[name] = mask(value)
    return record


def mask(text: str) -> str:
    """Replace what looks like a key, a token or the password of a URL."""
    return SECRETS.sub(lambda found: f"{found[1] or found[2]}***", text)
