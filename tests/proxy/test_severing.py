"""The toxics that end: timeout, reset_peer, limit_data. Ours and the original.

Lower bounds are tight, upper ones generous: a busy machine makes things late, never early.
"""

from __future__ import annotations

import time
from itertools import pairwise

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
    silent,
)
from tests.proxy.servers import Server


def test_timeout_drops_everything_and_closes(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        asked(line)
        server.toxic("timeout", timeout=200)
        began = time.monotonic()
        line.sendall(b"lost")
        assert line.recv(10) == b""
        assert 0.19 <= time.monotonic() - began < LATE


def test_timeout_without_end_closes_when_it_is_removed(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        server.toxic("timeout", timeout=0)
        line.sendall(b"lost")
        assert silent(line, 0.15)
        server.remove("timeout_downstream")
        assert line.recv(10) == b""


def test_a_timeout_upstream_drops_what_the_client_sends(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        asked(line)
        server.toxic("timeout", "upstream", timeout=0)
        line.sendall(b"lost")
        assert silent(line, 0.1)
        server.done("PATCH", "/proxies/p/toxics/timeout_upstream", {"attributes": {"timeout": 50}})
        assert line.recv(10) == b""


def test_data_holds_off_a_timeout(server: Server, swallowing: Swallower) -> None:
    place = server.proxy(swallowing.address)
    server.toxic("timeout", "upstream", timeout=600)
    # Where the machine made the client itself too slow, a try says nothing: once more.
    lived = eventually(lambda: kept_alive(place), 60)
    assert lived >= 1.39


def kept_alive(place: tuple[str, int]) -> float:
    """Seconds a connection lived whose client sends nine times; 0 if a pause was too long."""
    with connect(place) as line:
        times = [time.monotonic()]
        for _ in range(9):
            line.sendall(b"more")
            times.append(time.monotonic())
            time.sleep(0.1)  # the client's pace: shorter than the timeout
        assert ending(line) in ("closed", "reset")
        longest = max(after - before for before, after in pairwise(times))
        return time.monotonic() - times[0] if longest < 0.5 else 0


def test_reset_peer_resets_new_connections(server: Server, echoing: Upstream) -> None:
    place = server.proxy(echoing.address)
    server.toxic("reset_peer", timeout=100)
    with connect(place) as line:
        began = time.monotonic()
        line.sendall(b"ask")
        assert ending(line) == "reset"
        assert 0.099 <= time.monotonic() - began < LATE


def test_reset_peer_waits_for_data(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        asked(line)
        server.toxic("reset_peer", timeout=0)
        assert silent(line, 0.1)


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_after_a_reset_peer_all_is_well(server: Server, echoing: Upstream, stream: str) -> None:
    place = server.proxy(echoing.address)
    server.toxic("reset_peer", stream, timeout=0)
    with connect(place) as line:
        line.sendall(b"ask")
        assert ending(line) == "reset"
    server.remove(f"reset_peer_{stream}")
    with connect(place) as line:
        asked(line)


def test_limit_data_closes_after_so_many_bytes(server: Server, echoing: Upstream) -> None:
    place = server.proxy(echoing.address)
    server.toxic("limit_data", bytes=10)
    for _ in range(2):  # counted for each connection
        with connect(place) as line:
            asked(line, b"123456")
            line.sendall(b"789abc")
            assert receive(line, 6) == b"789a"
            assert ending(line) in ("closed", "reset")


def test_limit_data_of_nothing_closes_at_the_first_byte(server: Server, echoing: Upstream) -> None:
    place = server.proxy(echoing.address)
    server.toxic("limit_data", bytes=0)
    with connect(place) as line:
        assert silent(line, 0.1)
        line.sendall(b"x")
        assert ending(line) in ("closed", "reset")


def test_limit_data_counts_from_when_it_was_added(server: Server, swallowing: Swallower) -> None:
    with connect(server.proxy(swallowing.address)) as line:
        line.sendall(b"x" * 100)
        eventually(lambda: swallowing.taken == 100)
        server.toxic("limit_data", "upstream", bytes=10)
        line.sendall(b"y" * 30)
        assert ending(line) in ("closed", "reset")
    eventually(lambda: swallowing.lines[0].fileno() == -1)
    assert swallowing.taken == 110


def test_a_raised_limit_lets_more_through(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        server.toxic("limit_data", bytes=10)
        asked(line, b"123456")
        change = {"attributes": {"bytes": 16}}
        server.done("PATCH", "/proxies/p/toxics/limit_data_downstream", change)
        asked(line, b"1234567")
        line.sendall(b"12345")
        assert receive(line, 5) == b"123"
        assert ending(line) in ("closed", "reset")
