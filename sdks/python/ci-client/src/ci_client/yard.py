"""`CI`: a server, a key, and the pooled connections between; everything else hangs off it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import requests

from . import __version__
from ._wire.errors import ConnectionFailed, ProtocolError, RequestRejected, UsageError
from ._wire.requests_shell import Request, RequestsTransport, Timeouts, json_of, new_idempotency_key
from ._wire.retry import RetryPolicy
from .archive import Progress
from .events import JobSubmitted, event_from
from .follow import STREAM_TIMEOUTS, EventStream
from .job import Job
from .package import Package, build_package
from .records import Identity, JobSummary, identity_from, job_id_from, list_from, summary_from
from .settings import DEFAULT_SERVER_URL
from .upload import MultipartBody

_PAGE = 500
_UPLOAD_TIMEOUTS = Timeouts(connect=5.0, read=120.0)
# Below this, offering the digest first costs more than sending the package.
_OFFER_DIGEST_FROM = 64 * 1024


class CI:
    """The API of a CI server. Safe to share between threads; close it, or use it in a `with` block.

    Args:
        server_url: base address.
        api_key: the key, or None for a server that wants none.
        timeouts: to connect, and between two bytes of an answer.
        retry: how often and how long failed calls are repeated.
    """

    def __init__(
        self,
        server_url: str = DEFAULT_SERVER_URL,
        *,
        api_key: str | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._transport = RequestsTransport(
            server_url,
            api_key=api_key,
            timeouts=timeouts,
            policy=retry,
            user_agent=f"ci-client/{__version__}",
        )

    def __repr__(self) -> str:
        return f"CI({self.server_url!r})"

    def __enter__(self) -> CI:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def server_url(self) -> str:
        """The server's base address."""
        return self._transport.server_url

    @property
    def key_warning(self) -> str | None:
        """The server's last word on the key's age, for people; None when there is nothing to say."""
        return self._transport.key_warning

    def close(self) -> None:
        """Close the pooled connections."""
        self._transport.close()

    def submit(
        self,
        project: Path | str | Package,
        *,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        python: str | None = None,
        tests: Sequence[str] = (),
        network: bool = False,
        follow: bool = False,
        idempotency_key: str | None = None,
        on_package: Progress | None = None,
        on_upload: Progress | None = None,
    ) -> Job:
        """Send a project and have its tests run.

        Args:
            project: its root folder, or a package made of it before (which stays open).
            env: environment variables of the test process.
            timeout: seconds the tests may take.
            python: the version to run them with, such as `3.12`.
            tests: node ids or paths; none means all.
            network: let the tests use the network, where the operator allows it.
            follow: keep the stream open that the server answers with; `job.events()` then starts with it.
            idempotency_key: makes repeating this call, even from another process, give the same job.
            on_package: called with bytes packed and in all.
            on_upload: called with bytes sent and in all.

        Raises:
            PackageError: the project cannot be packed.
            StatusError: the server refused it.
            ConnectionFailed: no answer, after retries.
        """
        options = _options(env=env, timeout=timeout, python=python, tests=tests, network=network)
        fields = {"options": json.dumps(options)} if options else {}
        key = idempotency_key or new_idempotency_key()
        if isinstance(project, Package):
            return self._send(project, fields, key, follow=follow, on_upload=on_upload)
        with build_package(project, on_progress=on_package) as package:
            return self._send(package, fields, key, follow=follow, on_upload=on_upload)

    def job(self, job_id: str) -> Job:
        """A handle on a job. Nothing is asked of the server yet."""
        return Job(self._transport, job_id)

    def jobs(
        self,
        *,
        status: str | Sequence[str] = (),
        since: str | datetime | timedelta | None = None,
        limit: int | None = None,
    ) -> Iterator[JobSummary]:
        """Your jobs, newest first, fetched page by page as they are consumed.

        Args:
            status: only jobs in one of these.
            since: only jobs submitted since: a time, an age, or what the server reads as such (`2h`, `7d`).
            limit: stop after so many.
        """
        if limit is not None and limit < 1:
            raise UsageError(f"limit has to be at least 1, not {limit!r}")
        params = {"limit": str(min(limit or _PAGE, _PAGE))}
        statuses = [status] if isinstance(status, str) else list(status)
        if statuses:
            params["status"] = ",".join(statuses)
        if since is not None:
            params["since"] = _since(since)
        return self._pages(params, limit)

    def whoami(self) -> Identity:
        """Who the key belongs to, how old it is, and whether it is about to expire."""
        return identity_from(self._transport.json(Request(method="GET", path="/me")))

    def _pages(self, params: dict[str, str] | None, limit: int | None) -> Iterator[JobSummary]:
        left = limit
        while params is not None:
            page, params = self._transport.call(Request(method="GET", path="/jobs", params=params), _read_page)
            for summary in page:
                if left == 0:
                    return
                yield summary
                left = None if left is None else left - 1
            if left == 0:
                return

    def _send(
        self, package: Package, fields: dict[str, str], key: str, *, follow: bool, on_upload: Progress | None
    ) -> Job:
        offered = {**fields, "digest": package.digest}
        if package.size >= _OFFER_DIGEST_FROM:
            try:
                return self._post(lambda: MultipartBody(offered), key, follow=follow)
            except RequestRejected as error:
                # 412: the server does not have it. 422: an older server, which always wants the file.
                if error.status_code not in {412, 422} or (error.status_code == 422 and error.code):
                    raise
        return self._post(
            lambda: MultipartBody(offered, file=package.file, size=package.size, on_progress=on_upload),
            key,
            follow=follow,
        )

    def _post(self, body: Callable[[], MultipartBody], key: str, *, follow: bool) -> Job:
        request = Request(
            method="POST",
            path="/submit-stream" if follow else "/submit-async",
            params={"events": "all"} if follow else None,
            body=body,
            idempotency_key=key,
            stream=follow,
            timeouts=STREAM_TIMEOUTS if follow else _UPLOAD_TIMEOUTS,
        )
        return self._transport.call(request, self._followed_job if follow else self._accepted_job)

    def _accepted_job(self, response: requests.Response) -> Job:
        return Job(self._transport, job_id_from(json_of(response)))

    def _followed_job(self, response: requests.Response) -> Job:
        stream = EventStream(response)
        try:
            submitted = _first_event(stream, response.url)
        except BaseException:
            stream.close()
            raise
        return Job(self._transport, submitted.job_id, submitted=submitted, opened=stream)


def _first_event(stream: EventStream, url: str) -> JobSubmitted:
    for raw in stream:
        event = event_from(raw)
        if isinstance(event, JobSubmitted):
            return event
        raise ProtocolError(f"{url} began with {raw.data[:80]!r} instead of a job_id")
    raise ConnectionFailed("the body ended before the server named the job")


def _options(
    *,
    env: Mapping[str, str] | None,
    timeout: float | None,
    python: str | None,
    tests: Sequence[str],
    network: bool,
) -> dict[str, object]:
    if isinstance(tests, str):
        raise UsageError(f"tests has to be a list of node ids or paths, not the text {tests!r}")
    if timeout is not None and timeout <= 0:
        raise UsageError(f"timeout has to be more than 0 seconds, not {timeout!r}")
    options: dict[str, object] = {}
    if env:
        options["env"] = dict(env)
    if timeout is not None:
        options["timeout"] = timeout
    if python:
        options["python"] = python
    if tests:
        options["tests"] = list(tests)
    if network:
        options["network"] = True
    return options


def _since(since: str | datetime | timedelta) -> str:
    if isinstance(since, timedelta):
        return f"{int(since.total_seconds())}s"
    if isinstance(since, datetime):
        return since.astimezone().isoformat()
    return since


def _read_page(response: requests.Response) -> tuple[list[JobSummary], dict[str, str] | None]:
    """The jobs of one page, and the query of the next."""
    jobs = [summary_from(item) for item in list_from(json_of(response), "jobs")]
    following = response.links.get("next", {}).get("url")
    return jobs, dict(parse_qsl(urlsplit(following).query)) if following else None
