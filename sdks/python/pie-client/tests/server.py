"""A small, honest server for tests: the original's behaviour and Runyard's, over real sockets, in a thread of its own."""

import asyncio
import base64
import json
import secrets
import threading

import msgpack
import tomllib
from blake3 import blake3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from pie_tests_programs import HEADER, Instance, wasm
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


class Refused(Exception):
    def __init__(self, text, code):
        super().__init__(text)
        self.code = code


class Connection:
    def __init__(self, server, socket):
        self.server = server
        self.socket = socket
        self.username = None
        self.challenged = None
        self.ours = False
        self.uploads = {}

    async def send(self, message):
        try:
            await self.socket.send(msgpack.packb(message))
        except ConnectionClosed:
            await asyncio.sleep(0)

    async def serve(self):
        try:
            async for frame in self.socket:
                if isinstance(frame, bytes) and not await self.take(msgpack.unpackb(frame)):
                    break
        except ConnectionClosed:
            pass
        finally:
            for instance in list(self.server.instances.values()):
                instance.detach(self)

    async def take(self, message):
        kind, corr_id = message["type"], message.get("corr_id")
        self.server.requests.append(message)
        if kind in self.server.silent:
            return True
        self.ours = self.ours or (self.server.ours and message.get("runyard") == 1)
        raw = self.server.raw.pop(kind, None)
        if raw is not None:
            await self.socket.send(raw(corr_id))
            return True
        try:
            if self.username is None:
                return await self.enter(kind, corr_id, message)
            refused = self.server.refuse.get(kind) or self.server.refuse_once.pop(kind, None)
            await (self.refuse(*refused) if refused else getattr(self, f"on_{kind}")(message))
        except Refused as refused:
            await self.answer(corr_id, False, str(refused), kind=kind, code=refused.code)
        except AttributeError:
            if self.server.ours:
                await self.answer(corr_id, False, f"{kind!r} is no type of message", code="unknown_type")
        return True

    async def answer(self, corr_id, successful, result, *, kind="", code=None, **more):
        if self.ours:
            if code is not None:
                more["code"] = code
            if kind in {"identification", "internal_authenticate"}:
                more["runyard"] = 1
        name, field = {
            "launch_instance": ("instance_launch_result", "message"),
            "launch_instance_from_registry": ("instance_launch_result", "message"),
            "attach_instance": ("instance_attach_result", "message"),
        }.get(kind, ("response", "result"))
        await self.send({"type": name, "corr_id": corr_id, "successful": successful, field: result, **more})

    async def enter(self, kind, corr_id, message):
        server = self.server
        if kind == "identification":
            name = message["username"]
            if server.users is None:
                self.username = name
                await self.answer(corr_id, True, "Authenticated (Engine disabled authentication)", kind=kind)
                if server.cut_logins:
                    server.cut_logins -= 1
                    self.socket.transport.close()
                return True
            if name not in server.users:
                await self.answer(corr_id, False, "unknown user", kind=kind, code="bad_credential")
                return False
            self.challenged = name, server.challenge or secrets.token_bytes(48)
            challenge = base64.b64encode(self.challenged[1]).decode()
            domain = {"domain": server.domain} if self.ours and server.domain is not None else {}
            if server.says_challenge:
                await self.send(
                    {"type": "challenge", "corr_id": corr_id, "challenge": challenge, "runyard": 1, **domain}
                )
            else:
                await self.answer(corr_id, True, challenge, kind=kind, **domain)
            return True
        if kind == "signature" and self.challenged is not None:
            name, signed = self.challenged
            if self.ours and server.domain is not None:
                signed = b"\0".join((server.domain.encode(), name.encode(), signed))
            if any(fits(line, base64.b64decode(message["signature"]), signed) for line in server.users[name]):
                self.username = name
                await self.answer(corr_id, True, "Authenticated", kind=kind)
                return True
            await self.answer(corr_id, False, "no key fits", kind=kind, code="bad_credential")
            return False
        if kind == "internal_authenticate":
            if message["token"] == server.token:
                self.username = "internal"
                await self.answer(corr_id, True, "Authenticated", kind=kind)
                return True
            await self.answer(corr_id, False, "wrong token", kind=kind, code="bad_credential")
            return False
        if self.server.ours:
            await self.answer(corr_id, False, "authenticate first", kind=kind, code="unauthenticated")
            await self.socket.close(1008)
        return False

    async def on_identification(self, message):
        await self.answer(message["corr_id"], True, "Already authenticated", kind="identification")

    async def refuse(self, text, code):
        raise Refused(text, code)

    async def on_ping(self, message):
        await self.answer(message["corr_id"], True, "Pong")

    async def on_query(self, message):
        subject, record, programs = message["subject"], message["record"], self.server.programs
        if subject == "program_exists":
            name, _, wanted = record.partition("#")
            known = programs.get(name)
            exists = known is not None and (not wanted or wanted == f"{known[0]}+{known[2]}" or wanted == known[0])
            result = "true" if exists else "false"
        elif subject == "programs" and self.server.ours:
            named = {name for name, program in programs.items() if "@" in name or not program[3]}
            result = json.dumps([summary(name, programs[name]) for name in sorted(named)])
        elif subject == "program" and self.server.ours:
            if record not in programs:
                raise Refused(f"no program {record!r}", "not_found")
            found = programs[record]
            result = json.dumps({**summary(record, found), "manifest": found[3], "exports": ["_start"]})
        elif subject == "instance" and self.server.ours:
            result = json.dumps({"id": record, "memory": 65536})
        elif self.server.ours:
            raise Refused(f"no subject {subject!r}", "unknown_subject")
        else:
            return
        await self.answer(message["corr_id"], True, result)

    async def on_remove_program(self, message):
        programs, name = self.server.programs, message["inferlet"]
        if name not in programs:
            raise Refused(f"no program {name!r}", "not_installed")
        gone = programs[name]
        for other in [other for other, program in programs.items() if program is gone]:
            del programs[other]
        await self.answer(message["corr_id"], True, name)

    async def on_upload_program(self, message):
        key = message["program_hash"] if self.server.ours else "program"
        content = await self.chunk(key, message)
        if content is None:
            return
        content, first = content
        digest = blake3(content).hexdigest()
        if digest != message["program_hash"]:
            raise Refused("hash mismatch", "bad_hash")
        if not content.startswith(HEADER):
            raise Refused("it is no WebAssembly", "bad_program")
        manifest = first["manifest"]
        names = [digest] if self.server.ours else []
        if manifest or not self.server.ours:
            package = tomllib.loads(manifest).get("package", {})
            if "/" not in package.get("name", "") or "version" not in package:
                raise Refused("the manifest lacks a name or a version", "bad_manifest")
            names += [f"{package['name']}@{package['version']}", package["name"]]
        program = (digest, content, blake3(manifest.encode()).hexdigest(), manifest)
        self.server.programs.update(dict.fromkeys(names, program))
        await self.answer(message["corr_id"], True, digest)

    async def on_upload_blob(self, message):
        instance = self.server.instances.get(message["instance_id"])
        if instance is None or (not self.server.ours and instance.connection is not self):
            raise Refused("not attached", "not_found")
        content = await self.chunk(message["blob_hash"], message)
        if content is None:
            return
        if blake3(content[0]).hexdigest() != message["blob_hash"]:
            raise Refused("hash mismatch", "bad_hash")
        instance.blobs.put_nowait(content[0])
        await self.answer(message["corr_id"], True, "Blob sent")

    async def chunk(self, key, message):
        chunks = self.uploads.setdefault(key, [])
        if message["chunk_index"] != len(chunks):
            self.uploads.pop(key)
            raise Refused(f"chunk {message['chunk_index']} out of order", "bad_chunk")
        chunks.append(message)
        if len(chunks) < message["total_chunks"]:
            return None
        del self.uploads[key]
        return b"".join(chunk["chunk_data"] for chunk in chunks), chunks[0]

    async def on_launch_instance(self, message):
        server = self.server
        program = server.programs.get(message["inferlet"])
        if program is None:
            raise Refused(f"no program {message['inferlet']!r}", "not_installed")
        key = message.get("idempotency_key")
        instance = server.launched.get(key) if key else None
        if instance is None:
            behaviour = program[1][len(HEADER) :].partition(b"\n")[0].decode()
            limits = message.get("limits")
            instance = Instance(server, message["inferlet"], behaviour, message["arguments"], self.username, limits)
            server.instances[instance.id] = instance
            if key:
                server.launched[key] = instance
        if server.race or not (server.ours or message["detached"]):
            instance.attach(self, 0)
        if server.race:  # events before the result
            await instance.task
        if server.cut_launches:
            server.cut_launches -= 1
            await server.break_off(self)
            return
        await self.answer(message["corr_id"], True, instance.id, kind="launch_instance")
        if not message["detached"] and server.ours and not server.race:
            instance.attach(self, 0)

    on_launch_instance_from_registry = on_launch_instance

    async def on_launch_server_instance(self, message):
        if message["inferlet"] not in self.server.programs:
            raise Refused("no such program", "not_installed")
        await self.answer(message["corr_id"], True, "launched")

    async def on_attach_instance(self, message):
        instance = self.mine(message)
        if instance.connection is not None or self in instance.viewers:
            raise Refused("Instance already attached", "already_attached")
        more = {"seq": message.get("after", instance.delivered)} if self.ours else {}
        await self.answer(message["corr_id"], True, "Instance attached", kind="attach_instance", **more)
        instance.attach(self, message.get("after"))
        if not self.server.ours:
            ring, instance.ring = instance.ring, []
            for said in ring:
                await self.send(said)
            if instance.exit is not None:
                await self.send(instance.log[-1])
                del self.server.instances[instance.id]

    async def on_detach_instance(self, message):
        self.mine(message).detach(self)
        await self.answer(message["corr_id"], True, "detached")

    async def on_delete_instance(self, message):
        instance = self.mine(message)
        del self.server.instances[instance.id]
        await self.answer(message["corr_id"], True, "deleted")

    async def on_signal_instance(self, message):
        instance = self.server.instances.get(message["instance_id"])
        if "corr_id" in message:
            if instance is None:
                raise Refused("Instance not found", "not_found")
            if instance.exit is not None:
                raise Refused("Instance has ended", "ended")
            if self.server.full:
                self.server.full -= 1
                raise Refused("too many messages wait", "queue_full")
        if instance is not None and (self.server.ours or instance.connection is self):
            instance.inbox.put_nowait(message["message"])
        if "corr_id" in message:
            await self.answer(message["corr_id"], True, "")

    async def on_terminate_instance(self, message):
        instance = self.server.instances.get(message["instance_id"])
        if instance is None and self.server.ours:
            raise Refused("Instance not found", "not_found")
        await self.answer(message["corr_id"], True, "terminated")
        if instance is not None:
            instance.task.cancel()

    async def on_list_instances(self, message):
        mine = [one for one in self.server.instances.values() if self.username in {one.username, "internal"}]
        start = int(message.get("cursor") or 0)
        limit = min(message.get("limit", 50), self.server.page)
        page = [record(one, ours=self.ours) for one in mine[start : start + limit]]
        more = {"cursor": str(start + limit)} if self.ours and start + limit < len(mine) else {}
        await self.send({"type": "live_instances", "corr_id": message["corr_id"], "instances": page, **more})

    def mine(self, message):
        instance = self.server.instances.get(message["instance_id"])
        if instance is None:
            raise Refused("Instance not found", "not_found")
        if self.server.ours and instance.username != self.username:
            raise Refused("It is somebody else's", "not_yours")
        return instance


def record(instance, *, ours):
    known = {
        "id": instance.id,
        "arguments": instance.arguments,
        "status": instance.status,
        "username": instance.username,
        "elapsed_secs": 1,
        "kv_pages_used": 0,
    }
    if ours:
        known |= {
            "program": instance.program,
            "exit": instance.exit,
            "created_at": "2026-01-01T00:00:00Z",
            "memory": 65536,
        }
    return known


def summary(name, program):
    return {"name": name, "blake3": program[0], "size": len(program[1]), "kind": "module", "uploaded_at": "2026-01-01"}


def fits(line, signature, challenge):
    key = load_ssh_public_key(line.encode())
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, challenge)
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, challenge, padding.PKCS1v15(), hashes.SHA256())
        else:
            digest = hashes.SHA256() if key.curve.key_size == 256 else hashes.SHA384()
            key.verify(signature, challenge, ec.ECDSA(digest))
    except Exception:
        return False
    return True


class Server:
    """Runs in a thread. What tests set here takes effect with the next message."""

    def __init__(self, *, ours=True, tls=None):
        self.ours = ours
        self.tls = tls
        self.users = None  # name -> public lines; None: authentication is off
        self.token = "t" * 64
        self.challenge = None
        self.domain = "runyard-inferlets-v1"  # None: the bare challenge is signed, as with the original
        self.says_challenge = False
        self.programs = {}
        self.instances = {}
        self.launched = {}
        self.requests = []
        self.silent = set()  # types that get no answer
        self.refuse = {}  # type -> (text, code)
        self.refuse_once = {}
        self.raw = {}  # type -> corr_id -> bytes of the answer, once
        self.race = False
        self.cut_logins = 0  # so many connections break right after the sign-in
        self.cut_launches = 0  # so many connections break before the launch is answered
        self.full = 0  # so many signals are refused
        self.page = 50
        self.cut_after = None  # break the connection where an event with a higher seq is due
        self.connections = set()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._listening = None

    @property
    def url(self):
        return f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}"

    def start(self):
        self._thread.start()
        self.call(self.listen())
        return self

    def call(self, work):
        """Run in the server's thread, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def listen(self):
        self._listening = await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            compression=None,
            max_size=64 * 1024 * 1024,
            close_timeout=0.2,
            ssl=self.tls,
        )
        self.port = self._listening.sockets[0].getsockname()[1]

    async def _serve(self, socket):
        connection = Connection(self, socket)
        self.connections.add(connection)
        try:
            await connection.serve()
        finally:
            self.connections.discard(connection)

    def install(self, behaviour, name=None, version="1.0.0", extra=""):
        """Have a program; gives what to launch it by."""
        content = wasm(behaviour)
        digest = blake3(content).hexdigest()
        manifest = f'[package]\nname = "{name}"\nversion = "{version}"\n{extra}' if name else ""
        program = (digest, content, blake3(manifest.encode()).hexdigest(), manifest)
        names = [digest, name, f"{name}@{version}"] if name else [digest]
        self.programs.update(dict.fromkeys(names, program))
        return name or digest

    async def break_off(self, connection):
        connection.socket.transport.abort()
        await asyncio.sleep(0)

    def cut(self):
        """Break all connections without a word."""

        async def cut():
            for connection in list(self.connections):
                connection.socket.transport.abort()

        self.call(cut())

    def close_all(self, code):
        async def close():
            await asyncio.gather(*(connection.socket.close(code) for connection in list(self.connections)))

        self.call(close())

    def say(self, frame):
        """Send these bytes to everybody."""

        async def say():
            for connection in list(self.connections):
                await connection.socket.send(frame)

        self.call(say())

    def go_away(self):
        """Stop listening, and break all connections."""

        async def stop():
            self._listening.close(close_connections=False)
            for connection in list(self.connections):
                connection.socket.transport.abort()
            await asyncio.sleep(0)

        self.call(stop())

    def come_back(self):
        self.call(self.listen())

    def stop(self):
        async def stop():
            for instance in self.instances.values():
                instance.task.cancel()
            self._listening.close()
            await self._listening.wait_closed()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.call(stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
