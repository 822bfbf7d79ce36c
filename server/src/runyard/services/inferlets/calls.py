"""What programs ask of the yard while they run: keys and values, broadcasts, text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from runyard.services.inferlets.frames import Call
from runyard.services.inferlets.hosts import Instance
from runyard.services.inferlets.text import TextProvider, TextRefused, read_sampling
from runyard.services.inferlets.topics import TopicRefused, Topics
from runyard.services.inferlets.values import ValueRefused, ValueStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What there is to ask. Without a ``text`` provider, programs are told that there is none."""

    values: ValueStore
    topics: Topics
    text: TextProvider | None = None


class Calls:
    """The calls of one instance."""

    def __init__(self, instance: Instance, tenant: str, services: Services) -> None:
        self._instance = instance
        self._tenant = tenant
        self._services = services
        self._subscriptions: dict[int, Callable[[], None]] = {}
        values = services.values
        self._does: Mapping[str, Callable[..., Awaitable[object]]] = {
            "kv_get": lambda key: values.get(tenant, key),
            "kv_set": lambda key, value: values.set(tenant, key, value),
            "kv_delete": lambda key: values.delete(tenant, key),
            "kv_keys": lambda: values.keys(tenant),
            "broadcast": lambda topic, text: services.topics.broadcast(tenant, topic, text),
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "generate": self._generate,
            "tokenize": lambda text: self._text().tokenize(text),
            "detokenize": lambda tokens: self._text().detokenize(tokens),
        }

    async def answer(self, call: Call) -> None:
        """Do what a call asks for and tell the instance what came of it."""
        try:
            value = await self._does[call.name](*call.arguments)
        except (ValueRefused, TopicRefused, TextRefused) as refused:
            self._instance.answer(call.call, error=str(refused))
        except (TypeError, AttributeError) as error:  # a process that sends nonsense gets it back
            self._instance.answer(call.call, error=f"the call can't be understood: {error}")
        else:
            self._instance.answer(call.call, value)

    def close(self) -> None:
        """End its subscriptions."""
        for end in self._subscriptions.values():
            end()
        self._subscriptions.clear()

    async def _subscribe(self, number: int, topic: str) -> None:
        instance = self._instance
        self._subscriptions[number] = self._services.topics.subscribe(
            self._tenant, topic, lambda text: instance.news(number, text)
        )

    async def _unsubscribe(self, number: int) -> None:
        if (end := self._subscriptions.pop(number, None)) is not None:
            end()

    async def _generate(self, prompt: str, options: str) -> str:
        return await self._text().generate(prompt, read_sampling(options))

    def _text(self) -> TextProvider:
        if self._services.text is None:
            raise TextRefused(
                "this yard has no language model; its operator can name one with RUNYARD_INFERLET_TEXT_URL"
            )
        return self._services.text
