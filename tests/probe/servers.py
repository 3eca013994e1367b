"""Small servers on loopback addresses that say what a test tells them to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Reply = Callable[[bytes], bytes]


@contextmanager
def server(address: str, port: int, reply: Reply) -> Iterator[int]:
    """Answers the first bytes of each connection with `reply`; gives the port."""
    listener = socket.create_server((address, port))
    done = threading.Event()
    worker = threading.Thread(target=_serve, args=(listener, reply, done))
    worker.start()
    try:
        yield listener.getsockname()[1]
    finally:
        done.set()
        worker.join(5)
        listener.close()


def _serve(listener: socket.socket, reply: Reply, done: threading.Event) -> None:
    listener.settimeout(0.02)
    while not done.is_set():
        try:
            line, _ = listener.accept()
        except TimeoutError:
            continue
        with line:
            line.settimeout(2)
            line.sendall(reply(line.recv(4096)))


@contextmanager
def mute(address: str) -> Iterator[int]:
    """Accepts, as a frozen process does, and never answers."""
    with socket.create_server((address, 0)) as listener:
        yield listener.getsockname()[1]


def http(status: int, body: str = "") -> Reply:
    text = body.encode()
    head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    return lambda asked: head.encode() + text


def http_json(status: int, body: object) -> Reply:
    return http(status, json.dumps(body))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def bulk(text: str) -> bytes:
    return f"${len(text.encode())}\r\n{text}\r\n".encode()


def sentinel(address: str) -> Reply:
    return lambda asked: b"*2\r\n" + bulk(address) + bulk("6379")


def redis(role: str, **fields: str) -> Reply:
    lines = ["# Replication", f"role:{role}", *(f"{k}:{v}" for k, v in fields.items())]
    return lambda asked: bulk("\r\n".join(lines))


def replica(of: str, link: str = "up") -> Reply:
    return redis("slave", master_host=of, master_link_status=link)
