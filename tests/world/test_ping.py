"""A ping is an answer in the node's own protocol; a connection alone is none."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chaoskit.model.system import Ping
from chaoskit.world.ping import ping

HERE = "127.0.0.1"


@contextmanager
def node(answer: bytes | None, after: float = 0.0) -> Iterator[tuple[int, list[bytes]]]:
    """Accepts on a free port, `after` seconds late; None: accepts and never answers."""
    asked: list[bytes] = []
    with socket.socket() as door:
        door.bind((HERE, 0))
        door.settimeout(5)

        def serve() -> None:
            time.sleep(after)
            door.listen()
            try:
                while True:
                    line, _ = door.accept()
                    with line:
                        line.settimeout(5)
                        asked.append(line.recv(512))
                        if answer is None:
                            line.recv(1)
                        else:
                            line.sendall(answer)
            except OSError:  # the door was shut: the test is over
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield door.getsockname()[1], asked
        door.shutdown(socket.SHUT_RDWR)
        thread.join(6)


@pytest.mark.parametrize(
    ("protocol", "answer", "alive"),
    [
        ("http", b"HTTP/1.1 200 OK\r\n\r\n", True),
        ("http", b"HTTP/1.0 404 Not Found\r\n\r\n", True),
        ("http", b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False),
        ("http", b"+PONG\r\n", False),
        ("http", b"", False),
        ("redis", b"+PONG\r\n", True),
        ("redis", b"-LOADING\r\n", True),
        ("redis", b"S", False),
        ("postgres", b"S", True),
        ("postgres", b"N", True),
        ("postgres", b"E", False),
    ],
)
def test_the_answer_decides(protocol: str, answer: bytes, alive: bool) -> None:
    with node(answer) as (port, _):
        assert ping(HERE, Ping.parse(f"{protocol}:{port}"), 0.4) is alive


def test_it_asks_in_the_nodes_own_words() -> None:
    for text, first in (("http:%d/health", b"GET /health HTTP/1.0\r\n"), ("redis:%d", b"PING\r\n")):
        with node(b"HTTP/1.0 200 OK\r\n" if "http" in text else b"+PONG\r\n") as (port, asked):
            assert ping(HERE, Ping.parse(text % port))
            assert asked[0].startswith(first)


def test_a_node_that_accepts_and_is_silent_does_not_answer_but_its_port_is_open() -> None:
    with node(None) as (port, _):
        began = time.monotonic()
        assert not ping(HERE, Ping.parse(f"redis:{port}"), 0.3)
        assert time.monotonic() - began < 2
        assert ping(HERE, Ping.parse(f"tcp:{port}"), 0.3)


def test_one_that_starts_meanwhile_is_asked_again() -> None:
    with node(b"+PONG\r\n", after=0.4) as (port, _):
        assert ping(HERE, Ping.parse(f"redis:{port}"), 5.0)


def test_nobody_there_is_no_answer() -> None:
    with socket.socket() as taken:
        taken.bind((HERE, 0))
        assert not ping(HERE, Ping.parse(f"redis:{taken.getsockname()[1]}"), 0.2)
