"""The bridge for AI agents, with a real MCP client; once over stdin and stdout of the command."""

import os
import sys

import pytest
from mcp import Client, MCPError, StdioServerParameters, stdio_client

from pie.mcp import bridge

INTERFACE = """\
description = "Says hello."
[interface]
inputs = [{name = "greeting", type = "string", description = "How."}, {name = "times", type = "int", optional = true}]
"""


def said(result):
    return "".join(block.text for block in result.content)


async def test_programs_are_tools_with_the_inputs_of_their_manifests(client, server):
    async with Client(bridge(client, timeout=10)) as agent:
        server.install("hello", "demo/hello", extra=INTERFACE)
        server.install("echo", "demo/echo")
        server.install("hello", "demo/hello", "2.0.0")
        server.install("hello")
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
        assert set(tools) >= {"demo_hello", "demo_echo"}
        assert set(tools["demo_echo"].input_schema["properties"]) == {"arguments", "message"}
        assert tools["demo_echo"].description == "The program demo/echo@1.0.0."


async def test_a_call_runs_the_program_to_its_end(client, server):
    async with Client(bridge(client, timeout=10)) as agent:
        server.install("hello", "demo/hello", extra=INTERFACE)
        (tool,) = (await agent.list_tools()).tools
        assert tool.description == "Says hello."
        assert tool.input_schema["required"] == ["greeting"]
        assert tool.input_schema["properties"]["times"]["type"] == "integer"
        result = await agent.call_tool("demo_hello", {"greeting": "good day", "times": 3})
        assert not result.is_error
        assert said(result) == "hello --greeting good day --times 3\ndone"


async def test_arguments_messages_and_progress(client, server):
    async with Client(bridge(client, timeout=10)) as agent:
        server.install("echo", "demo/echo")
        heard = []

        async def progress(done, total, message):
            heard.append(message)

        result = await agent.call_tool("demo_echo", {"message": "bye"}, progress_callback=progress)
        assert said(result) == "bye"
        server.install("chatter", "demo/chatter")
        result = await agent.call_tool("demo_chatter", {"arguments": ["3", "3"]}, progress_callback=progress)
        assert said(result) == "0:x\n1:x\n2:x"
        assert heard == ["0:x", "1:x", "2:x"]


async def test_failures_are_told_to_the_agent(client, server):
    async with Client(bridge(client, timeout=10)) as agent:
        server.install("fails", "demo/fails")
        result = await agent.call_tool("demo_fails", {})
        assert result.is_error
        assert "Runtime error: broken" in said(result)
        with pytest.raises(MCPError, match="demo_none"):
            await agent.call_tool("demo_none", {})
        server.refuse["launch_instance"] = "no room", "queue_full"
        result = await agent.call_tool("demo_fails", {})
        assert (result.is_error, said(result)) == (True, "Launch Instance failed: no room")


async def test_blobs_and_returns_are_told(client, server):
    async with Client(bridge(client, timeout=10)) as agent:
        server.install("every_event", "demo/all")
        assert said(await agent.call_tool("demo_all", {})) == "text\nout[a blob of 4 bytes]\nreturned\nerr"


async def test_a_program_that_takes_too_long_is_ended(client, server):
    server.install("sleeps", "demo/sleeps")
    async with Client(bridge(client, timeout=0.1)) as agent:
        result = await agent.call_tool("demo_sleeps", {})
    assert result.is_error
    assert "longer than 0.1 s" in said(result)
    assert "terminate_instance" in [request["type"] for request in server.requests]


async def test_a_manifest_is_asked_for_once(client, server):
    server.install("hello", "demo/hello")
    async with Client(bridge(client, timeout=10)) as agent:
        for _ in range(3):
            await agent.call_tool("demo_hello", {})
    asked = [request["subject"] for request in server.requests if request["type"] == "query"]
    assert asked.count("programs") >= 3
    assert asked.count("program") == 1


async def test_the_command_serves_over_stdio(server, tmp_path):
    server.install("hello", "demo/hello")
    environment = {**os.environ, "PIE_URL": server.url, "HOME": str(tmp_path)}
    command = StdioServerParameters(
        command=sys.executable, args=["-c", "from pie.cli import main; main()", "mcp"], env=environment
    )
    async with Client(stdio_client(command)) as agent:
        assert [tool.name for tool in (await agent.list_tools()).tools] == ["demo_hello"]
        assert said(await agent.call_tool("demo_hello", {"arguments": ["x"]})) == "hello x\ndone"
