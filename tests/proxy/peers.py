"""Upstreams, clients and a watch: what stands at both ends of a proxy in these tests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

Found = TypeVar("Found")
Behaviour = Callable[[socket.socket], None]
NOWHERE = "127.0.0.1:9"
LATE = 5.0  # seconds that a busy machine may take for what should be done at once


def eventually(look: Callable[[], Found], within: float = 10) -> Found:
    """Look until it is so; the last look decides."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.005)
    found = look()
    assert found, f"not so within {within:g}s"
    return found


class Upstream:
    """A server whose every connection behaves alike, in a thread of its own."""

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self._door = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._door.getsockname()[1]}"
        self.lines: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._door.accept()
            except OSError:
                return
            self.lines.append(line)
            thread = threading.Thread(target=self._run, args=(line,))
            self._threads.append(thread)
            thread.start()

    def _run(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._behave(line)

    def close(self) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(10)
        self._door.close()
        for line in self.lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)


@contextmanager
def upstream(behave: Behaviour) -> Iterator[Upstream]:
    made = Upstream(behave)
    try:
        yield made
    finally:
        made.close()


def echo(line: socket.socket) -> None:
    while piece := line.recv(65536):
        line.sendall(piece)


class Swallower(Upstream):
    """Keeps nothing of what it gets but the count of bytes, in `taken`."""

    def __init__(self) -> None:
        self.taken = 0
        super().__init__(self._swallow)

    def _swallow(self, line: socket.socket) -> None:
        while piece := line.recv(65536):
            self.taken += len(piece)


def connect(place: tuple[str, int]) -> socket.socket:
    line = socket.create_connection(place, 10)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def refused(place: tuple[str, int]) -> bool:
    try:
        connect(place).close()
    except ConnectionRefusedError:
        return True
    return False


def receive(line: socket.socket, size: int) -> bytes:
    """Exactly so many bytes, or what came before the end."""
    found = b""
    while len(found) < size and (piece := line.recv(size - len(found))):
        found += piece
    return found


def asked(line: socket.socket, text: bytes = b"ping") -> float:
    """Seconds that the echo of `text` took."""
    began = time.monotonic()
    line.sendall(text)
    assert receive(line, len(text)) == text
    return time.monotonic() - began


def silent(line: socket.socket, seconds: float) -> bool:
    """Whether nothing comes for so long; the wait is what is being claimed."""
    line.settimeout(seconds)
    try:
        line.recv(1)
        return False
    except TimeoutError:
        return True
    finally:
        line.settimeout(10)


def ending(line: socket.socket) -> str:
    """How a connection ended, seen by its client: `closed` or `reset`; it must end."""
    try:
        while line.recv(65536):
            pass
    except ConnectionResetError:
        return "reset"
    return "closed"
