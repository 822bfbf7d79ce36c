"""One client's connection to the embedded broker, from CONNECT to its end."""

from __future__ import annotations

import asyncio
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

import structlog

from runyard.database import DatabaseUnavailable
from runyard.identity import CredentialError, Forbidden
from runyard.services.compute.mqtt import answers, packets
from runyard.services.compute.mqtt.access import Caller
from runyard.services.compute.mqtt.outbox import WINDOW, Outbox
from runyard.services.compute.mqtt.packets import Connect, Decoder, Message, Packet, Version, Wish
from runyard.services.compute.mqtt.topics import valid_filter
from runyard.services.compute.mqtt.wire import BadPacket
from runyard.sizes import KIB, MIB

if TYPE_CHECKING:
    from runyard.services.compute.mqtt.broker import EmbeddedBroker

log = structlog.get_logger(__name__)

PACKET_LIMIT: Final = 1 * MIB
"""Bytes of one packet: a message and its topic."""

CONNECT_LIMIT: Final = 16 * KIB
"""Bytes of the packet of a client of which nothing is known yet."""

FILTERS: Final = 200
"""Filters of one client. Each job has its own topic, but one filter covers all jobs of a channel."""

CONNECT_SECONDS: Final = 10.0
"""Time a client has to say who it is, and we to look it up."""

LAST_WORDS: Final = 2.0
"""Seconds a client has to take what is on its way to it when its connection is closed."""


class Client(Protocol):
    """Who says and hears things at the broker."""

    caller: Caller | None
    """Who it is, once that is known."""

    client_id: str
    filters: dict[str, Subscription]

    def deliver(self, message: Message, *, qos: int, retain: bool = False) -> None:
        """Hand a message over."""
        ...


class Session(asyncio.Protocol):
    """Speaks MQTT with one client. Ends with the connection: nothing is kept for a client that is away."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self._broker = broker
        self._decoder = Decoder(limit=PACKET_LIMIT, first=CONNECT_LIMIT)
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._transport: asyncio.Transport
        self._connect: Connect | None = None
        self._entering: asyncio.Task[None] | None = None
        self._outbox: Outbox | None = None
        self._full = False
        self._will: Message | None = None
        self._cut: asyncio.TimerHandle | None = None
        self.caller: Caller | None = None
        """Who it is, once that is known."""

        self.client_id = ""
        self.filters: dict[str, Subscription] = {}
        self.over = asyncio.Event()

    # ---------------------------------------------------------------- what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has connected."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods only
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if not self._broker.admit(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """The client said something."""
        self._heard = self._loop.time()
        self._decoder.feed(data)
        self._read()

    def pause_writing(self) -> None:
        """The client doesn't take what we say: listen no more until it does."""
        self._full = True
        self._set_flow()

    def resume_writing(self) -> None:
        """The client has taken it."""
        self._full = False
        self._set_flow()

    def connection_lost(self, _error: Exception | None) -> None:
        """The connection has gone, with or without a farewell."""
        if self._entering is not None:
            self._entering.cancel()
        if self._cut is not None:
            self._cut.cancel()
        self._end()
        self.over.set()

    # ---------------------------------------------------------------- what the broker does with it

    @property
    def credential(self) -> tuple[str | None, str | None]:
        """User name and password it came with."""
        assert self._connect is not None
        password = self._connect.password
        return self._connect.username, None if password is None else password.decode("utf-8", "replace")

    @property
    def silent(self) -> bool:
        """Whether it has said nothing for longer than it promised."""
        quiet = self._loop.time() - self._heard
        if self._connect is None or self._outbox is None:
            return quiet > CONNECT_SECONDS
        return 0 < self._connect.keep_alive * 1.5 < quiet

    def deliver(self, message: Message, *, qos: int, retain: bool = False) -> None:
        """Send a message, or let the client go if it doesn't keep up."""
        if self._outbox is None or self._transport.is_closing():
            return
        self._outbox.put(message, qos=qos, retain=retain)
        if self._outbox.overflowing:
            log.warning("mqtt_client_too_slow", client=self.client_id, user=self._user)
            self._end()
            self._transport.abort()

    def close(self, reason: int, *, with_will: bool = True) -> None:
        """End the connection, and tell a client of MQTT 5 why."""
        if self._transport.is_closing():
            return
        if not with_will:
            self._will = None
        self._end()
        if self._outbox is not None:
            self._transport.write(answers.disconnect(self._version, reason))
        self._hang_up()

    # ---------------------------------------------------------------- what the client says

    def _read(self) -> None:
        try:
            while self._entering is None and not self._transport.is_closing():
                if (packet := self._decoder.next()) is None:
                    return
                self._obey(packet)
        except packets.UnknownVersion as error:
            self._refuse(error.version, error.reason)
        except BadPacket as error:
            log.info("mqtt_client_refused", client=self.client_id, reason=str(error))
            self.close(error.reason)

    def _obey(self, packet: Packet) -> None:
        match packet:
            case packets.Ping():
                self._transport.write(answers.PING)
            case packets.Acknowledged(packet_id):
                assert self._outbox is not None
                self._outbox.acknowledged(packet_id)
            case packets.Publish(message, packet_id):
                reason = packets.ACCEPTED if self._broker.publish(self, message) else packets.NOT_AUTHORIZED
                if packet_id:
                    self._transport.write(answers.acknowledge(self._version, packet_id, reason))
            case packets.Subscribe(packet_id, wishes):
                self._subscribe(packet_id, wishes)
            case packets.Unsubscribe(packet_id, filters):
                known = [self._broker.unsubscribe(self, one) for one in filters]
                self._transport.write(answers.unsubscribed(self._version, packet_id, known))
            case packets.Disconnect(with_will):
                if not with_will:
                    self._will = None
                self._end()
                self._hang_up()
            case Connect():
                self._connect = packet
                self._entering = asyncio.create_task(self._enter(packet), name="mqtt connect")
                self._set_flow()

    def _subscribe(self, packet_id: int, wishes: tuple[Wish, ...]) -> None:
        codes: list[int] = []
        replayed: list[Wish] = []
        for wish in wishes:
            new = wish.filter not in self.filters
            code = self._judge(wish)
            codes.append(code)
            if code <= 1:
                self._broker.subscribe(Subscription(self, wish))
                if wish.retain_handling == 0 or (wish.retain_handling == 1 and new):
                    replayed.append(wish)
        self._transport.write(answers.subscribed(self._version, packet_id, codes))
        for wish in replayed:
            for message in self._broker.retained(wish.filter):
                self.deliver(message, qos=min(wish.qos, message.qos), retain=True)

    def _judge(self, wish: Wish) -> int:
        """The QoS that is granted, or why none is."""
        if wish.filter.startswith("$share/"):
            return packets.NO_SHARED
        if not valid_filter(wish.filter):
            return packets.BAD_FILTER
        if not self._broker.may(self, "subscribe", wish.filter):
            log.info("mqtt_filter_refused", client=self.client_id, user=self._user, filter=wish.filter)
            return packets.NOT_AUTHORIZED
        if len(self.filters) >= FILTERS and wish.filter not in self.filters:
            return packets.QUOTA_EXCEEDED
        return min(wish.qos, 1)

    # ---------------------------------------------------------------- coming in

    async def _enter(self, connect: Connect) -> None:
        refusal = await self._objection(connect)
        self._entering = None
        if self._transport.is_closing():
            return
        if refusal:
            self._refuse(connect.version, refusal)
            return
        assigned = None if connect.client_id else f"runyard-{secrets.token_hex(8)}"
        self.client_id = assigned or connect.client_id
        self._broker.enter(self)
        self._will = connect.will
        self._outbox = Outbox(self._transport, connect)
        self._transport.write(answers.accept(connect.version, limit=PACKET_LIMIT, window=WINDOW, assigned=assigned))
        self._set_flow()
        self._read()

    async def _objection(self, connect: Connect) -> int:
        """Why this client can't come in; 0 if it can."""
        if connect.authentication_method:
            return packets.BAD_METHOD
        if not connect.client_id and not connect.clean and connect.version == packets.V311:
            return packets.BAD_CLIENT_ID
        return await self._identify()

    async def _identify(self) -> int:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                self.caller = await self._broker.identify(*self.credential)
        except CredentialError:
            return packets.BAD_CREDENTIAL
        except Forbidden:
            return packets.NOT_AUTHORIZED
        except (DatabaseUnavailable, TimeoutError):
            return packets.UNAVAILABLE
        except Exception:
            log.exception("mqtt_identify_failed")
            return packets.UNAVAILABLE
        return packets.ACCEPTED

    def _refuse(self, version: Version, reason: int) -> None:
        self._transport.write(answers.refuse(version, reason))
        self._end()
        self._hang_up()

    # ---------------------------------------------------------------- its end

    def _end(self) -> None:
        """Leave the broker, and have the last will published if there still is one."""
        self._broker.leave(self)
        will, self._will = self._will, None
        if will is not None:
            self._broker.publish(self, will)

    def _hang_up(self) -> None:
        """Close the connection; cut it if the client doesn't take what is on its way."""
        self._transport.close()
        self._cut = self._loop.call_later(LAST_WORDS, self._transport.abort)

    def _set_flow(self) -> None:
        """Listen to the client unless it is still being identified, or doesn't take our answers."""
        if self._transport.is_closing():
            return
        listening = self._entering is None and not self._full
        if listening and not self._transport.is_reading():
            self._transport.resume_reading()
        elif not listening and self._transport.is_reading():
            self._transport.pause_reading()

    @property
    def _version(self) -> Version:
        return self._decoder.version or packets.V311

    @property
    def _user(self) -> int | None:
        return None if self.caller is None else self.caller.number


@dataclass(frozen=True, slots=True, eq=False)
class Subscription:
    """One filter of one client."""

    client: Client
    wish: Wish
