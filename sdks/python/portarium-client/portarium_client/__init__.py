"""A client library for accessing Portarium Control Plane API"""

from .client import AuthenticatedClient, Client
from .credentials import ClientCredentials
from .errors import ApiError, PortariumError
from .events import Event, aiter_events, iter_events
from .pagination import aiterate, iterate
from .retries import Retries
from .waiting import await_run, wait_for_run

__all__ = (
    "ApiError",
    "AuthenticatedClient",
    "Client",
    "ClientCredentials",
    "Event",
    "PortariumError",
    "Retries",
    "aiter_events",
    "aiterate",
    "await_run",
    "iter_events",
    "iterate",
    "wait_for_run",
)
