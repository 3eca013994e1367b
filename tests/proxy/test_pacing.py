"""The toxics that delay: latency, bandwidth, slow_close, slicer. Ours and the original.

Lower bounds are tight, upper ones generous: a busy machine makes things late, never early.
"""

from __future__ import annotations

import socket
import threading
import time

import pytest

from tests.proxy.peers import (
    LATE,
    Upstream,
    asked,
    connect,
    ending,
    eventually,
    receive,
    silent,
    upstream,
)
from tests.proxy.servers import Server


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_latency_delays_new_and_living_connections(
    server: Server, echoing: Upstream, stream: str
) -> None:
    place = server.proxy(echoing.address)
    with connect(place) as old:
        asked(old)
        server.toxic("latency", stream, latency=60)
        assert 0.059 <= asked(old) < LATE
        with connect(place) as new:
            assert 0.059 <= asked(new) < LATE
        server.remove(f"latency_{stream}")
        eventually(lambda: asked(old) < 0.059)


def test_latencies_of_both_directions_and_of_a_chain_add_up(
    server: Server, echoing: Upstream
) -> None:
    with connect(server.proxy(echoing.address)) as line:
        server.toxic("latency", "upstream", latency=40)
        server.toxic("latency", "downstream", latency=40)
        wish = {"type": "latency", "name": "more", "attributes": {"latency": 40}}
        server.done("POST", "/proxies/p/toxics", wish)
        assert 0.119 <= asked(line) < LATE


def test_jitter_spreads_around_the_latency(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        server.toxic("latency", latency=40, jitter=35)
        times = [asked(line) for _ in range(30)]
        assert min(times) >= 0.004
        assert min(times) < 0.039
        assert max(times) > 0.041


def test_a_removed_latency_lets_go_what_it_holds(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        server.toxic("latency", latency=60000)
        line.sendall(b"held")
        assert silent(line, 0.1)
        server.remove("latency_downstream")
        assert receive(line, 4) == b"held"


def test_a_changed_latency_acts_on_living_connections(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        server.toxic("latency", latency=1)
        asked(line)
        change = {"attributes": {"latency": 70}}
        server.done("PATCH", "/proxies/p/toxics/latency_downstream", change)
        assert 0.069 <= asked(line) < LATE


def test_latency_does_not_throttle(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        server.toxic("latency", latency=150)
        began = time.monotonic()
        for _ in range(40):
            line.sendall(b"z" * 1000)
        assert receive(line, 40_000) == b"z" * 40_000
        assert 0.149 <= time.monotonic() - began < 5.9  # one after the other: 40 times 0.15 s


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_bandwidth_limits_the_rate(server: Server, echoing: Upstream, stream: str) -> None:
    with connect(server.proxy(echoing.address)) as line:
        server.toxic("bandwidth", stream, rate=200)
        assert 0.29 <= asked(line, b"b" * 60_000) < LATE
        change = {"attributes": {"rate": 100}}
        server.done("PATCH", f"/proxies/p/toxics/bandwidth_{stream}", change)
        assert 0.59 <= asked(line, b"b" * 60_000) < LATE
        server.remove(f"bandwidth_{stream}")
        eventually(lambda: asked(line, b"b" * 60_000) < 0.29)


def test_bandwidth_of_nothing_stalls(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        asked(line)
        server.toxic("bandwidth", "upstream", rate=0)
        line.sendall(b"stuck")
        assert silent(line, 0.15)


def test_slow_close_delays_only_the_end(server: Server) -> None:
    def greet(line: socket.socket) -> None:
        line.sendall(b"hello")

    with upstream(greet) as greeting:
        place = server.proxy(greeting.address)
        server.toxic("slow_close", delay=1000)
        began = time.monotonic()
        with connect(place) as line:
            assert receive(line, 5) == b"hello"
            assert time.monotonic() - began < 0.99
            assert ending(line) == "closed"
            assert 0.999 <= time.monotonic() - began < LATE


def test_slicer_cuts_and_paces(server: Server) -> None:
    pieces = []

    def note(line: socket.socket) -> None:
        while piece := line.recv(1000):
            pieces.append(piece)

    with upstream(note) as noting, connect(server.proxy(noting.address)) as line:
        server.toxic("slicer", "upstream", average_size=10, size_variation=2, delay=5000)
        line.sendall(bytes(range(100)))
        eventually(lambda: sum(map(len, pieces)) == 100)
        assert b"".join(pieces) == bytes(range(100))
        # Late slices may be read together, but not all of them.
        assert len(pieces) >= 4


def test_slow_close_reaches_a_living_connection_and_can_be_taken_back(server: Server) -> None:
    said = threading.Event()

    def talk(line: socket.socket) -> None:
        line.sendall(line.recv(10))
        said.wait(20)

    with upstream(talk) as talking, connect(server.proxy(talking.address)) as line:
        asked(line)
        server.toxic("slow_close", delay=60000)
        said.set()
        assert silent(line, 0.1)
        server.remove("slow_close_downstream")
        assert ending(line) == "closed"


def test_a_sliced_answer_is_paced_on_a_living_connection(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        asked(line)
        server.toxic("slicer", average_size=10, size_variation=0, delay=20_000)
        # At least seven slices with a pause before, between or behind them.
        assert 0.119 <= asked(line, bytes(range(80))) < LATE
        server.remove("slicer_downstream")
        eventually(lambda: asked(line, bytes(range(80))) < 0.119)
