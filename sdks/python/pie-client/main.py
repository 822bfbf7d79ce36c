"""Uploads a program, talks with it, and prints what it says: python main.py program.wasm [USERNAME] [KEY]."""

import asyncio
import sys

from pie import Event, ParsedPrivateKey, PieClient


async def main(program: str, username: str = "guest", key_path: str | None = None) -> None:
    """Run the program once; lines of the keyboard go to it."""
    key = ParsedPrivateKey.from_file(key_path) if key_path else None
    async with PieClient("ws://127.0.0.1:8080") as client:
        await client.authenticate(username, key)
        program_hash = await client.upload_program(program)
        instance = await client.launch_instance(program_hash)
        await instance.send("hello")
        async for event, content in instance:
            if event is Event.Blob:
                print(f"a blob of {len(content)} bytes")  # noqa: T201 - an example prints
            else:
                print(f"{event.name}: {content!s}")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
