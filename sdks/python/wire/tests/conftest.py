"""A server on a real socket that answers with exactly the bytes a test has prepared."""

import contextlib
import socket
import struct
import threading

import pytest


class Script:
    """Answers connection after connection from a list; remembers what was asked.

    An answer is bytes to send before closing, or one of the words `reset` and `hang`.
    """

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.answers = []
        self.requests = []
        self.release = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    self.answer(connection)

    def answer(self, connection):
        request = b""
        while b"\r\n\r\n" not in request and (piece := connection.recv(65536)):
            request += piece
        head, _, body = request.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        while len(body) < length and (piece := connection.recv(65536)):
            body += piece
        self.requests.append((head.decode(), body))
        answer = self.answers.pop(0) if self.answers else b""
        if answer == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif answer == "hang":
            self.release.wait(20)
        else:
            connection.sendall(answer)

    def header(self, index, name):
        for line in self.requests[index][0].split("\r\n")[1:]:
            if line.lower().startswith(f"{name.lower()}: "):
                return line.partition(": ")[2]
        return None

    def stop(self):
        self.release.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def script():
    script = Script()
    yield script
    script.stop()
