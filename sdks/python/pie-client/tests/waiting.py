"""Waiting for what must come, with a deadline or a next attempt."""

import asyncio
import time

import pie
from pie import Event


async def numbers(instance):
    return [int(content.partition(":")[0]) async for event, content in instance if event is Event.Message]


async def eventually(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def insist(call):
    """Call again after a lost connection: until the client has noticed, a call may still go to the one that is lost."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await call()
            except pie.ConnectionLost as lost:
                if lost.final:
                    raise


def insist_here(call):
    """The same without asyncio."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return call()
        except pie.ConnectionLost as lost:
            if lost.final or time.monotonic() > deadline:
                raise


def eventually_here(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline


async def answers(client):
    await insist(client.ping)
