"""Readers that are slower than programs: nobody else waits, and a Runyard server keeps what they have not read."""

import asyncio

import pytest
from pie_tests_waiting import answers, eventually, numbers

import pie
from pie import Event, PieClient


async def test_a_slow_reader_is_held_back_and_blocks_nobody(server):
    async with PieClient(server.url, buffer=50_000) as client:
        await client.authenticate("alice")
        slow = await client.launch_instance(server.install("chatter"), ["2000", "1000"])
        quick = await client.launch_instance(server.install("echo"))
        for number in range(20):
            await quick.send(str(number))
            assert await quick.recv() == (Event.Message, str(number))
        await eventually(lambda: any(request["type"] == "detach_instance" for request in server.requests))
        assert client.mailbox_of(slow.id).waiting < 60_000
        assert await numbers(slow) == list(range(2000))


async def test_a_held_instance_goes_on_after_a_lost_connection(server):
    async with PieClient(server.url, buffer=20_000) as client:
        await client.authenticate("alice")
        slow = await client.launch_instance(server.install("chatter"), ["200", "1000"])
        await eventually(lambda: any(request["type"] == "detach_instance" for request in server.requests))
        server.cut()
        await answers(client)
        assert await numbers(slow) == list(range(200))


async def test_an_original_server_cannot_hold_back_so_the_instance_fails(original):
    async with PieClient(original.url, buffer=5_000) as client:
        await client.authenticate("alice")
        slow = await client.launch_instance(original.install("chatter", "demo/chatter"), ["200", "1000"])
        await eventually(lambda: not client._core.mailboxes)
        got = [await slow.recv() for _ in range(36)]
        assert sum(len(text) for _, text in got) == 36_000
        with pytest.raises(pie.Overflowed, match="buffer="):
            await slow.recv()
        await client.ping()


async def test_many_instances_at_once(client, server):
    name = server.install("echo")
    instances = await asyncio.gather(*(client.launch_instance(name) for _ in range(100)))

    async def talk(instance):
        for number in range(20):
            await instance.send(str(number))
            assert await instance.recv() == (Event.Message, str(number))

    await asyncio.gather(*map(talk, instances))


async def test_several_receivers_share_the_events(client, server):
    instance = await client.launch_instance(server.install("echo"))
    receivers = [asyncio.ensure_future(instance.recv()) for _ in range(5)]
    for number in range(5):
        await instance.send(str(number))
    assert sorted(content for _, content in await asyncio.gather(*receivers)) == ["0", "1", "2", "3", "4"]
