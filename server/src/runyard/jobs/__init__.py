"""The ground floor: jobs, their states, their gap-free event log, and the worker that runs them."""

from runyard.jobs.context import Executor, JobContext
from runyard.jobs.errors import (
    AttemptLost,
    EventsExpired,
    IdempotencyReused,
    JobEnded,
    JobError,
    JobFailed,
    JobNotFound,
    Postponed,
    RequestInFlight,
)
from runyard.jobs.idempotency import InFlight
from runyard.jobs.maintenance import Maintenance
from runyard.jobs.model import ARTIFACT, LOG, MESSAGE, PROGRESS, REPLY, STATE, Event, Job, NewJob, Once
from runyard.jobs.offers import Asked, File, Offer, Unservable
from runyard.jobs.queue import PgQueue, Queue
from runyard.jobs.schedules import Schedule, ScheduleRefused, Schedules
from runyard.jobs.states import TRANSITIONS, State
from runyard.jobs.store import JobStore
from runyard.jobs.tails import Tails
from runyard.jobs.worker import Registration, Worker

__all__ = [
    "ARTIFACT",
    "LOG",
    "MESSAGE",
    "PROGRESS",
    "REPLY",
    "STATE",
    "TRANSITIONS",
    "Asked",
    "AttemptLost",
    "Event",
    "EventsExpired",
    "Executor",
    "File",
    "IdempotencyReused",
    "InFlight",
    "Job",
    "JobContext",
    "JobEnded",
    "JobError",
    "JobFailed",
    "JobNotFound",
    "JobStore",
    "Maintenance",
    "NewJob",
    "Offer",
    "Once",
    "PgQueue",
    "Postponed",
    "Queue",
    "Registration",
    "RequestInFlight",
    "Schedule",
    "ScheduleRefused",
    "Schedules",
    "State",
    "Tails",
    "Unservable",
    "Worker",
]
