"""What ours leaves to chance comes again from the same seed, and is drawn once."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from tests.proxy.peers import Upstream, asked, connect
from tests.proxy.servers import Server, embedded


def hit(server: Server, place: tuple[str, int], count: int) -> list[bool]:
    """Which of so many connections lose their data."""
    found = []
    for _ in range(count):
        with connect(place) as line:
            line.sendall(b"x")
            try:
                found.append(line.recv(1) != b"x")
            except ConnectionResetError:
                found.append(True)
    return found


def test_toxicity_comes_again_from_the_same_seed(echoing: Upstream) -> None:
    seen = []
    for seed in (1, 1, 2):
        with embedded(seed) as server:
            place = server.proxy(echoing.address)
            server.toxic("limit_data", bytes=0, toxicity=0.5)
            seen.append(hit(server, place, 40))
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]
    assert 8 <= sum(seen[0]) <= 32


def quickest(line: socket.socket) -> float:
    return min(asked(line) for _ in range(3))


def test_toxicity_is_drawn_once(ours: Server, echoing: Upstream) -> None:
    """Whatever else comes and goes, who is slow stays slow, who is not stays quick."""
    place = ours.proxy(echoing.address)
    ours.toxic("latency", latency=60, toxicity=0.5)
    with ExitStack() as lines:
        made = [lines.enter_context(connect(place)) for _ in range(12)]
        slow = [quickest(line) >= 0.059 for line in made]
        assert 0 < sum(slow) < 12
        ours.toxic("slicer", average_size=100)
        ours.done("PATCH", "/proxies/p/toxics/latency_downstream", {"attributes": {"jitter": 0}})
        spared = [line for line, is_slow in zip(made, slow, strict=True) if not is_slow]
        hurt = [line for line, is_slow in zip(made, slow, strict=True) if is_slow]
        assert all(asked(line) >= 0.059 for line in hurt)
        assert all(quickest(line) < 0.059 for line in spared)
        ours.done("PATCH", "/proxies/p/toxics/latency_downstream", {"toxicity": 1})
        assert all(asked(line) >= 0.059 for line in made)
        ours.done("PATCH", "/proxies/p/toxics/latency_downstream", {"toxicity": 0})
        assert all(quickest(line) < 0.059 for line in made)


def test_jitter_comes_again_from_the_same_seed(echoing: Upstream) -> None:
    seen = []
    for seed in (3, 3, 4):
        with embedded(seed) as server, connect(server.proxy(echoing.address)) as line:
            server.toxic("latency", latency=40, jitter=40)
            seen.append([asked(line) for _ in range(10)])
    first, again, other = seen
    assert apart(first, again) < apart(first, other)


def apart(one: list[float], other: list[float]) -> float:
    return sum(abs(here - there) for here, there in zip(one, other, strict=True))
