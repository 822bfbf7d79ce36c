"""A language model behind an API, as far as the guide to sessions needs one: it writes what its script says.

It speaks OpenAI's protocol. After each message of the user the script begins anew; who offers no tools gets the answer.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CALLS = (
    ("list", {"depth": 1}),
    ("write", {"path": "CONTRIBUTING.md", "content": "# Contributing\n\nRun the tests, then send a patch.\n"}),
    ("run", {"command": "wc -l CONTRIBUTING.md && cp CONTRIBUTING.md ../artifacts/"}),
)
ANSWER = ("I have written ", "`CONTRIBUTING.md`.")


@contextmanager
def open_model() -> Iterator[str]:
    """The endpoint's address, such as ``http://127.0.0.1:8090/v1``."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Completions) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            serving.join()


def deltas(messages: Sequence[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    """What comes next in a conversation, in pieces."""
    roles = [message["role"] for message in messages]
    done = roles[len(roles) - roles[::-1].index("user") :].count("tool")
    if done < len(CALLS):
        name, arguments = CALLS[done]
        function = {"name": name, "arguments": json.dumps(arguments)}
        yield {"tool_calls": [{"index": 0, "id": f"id-{len(roles)}", "type": "function", "function": function}]}
    else:
        yield from ({"role": "assistant", "content": piece} for piece in ANSWER)


class _Completions(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "tools" not in asked:
            self._answer({"choices": [{"index": 0, "message": {"role": "assistant", "content": "".join(ANSWER)}}]})
            return
        pieces = list(deltas(asked["messages"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for delta in pieces:
            self._chunk([{"index": 0, "delta": delta, "finish_reason": None}])
        self._chunk([{"index": 0, "delta": {}, "finish_reason": "tool_calls" if "tool_calls" in pieces[0] else "stop"}])
        self._chunk([], usage={"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120})
        self.wfile.write(b"data: [DONE]\n\n")

    def _answer(self, content: Mapping[str, object]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: object) -> None:
        pass

    def _chunk(self, choices: Sequence[Mapping[str, object]], **more: object) -> None:
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
