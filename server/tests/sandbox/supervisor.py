"""A program that runs one command in a sandbox and prints what it prints: `supervisor.py SANDBOX PROGRAM`."""

import asyncio
import sys

from runyard.sandbox import Command, Limits, probe


async def main(name: str, program: str) -> None:
    command = Command(argv=("/usr/bin/python3", "-u", "-c", program), limits=Limits(wall=60))
    async with probe(name).start(command) as process:  # type: ignore[arg-type]
        async for chunk in process.output():
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        print("exit", (await process.wait()).code)


asyncio.run(main(*sys.argv[1:]))
