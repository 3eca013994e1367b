"""The time to live of a toxic: it goes away by itself, unless it is told otherwise."""

from __future__ import annotations

import time

from tests.proxy.peers import NOWHERE, Upstream, connect, eventually, receive
from tests.proxy.servers import Server


def test_a_toxic_goes_away_by_itself(ours: Server, echoing: Upstream) -> None:
    with connect(ours.proxy(echoing.address)) as line:
        assert ours.toxic("latency", latency=60000, ttl=150)["ttl"] == 150
        began = time.monotonic()
        line.sendall(b"held")
        assert receive(line, 4) == b"held"
        assert 0.14 <= time.monotonic() - began < 5
        assert ours.done("GET", "/proxies/p/toxics") == []


def test_a_time_to_live_can_be_changed_and_taken_back(ours: Server) -> None:
    ours.proxy(NOWHERE)
    path = "/proxies/p/toxics/latency_downstream"
    ours.toxic("latency", latency=1, ttl=60000)
    assert ours.done("PATCH", path, {"ttl": 100})["ttl"] == 100
    assert "ttl" not in ours.done("PATCH", path, {"ttl": 0})
    time.sleep(0.2)  # longer than it had
    assert ours.ask("GET", path).status_code == 200
    ours.done("PATCH", path, {"ttl": 1})
    eventually(lambda: ours.ask("GET", path).status_code == 404)
