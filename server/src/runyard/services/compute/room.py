"""What the faces of this service stand on in an API process: the yard, the guests, the broker and the workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from runyard.jobs import Job, State
from runyard.services.compute.guests import Guests
from runyard.services.compute.mqtt.open import open_mqtt
from runyard.services.compute.mqtt.workers import Workers
from runyard.services.compute.words import task_type
from runyard.yard import Yard


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """``mqtt_url`` is where clients connect, None without MQTT; ``mqtt_port`` that of the embedded broker, if it is."""

    yard: Yard
    guests: Guests
    workers: Workers
    mqtt_url: str | None = None
    mqtt_port: int | None = None
    read: Callable[[Job], None] = lambda _job: None
    """To be told of every job whose record somebody was given."""

    def waiting_for(self, job: Job) -> str | None:
        """What a queued job waits for when no worker can take it; None when nothing is amiss or nobody knows."""
        return waiting_for(job, self.workers)


@asynccontextmanager
async def open_room(yard: Yard) -> AsyncIterator[Room]:
    """The service's part of an API process.

    Raises:
        InvalidBrokerUrl, BrokerPortTaken: there is no way to tell of events; the text says what to do.
    """
    guests = Guests(yard)
    await guests.start()
    async with open_mqtt(yard, guests=lambda: guests.welcome, waiting_for=waiting_for) as mqtt:
        yield Room(
            yard=yard, guests=guests, workers=mqtt.workers, mqtt_url=mqtt.url, mqtt_port=mqtt.port, read=mqtt.read
        )


def waiting_for(job: Job, workers: Workers) -> str | None:
    """See :meth:`Room.waiting_for`."""
    if job.state is not State.QUEUED or workers.offers(task_type(job)) is not False:
        return None
    return f"No worker offers {task_type(job)} now; the job waits for one."
