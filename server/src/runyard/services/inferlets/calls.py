"""What programs ask of the yard while they run: keys and values, broadcasts, text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from runyard.services.inferlets.frames import Call
from runyard.services.inferlets.generations import Generations
from runyard.services.inferlets.hosts import Instance
from runyard.services.inferlets.topics import TopicRefused, Topics
from runyard.services.inferlets.values import ValueRefused, ValueStore
from runyard.text import TextProvider, TextRefused
from runyard.text.provider import read_messages, read_sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What there is to ask."""

    values: ValueStore
    topics: Topics
    text: TextProvider


class Calls:
    """The calls of one instance."""

    def __init__(self, instance: Instance, tenant: str, services: Services) -> None:
        self._instance = instance
        self._tenant = tenant
        self._services = services
        self._subscriptions: dict[int, Callable[[], None]] = {}
        self._generations = Generations()
        values, text = services.values, services.text
        self._does: Mapping[str, Callable[..., Awaitable[object]]] = {
            "kv_get": lambda key: values.get(tenant, key),
            "kv_set": lambda key, value: values.set(tenant, key, value),
            "kv_delete": lambda key: values.delete(tenant, key),
            "kv_keys": lambda: values.keys(tenant),
            "broadcast": lambda topic, text: services.topics.broadcast(tenant, topic, text),
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "models": self._models,
            "generate": lambda prompt, options: text.generate(prompt, read_sampling(options)),
            "chat": lambda messages, options: text.generate(read_messages(messages), read_sampling(options)),
            "generate_start": self._generate_start,
            "generate_next": self._generations.next,
            "generate_end": self._generate_end,
            "tokenize": text.tokenize,
            "detokenize": text.detokenize,
            "forward": text.forward,
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
        """End its subscriptions, and what is written for it."""
        for end in self._subscriptions.values():
            end()
        self._subscriptions.clear()
        self._generations.close()

    async def _subscribe(self, number: int, topic: str) -> None:
        instance = self._instance
        self._subscriptions[number] = self._services.topics.subscribe(
            self._tenant, topic, lambda text: instance.news(number, text)
        )

    async def _unsubscribe(self, number: int) -> None:
        if (end := self._subscriptions.pop(number, None)) is not None:
            end()

    async def _models(self) -> list[str]:
        name = self._services.text.name
        return [] if name is None else [name]

    async def _generate_start(self, prompt: str, options: str) -> int:
        return self._generations.start(self._services.text.stream(prompt, read_sampling(options)))

    async def _generate_end(self, number: int) -> None:
        self._generations.end(number)
