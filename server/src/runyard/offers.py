"""What the services of the yard offer to governed runs, all together."""

from __future__ import annotations

from runyard.jobs import Offer
from runyard.services.ci import offers as ci
from runyard.services.compute import offers as compute
from runyard.services.inferlets import offers as inferlets
from runyard.services.inferlets.programs import Programs
from runyard.services.sessions import offers as sessions
from runyard.services.sessions.agents.models import ModelTable
from runyard.yard import Yard


def offered(yard: Yard, *, programs: Programs, models: ModelTable) -> list[Offer]:
    """Everything on offer."""
    return [
        *ci.offers(yard),
        *compute.offers(yard),
        *inferlets.offers(yard, programs),
        *sessions.offers(yard, models),
    ]
