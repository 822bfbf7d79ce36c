"""The embedded MQTT broker: lets clients in, keeps retained messages, hands on what the yard publishes.

Small on purpose. It speaks MQTT 3.1.1 and 5 with QoS 0 and 1 over TCP; sessions end with their connection, since the
event log remembers what a client has missed. For anything more there is ``MQTT_URL``.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from runyard.clock import Clock
from runyard.database import DatabaseUnavailable
from runyard.identity import CredentialError, Forbidden
from runyard.services.compute.mqtt import access, packets
from runyard.services.compute.mqtt.access import Action, Authenticate, Caller, SharedEvents
from runyard.services.compute.mqtt.packets import Message
from runyard.services.compute.mqtt.session import Client, Session, Subscription
from runyard.services.compute.mqtt.tasks import stop
from runyard.services.compute.mqtt.topics import FilterTree

log = structlog.get_logger(__name__)

CONNECTIONS: Final = 2000
BACKLOG: Final = 1024
RETAINED: Final = 10_000
"""Topics with a retained message. Each worker has one."""

RECHECK: Final = 5.0
"""Seconds after which a credential that was taken away is noticed. One that expires is noticed at once."""

LOOK_EVERY: Final = 0.5


class BrokerPortTaken(Exception):
    """The broker can't listen; the text says why and what to do."""

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(
            f"Port {port} on {host} can't be used for MQTT ({why}). Choose another with RUNYARD_MQTT_PORT (0 picks a "
            f"free one), or name a broker that is there already: MQTT_URL=mqtt://{host}:{port}."
        )


class EmbeddedBroker:
    """A broker in this process.

    Args:
        secret: proves the yard's own connections.
        authenticate: who the bearer of a token or API key is.
        clock: the present, in UTC.
        guests: whether callers without a credential may use the service now.
        shared_events: whose jobs the topic of all is about.
    """

    def __init__(
        self,
        *,
        secret: str,
        authenticate: Authenticate,
        clock: Clock,
        guests: Callable[[], bool],
        shared_events: SharedEvents,
    ) -> None:
        self._secret = secret
        self._authenticate = authenticate
        self._clock = clock
        self._guests = guests
        self._shared_events: SharedEvents = shared_events
        self._admitted: set[Session] = set()
        self._sessions: dict[tuple[int | None, str], Session] = {}
        self._filters: FilterTree[Subscription] = FilterTree()
        self._retained: dict[str, Message] = {}
        self._stopping = False

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._admitted)

    @asynccontextmanager
    async def listen(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve until the end of the block, and yield the port.

        Raises:
            BrokerPortTaken: it can't be listened on.
        """
        try:
            listener = await asyncio.to_thread(_bind, host, port)
        except OSError as error:
            raise BrokerPortTaken(host, port, error.strerror or str(error)) from error
        server = await asyncio.get_running_loop().create_server(lambda: Session(self), sock=listener)
        chores = [
            asyncio.create_task(self._watch_silence(), name="mqtt silence"),
            asyncio.create_task(self._watch_credentials(), name="mqtt credentials"),
        ]
        try:
            yield listener.getsockname()[1]
        finally:
            server.close()
            await stop(*chores)
            await self._close_sessions()

    async def _close_sessions(self) -> None:
        self._stopping = True
        leaving = list(self._admitted)
        for session in leaving:
            session.close(packets.SHUTTING_DOWN, with_will=False)
        for session in leaving:
            await session.over.wait()  # sessions cut their connections themselves when a client doesn't take the word

    # ---------------------------------------------------------------- connections

    def admit(self, session: Session) -> bool:
        """Whether there is room for one more connection."""
        if self._stopping or len(self._admitted) >= CONNECTIONS:
            log.warning("mqtt_connection_refused", connections=len(self._admitted), limit=CONNECTIONS)
            return False
        self._admitted.add(session)
        return True

    async def identify(self, username: str | None, password: str | None) -> Caller:
        """Who a client is; see :func:`access.who`."""
        return await access.who(username, password, secret=self._secret, authenticate=self._authenticate)

    def enter(self, session: Session) -> None:
        """Take a client in. Another connection of the same caller under the same name ends."""
        key = self._key(session)
        if (old := self._sessions.get(key)) is not None:
            old.close(packets.TAKEN_OVER)
        self._sessions[key] = session

    def leave(self, session: Session) -> None:
        """Forget a client that has gone."""
        self._admitted.discard(session)
        for filter_ in list(session.filters):
            self.unsubscribe(session, filter_)
        if session.caller is not None and self._sessions.get(self._key(session)) is session:
            del self._sessions[self._key(session)]

    def _key(self, session: Session) -> tuple[int | None, str]:
        """What names a client: nobody can push out another's by using its name."""
        assert session.caller is not None
        return session.caller.number, session.client_id

    async def _watch_silence(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.close_overdue()

    async def _watch_credentials(self) -> None:
        while True:
            await asyncio.sleep(RECHECK)
            try:
                await self.recheck_credentials()
            except Exception:  # whatever keeps us from asking now, the next round asks again
                log.exception("mqtt_recheck_failed")

    def close_overdue(self) -> None:
        """Let go of clients that have been silent for too long, and of those whose token has expired."""
        now = self._clock()
        for session in list(self._admitted):
            if session.silent:
                session.close(packets.KEEP_ALIVE_TIMEOUT)
            elif session.caller is not None and session.caller.until is not None and now >= session.caller.until:
                session.close(packets.NOT_AUTHORIZED)

    async def recheck_credentials(self) -> None:
        """Let go of clients whose user was deactivated or whose key was revoked."""
        for session in list(self._sessions.values()):
            if session.caller in {access.YARD, access.GUESTS}:
                continue
            try:
                session.caller = await self.identify(*session.credential)
            except (CredentialError, Forbidden):
                session.close(packets.NOT_AUTHORIZED)
            except DatabaseUnavailable:
                return  # nobody can say now; the next round may

    # ---------------------------------------------------------------- topics

    def may(self, client: Client, action: Action, topic: str) -> bool:
        """Whether a client may do that; see :func:`access.may`."""
        assert client.caller is not None
        return access.may(
            client.caller, action, topic,
            now=self._clock(), guests=self._guests(), shared_events=self._shared_events,
        )  # fmt: skip

    def subscribe(self, subscription: Subscription) -> None:
        """Hand what matches on to a client from now on. An earlier subscription to the same filter is replaced."""
        client, filter_ = subscription.client, subscription.wish.filter
        self.unsubscribe(client, filter_)
        client.filters[filter_] = subscription
        self._filters.add(filter_, subscription)

    def unsubscribe(self, client: Client, filter_: str) -> bool:
        """Forget a client's filter; False if it had none such."""
        if (subscription := client.filters.pop(filter_, None)) is None:
            return False
        self._filters.remove(filter_, subscription)
        return True

    def retained(self, filter_: str) -> list[Message]:
        """The retained messages that a filter matches."""
        wanted: FilterTree[None] = FilterTree()
        wanted.add(filter_, None)
        return [message for topic, message in self._retained.items() if any(True for _ in wanted.matching(topic))]

    def publish(self, source: Client, message: Message) -> bool:
        """Hand a client's message on; False if it may not publish there, and nothing happens."""
        if source.caller is None or not self.may(source, "publish", message.topic):
            log.info("mqtt_message_refused", client=source.client_id, topic=message.topic)
            return False
        if message.retain:
            self._retain(message)
        takers: dict[Client, Subscription] = {}
        for one in self._filters.matching(message.topic):
            if one.wish.no_local and one.client is source:
                continue
            known = takers.get(one.client)
            if known is None or known.wish.qos < one.wish.qos:
                takers[one.client] = one
        for client, one in takers.items():
            if self.may(client, "receive", message.topic):  # a token may have expired, guests may have been shut out
                retain = message.retain and one.wish.retain_as_published
                client.deliver(message, qos=min(one.wish.qos, message.qos), retain=retain)
        return True

    def _retain(self, message: Message) -> None:
        if not message.payload:
            self._retained.pop(message.topic, None)
        elif message.topic in self._retained or len(self._retained) < RETAINED:
            self._retained[message.topic] = message
        else:
            log.warning("mqtt_not_retained", topic=message.topic, limit=RETAINED)


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket on one address; ``::`` is every address of both kinds. Blocks."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=host == "::")
