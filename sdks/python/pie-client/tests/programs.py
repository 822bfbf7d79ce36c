"""Programs that are not run: what follows the eight bytes of the WebAssembly header names one of the behaviours below."""

import asyncio
import uuid

from blake3 import blake3

HEADER = b"\0asm\1\0\0\0"
CHUNK = 262_144
PIECE = 262_144
TEXT = {1: "Completed", 2: "Aborted", 3: "Exception", 4: "ServerError", 5: "OutOfResources"}
EXITS = {1: (0, "completed"), 2: (130, "terminated"), 3: (1, "trap"), 4: (1, "internal"), 5: (1, "limit")}


def wasm(behaviour, padding=0):
    return HEADER + behaviour.encode() + b"\n" + bytes(padding)


class Instance:
    def __init__(self, server, program, behaviour, arguments, username, limits):
        self.id = str(uuid.uuid4())
        self.server = server
        self.program = program
        self.arguments = arguments
        self.username = username
        self.limits = limits
        self.log = []  # maps without seq; seq is the place in it, from 1
        self.inbox = asyncio.Queue()
        self.blobs = asyncio.Queue()
        self.exit = None
        self.connection = None  # original: the one that is attached
        self.viewers = {}  # Runyard's: connection -> the task that tells it, each from its own cursor
        self.delivered = 0  # the last event that anybody was told
        self.grew = asyncio.Event()
        self.ring = []  # original: what was said while nobody was attached
        self.task = asyncio.ensure_future(self.run(BEHAVIOURS[behaviour]))

    async def run(self, behaviour):
        try:
            await self.end(*(await behaviour(self) or (1, "")))
        except asyncio.CancelledError:
            await self.end(2, "Signal termination")

    async def say(self, kind, **fields):
        message = {"type": kind, "instance_id": self.id, **fields}
        self.append(message)
        if not self.server.ours:
            if self.connection is not None:
                await self.connection.send(message)
            elif kind == "streaming_output":
                self.ring.append(message)

    def append(self, message):
        self.log.append(message)
        grew, self.grew = self.grew, asyncio.Event()
        grew.set()

    async def send(self, text):
        await self.say("instance_event", event=0, message=text)

    async def stdout(self, text):
        await self.say("streaming_output", output={"Stdout": text})

    async def stderr(self, text):
        await self.say("streaming_output", output={"Stderr": text})

    async def send_blob(self, content, digest=None):
        digest = digest or blake3(content).hexdigest()
        await self.say("blob", content=content, digest=digest)
        if not self.server.ours and self.connection is not None:
            for chunk in blob_chunks(self.id, content, digest):
                await self.connection.send(chunk)

    async def end(self, event, text):
        code, reason = EXITS[event]
        limit = "fuel" if event == 5 else None
        code = -1 if text.endswith("exit status -1") else code
        self.exit = {"code": code, "reason": reason, "limit": limit}
        message = {"type": "instance_event", "instance_id": self.id, "event": event, "message": text}
        self.append(message)
        if not self.server.ours and self.connection is not None:
            await self.connection.send(message)
            del self.server.instances[self.id]

    @property
    def status(self):
        if self.exit is not None:
            return "Finished"
        return "Attached" if self.connection is not None or self.viewers else "Detached"

    def attach(self, connection, after):
        if not self.server.ours:
            self.connection = connection
        elif connection not in self.viewers:
            after = self.delivered if after is None else after
            self.viewers[connection] = asyncio.ensure_future(self.stream(connection, after))

    def detach(self, connection):
        if self.connection is connection:
            self.connection = None
        if connection in self.viewers:
            self.viewers.pop(connection).cancel()

    async def stream(self, connection, after):
        while True:
            grew = self.grew
            while after < len(self.log):
                after += 1
                for message in pieces(self.log[after - 1], after, self.exit):
                    if self.server.cut_after is not None and after > self.server.cut_after:
                        self.server.cut_after = None
                        await self.server.break_off(connection)
                        return
                    await connection.send(message)
                self.delivered = max(self.delivered, after)
                if message.get("event") in TEXT:
                    del self.viewers[connection]
                    return
            await grew.wait()


def pieces(message, seq, ended):
    if message["type"] == "blob":
        yield from (
            {**chunk, "seq": seq}
            for chunk in blob_chunks(message["instance_id"], message["content"], message["digest"])
        )
        return
    field, text = ("message", message.get("message")) if "message" in message else ("output", None)
    if text is None:
        ((name, text),) = message["output"].items()
    more = {"exit": ended} if message.get("event") in TEXT else {}
    cut = [text[at : at + PIECE] for at in range(0, len(text), PIECE)] or [""]
    for part, piece in enumerate(cut):
        split = {"part": part, "parts": len(cut)} if len(cut) > 1 else {}
        yield {**message, field: piece if field == "message" else {name: piece}, "seq": seq, **more, **split}


def blob_chunks(instance_id, content, digest):
    total = -(-len(content) // CHUNK)
    for index in range(total) if total else [0]:
        yield {
            "type": "download_blob",
            "corr_id": 0,
            "instance_id": instance_id,
            "blob_hash": digest,
            "chunk_index": index,
            "total_chunks": total,
            "chunk_data": content[index * CHUNK : (index + 1) * CHUNK],
        }


# What programs do.


async def hello(instance):
    await instance.stdout("hello " + " ".join(instance.arguments) + "\n")
    return 1, "done"


async def echo(instance):
    while (text := await instance.inbox.get()) != "bye":
        await instance.send(text)
    return 1, "bye"


async def echo_blob(instance):
    await instance.send_blob(await instance.blobs.get())


async def damaged_blob(instance):
    await instance.send_blob(b"x" * (CHUNK + 1), digest="0" * 64)
    await instance.send("still here")


async def every_event(instance):
    await instance.send("text")
    await instance.stdout("out")
    await instance.stderr("err")
    await instance.send_blob(b"blob")
    return 1, "returned"


async def fails(instance):
    await instance.stderr("about to fail\n")
    return 3, "Runtime error: broken"


async def exits(instance):
    return 3, "Runtime error: exit status -1"


async def exhausts(instance):
    return 5, "fuel is used up"


async def server_error(instance):
    return 4, "out of memory"


async def sleeps(instance):
    await instance.send("ready")
    await asyncio.Event().wait()


async def chatter(instance):
    count, size = map(int, instance.arguments[:2])
    if instance.arguments[2:] == ["wait"]:
        await instance.inbox.get()
    for number in range(count):
        await instance.send(f"{number}:".ljust(size, "x"))
        if number % 50 == 0:
            await asyncio.sleep(0)


async def big(instance):
    await instance.stdout("é" * int(instance.arguments[0]))


async def unknown_event(instance):
    await instance.say("instance_event", event=9, message="from the future")
    await instance.send("after")


BEHAVIOURS = {
    function.__name__: function
    for function in (
        hello, echo, echo_blob, damaged_blob, every_event, fails, exits, exhausts, server_error, sleeps, chatter, big, unknown_event,
    )
}  # fmt: skip
