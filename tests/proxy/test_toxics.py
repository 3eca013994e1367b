"""Every toxic: what both ends see, on old and new connections. Ours and the original.

Lower bounds are tight, upper ones generous: a busy machine makes things late, never early.
"""

from __future__ import annotations

import socket
import time
from itertools import pairwise

import pytest

from tests.proxy.peers import Upstream, asked, connect, ending, eventually, receive, upstream
from tests.proxy.servers import Server

LATE = 5.0


def remove(server: Server, name: str) -> None:
    server.done("DELETE", f"/proxies/p/toxics/{name}")


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
        remove(server, f"latency_{stream}")
        assert min(asked(old) for _ in range(5)) < 0.05


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
        server.toxic("latency", latency=20, jitter=15)
        times = [asked(line) for _ in range(25)]
        assert min(times) >= 0.004
        assert min(times) < 0.018
        assert max(times) > 0.022


def test_a_removed_latency_lets_go_what_it_holds(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        server.toxic("latency", latency=60000)
        line.sendall(b"held")
        assert silent(line, 0.1)
        remove(server, "latency_downstream")
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
        server.toxic("latency", latency=50)
        began = time.monotonic()
        for _ in range(40):
            line.sendall(b"z" * 1000)
        assert receive(line, 40_000) == b"z" * 40_000
        assert 0.049 <= time.monotonic() - began < 1.9


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_bandwidth_limits_the_rate(server: Server, echoing: Upstream, stream: str) -> None:
    with connect(server.proxy(echoing.address)) as line:
        server.toxic("bandwidth", stream, rate=200)
        assert 0.29 <= asked(line, b"b" * 60_000) < LATE
        remove(server, f"bandwidth_{stream}")
        assert min(asked(line, b"b" * 60_000) for _ in range(3)) < 0.25


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
        server.toxic("slow_close", delay=500)
        began = time.monotonic()
        with connect(place) as line:
            assert receive(line, 5) == b"hello"
            assert time.monotonic() - began < 0.49
            assert ending(line) == "closed"
            assert 0.499 <= time.monotonic() - began < LATE


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
        remove(server, "timeout_downstream")
        assert line.recv(10) == b""


def test_data_holds_off_a_timeout(server: Server, swallowing: Upstream) -> None:
    place = server.proxy(swallowing.address)
    server.toxic("timeout", "upstream", timeout=400)
    for _ in range(5):
        pace, lived = lifetime(place)
        # Where the machine made the client itself too slow, this says nothing: once more.
        if pace < 0.35:
            assert lived >= 0.89
            return
    pytest.skip("this machine is too busy to keep a pace of 0.1 s")


def lifetime(place: tuple[str, int]) -> tuple[float, float]:
    """The longest pause of a client that sends six times, and how long its connection lived."""
    with connect(place) as line:
        times = [time.monotonic()]
        for _ in range(6):
            line.sendall(b"more")
            times.append(time.monotonic())
            time.sleep(0.1)  # the client's pace: shorter than the timeout
        assert ending(line) in ("closed", "reset")
        longest = max(after - before for before, after in pairwise(times))
        return longest, time.monotonic() - times[0]


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


def test_the_end_of_either_side_reaches_the_other(server: Server, swallowing: Upstream) -> None:
    with connect(server.proxy(swallowing.address)):
        eventually(lambda: swallowing.lines)
    eventually(lambda: swallowing.lines[0].fileno() == -1)


def test_an_upstream_that_refuses_ends_the_connection(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
    with connect(server.proxy(nobody)) as line:
        assert ending(line) in ("closed", "reset")
