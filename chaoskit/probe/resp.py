"""As much of the Redis protocol as a question needs. It must never send a command that writes."""

from __future__ import annotations

import socket
import time
from typing import BinaryIO

from chaoskit.probe.asking import Silent

Reply = str | int | None | list["Reply"]


def call(address: str, port: int, words: tuple[str, ...], timeout: float) -> Reply:
    """The reply of a Redis or Sentinel; raises OSError, or Silent for an error or nonsense."""
    until = time.monotonic() + timeout
    with socket.create_connection((address, port), timeout) as line:
        line.settimeout(max(0.001, until - time.monotonic()))
        line.sendall(_request(words))
        with line.makefile("rb") as stream:
            return _reply(stream)


def fields(reply: Reply) -> dict[str, str]:
    """The lines `key:value` of a reply to INFO."""
    lines = (line.partition(":") for line in str(reply).splitlines())
    return {key: value for key, colon, value in lines if colon}


def _request(words: tuple[str, ...]) -> bytes:
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    return "".join([f"*{len(words)}\r\n", *parts]).encode()


def _reply(stream: BinaryIO) -> Reply:
    head = stream.readline(65536)
    kind, rest = head[:1], head[1:].strip().decode("utf-8", "replace")
    if kind == b"+":
        return rest
    if kind == b"-":
        raise Silent(f"answered the error '{rest}'")
    if kind not in (b":", b"$", b"*") or not rest.lstrip("-").isdigit():
        raise Silent("does not speak the Redis protocol" if head else "closed the connection")
    return _counted(stream, kind, int(rest))


def _counted(stream: BinaryIO, kind: bytes, count: int) -> Reply:
    if kind == b":":
        return count
    if count < 0:
        return None
    if kind == b"*":
        return [_reply(stream) for _ in range(count)]
    text = stream.read(count + 2)
    if len(text) < count + 2:
        raise Silent("closed the connection in the middle of an answer")
    return text[:-2].decode("utf-8", "replace")
