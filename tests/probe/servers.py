"""Small servers on loopback addresses that say what a test tells them to."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

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


@dataclass
class Postgres:
    """What a stand-in for a PostgreSQL was told; it speaks just enough of its protocol."""

    address: str
    port: int
    startups: list[dict[str, str]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)


@contextmanager
def postgres(value: bytes | Exception | str | None) -> Iterator[Postgres]:
    """Answers every query with a value, without a row (None), with an error, or never ("mute")."""
    listener = socket.create_server(("127.0.77.1", 0))
    listener.settimeout(0.02)
    told, done = Postgres(*listener.getsockname()), threading.Event()

    def serve() -> None:
        while not done.is_set():
            with suppress(TimeoutError):
                line, _ = listener.accept()
                with line, suppress(ConnectionError):
                    _session(line, told, value)

    worker = threading.Thread(target=serve)
    worker.start()
    try:
        yield told
    finally:
        done.set()
        worker.join(5)
        listener.close()


def _session(line: socket.socket, told: Postgres, value: bytes | Exception | str | None) -> None:
    line.settimeout(2)
    stream = line.makefile("rb")
    while True:
        (length,) = struct.unpack("!i", _exactly(stream, 4))
        body = _exactly(stream, length - 4)
        if body[:4] != struct.pack("!i", 196608):  # asked for TLS or GSS: neither
            line.sendall(b"N")
            continue
        words = [word.decode() for word in body[4:].split(b"\0")]
        told.startups.append(dict(zip(words[::2], words[1::2], strict=False)))
        break
    ready = _message(b"Z", b"I")
    line.sendall(_message(b"R", struct.pack("!i", 0)) + ready)
    while (kind := _exactly(stream, 1)) == b"Q":
        (length,) = struct.unpack("!i", _exactly(stream, 4))
        told.queries.append(_exactly(stream, length - 4).rstrip(b"\0").decode())
        if value != "mute":
            line.sendall(_result(value) + ready)
    assert kind == b"X"


def _result(value: bytes | Exception | str | None) -> bytes:
    if isinstance(value, Exception):
        return _message(b"E", f"SERROR\0VERROR\0C42P01\0M{value}\0\0".encode())
    column = b"x\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
    described = _message(b"T", struct.pack("!h", 1) + column)
    if not isinstance(value, bytes):
        return described + _message(b"C", b"SELECT 0\0")
    row = struct.pack("!hi", 1, len(value)) + value
    return described + _message(b"D", row) + _message(b"C", b"SELECT 1\0")


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _exactly(stream: BinaryIO, count: int) -> bytes:
    got = stream.read(count)
    if len(got) < count:
        raise ConnectionError("the client left")
    return got
