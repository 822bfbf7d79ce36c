"""Messages to jobs that their senders may repeat."""

STATEMENTS = ("ALTER TABLE idempotency ADD seq bigint",)  # of the event that the request made; none: it made the job
