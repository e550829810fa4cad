"""A server on loopback that answers each path with bytes written by the test, true or false."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping


def answer(status: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return a raw HTTP answer; nothing is added to the headers but ``Connection``."""
    lines = [f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in headers.items()), "Connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextlib.contextmanager
def scripted_server(answers: Mapping[str, bytes]) -> Iterator[str]:
    """Serve raw answers by path (the path of the request line) and yield the address.

    An empty answer closes the connection without a word.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(5)
                _answer_one(connection, answers)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        thread.join()
        listener.close()


def _answer_one(connection: socket.socket, answers: Mapping[str, bytes]) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    path = head.split(b" ")[1].decode()
    connection.sendall(answers[path])
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
