"""What holds for every toxic: chains, directions, toxicity, the bytes. Ours and the original.

Lower bounds are tight, upper ones generous: a busy machine makes things late, never early.
"""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import pytest

from tests.proxy.peers import (
    LATE,
    Swallower,
    Upstream,
    asked,
    connect,
    ending,
    eventually,
    receive,
    upstream,
)
from tests.proxy.servers import Server


def test_without_toxics_bytes_arrive_as_they_were(server: Server, echoing: Upstream) -> None:
    load = bytes(range(256)) * 8192
    with connect(server.proxy(echoing.address)) as line:
        line.setblocking(True)
        for start in range(0, len(load), 65536):
            asked(line, load[start : start + 65536])


def test_a_blocked_reader_stops_the_writer_and_loses_nothing(server: Server) -> None:
    size = 24 * 1024 * 1024

    def talk(line: socket.socket) -> None:
        line.sendall(b"y" * size)

    with upstream(talk) as talking, connect(server.proxy(talking.address)) as line:
        count = 0
        while piece := line.recv(1 << 20):
            assert piece.count(b"y") == len(piece)
            count += len(piece)
        assert count == size


def test_a_chain_acts_in_its_order(server: Server, echoing: Upstream) -> None:
    place = server.proxy(echoing.address)
    server.toxic("limit_data", bytes=4)
    server.toxic("latency", latency=80)
    with connect(place) as line:
        began = time.monotonic()
        line.sendall(b"abcdef")
        assert receive(line, 6) == b"abcd"
        assert time.monotonic() - began >= 0.079


def test_toxicity_of_nothing_touches_nobody(server: Server, echoing: Upstream) -> None:
    place = server.proxy(echoing.address)
    server.toxic("latency", latency=60000, toxicity=0)
    with connect(place) as line:
        assert asked(line) < LATE


def test_toxicity_draws_for_each_connection(server: Server, echoing: Upstream) -> None:
    place = server.proxy(echoing.address)
    server.toxic("limit_data", bytes=0, toxicity=0.5)
    hit = 0
    for _ in range(40):
        with connect(place) as line:
            line.sendall(b"x")
            try:
                hit += line.recv(1) != b"x"
            except ConnectionResetError:
                hit += 1
    assert 4 <= hit <= 36


def test_the_end_of_either_side_reaches_the_other(server: Server, swallowing: Swallower) -> None:
    with connect(server.proxy(swallowing.address)):
        eventually(lambda: swallowing.lines)
    eventually(lambda: swallowing.lines[0].fileno() == -1)


def test_an_upstream_that_refuses_ends_the_connection(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
    with connect(server.proxy(nobody)) as line:
        assert ending(line) in ("closed", "reset")


@pytest.mark.parametrize("kind", ["bandwidth", "timeout"])  # both stop their direction for ever
def test_a_toxic_leaves_the_other_direction_alone(
    server: Server, swallowing: Swallower, kind: str
) -> None:
    with connect(server.proxy(swallowing.address)) as line:
        server.toxic(kind, "downstream")
        line.sendall(b"x" * 1000)
        eventually(lambda: swallowing.taken == 1000)
        server.remove(f"{kind}_downstream")

    def greet(line: socket.socket) -> None:
        line.sendall(b"hello")
        line.recv(10)

    with upstream(greet) as greeting:
        place = server.proxy(greeting.address, name="q")
        server.toxic(kind, "upstream", name="q")
        with connect(place) as line:
            line.sendall(b"?")
            assert receive(line, 5) == b"hello"


def test_a_toxic_leaves_the_other_proxies_alone(server: Server, echoing: Upstream) -> None:
    server.proxy(echoing.address)
    other = server.proxy(echoing.address, name="q")
    server.toxic("latency", latency=60000)
    with connect(other) as line:
        assert asked(line) < LATE


def test_a_changed_toxicity_acts_on_living_connections(server: Server, echoing: Upstream) -> None:
    path = "/proxies/p/toxics/latency_downstream"
    with connect(server.proxy(echoing.address)) as line:
        server.toxic("latency", latency=80, toxicity=0)
        eventually(lambda: asked(line) < 0.079)
        server.done("PATCH", path, {"toxicity": 1})
        assert asked(line) >= 0.079
        server.done("PATCH", path, {"toxicity": 0})
        eventually(lambda: asked(line) < 0.079)


def test_a_toxic_reaches_every_living_connection(server: Server, echoing: Upstream) -> None:
    place = server.proxy(echoing.address)
    with ExitStack() as lines:
        made = [lines.enter_context(connect(place)) for _ in range(20)]
        for line in made:
            asked(line)
        server.toxic("latency", latency=60)
        assert all(asked(line) >= 0.059 for line in made)
        server.done("PATCH", "/proxies/p", {"enabled": False})
        assert all(ending(line) in ("closed", "reset") for line in made)
