"""A fault on a link has a time to live where the server knows one, and none where it does not."""

from __future__ import annotations

import pytest

from chaoskit.world.proxied import ProxiedLink
from chaoskit.world.toxiproxy import ProxyServer
from tests.proxy.peers import NOWHERE, eventually
from tests.proxy.servers import Server

LATENCY = {"kind": "latency", "delay": 0.08, "jitter": 0.02}
BANDWIDTH = {"kind": "bandwidth", "rate": 20_000.0}


class Silence:
    def sessions(self, doors: object, patient: bool = True) -> tuple[str, ...]:
        return ()


def link(server: Server) -> ProxiedLink:
    server.proxy(NOWHERE)
    return ProxiedLink("a -> b", "a", "b", ("p",), ProxyServer(server.url), Silence())


@pytest.mark.parametrize("condition", [LATENCY, BANDWIDTH], ids=lambda c: c["kind"])
def test_a_fault_that_nobody_lifts_goes_away_by_itself(ours: Server, condition: dict) -> None:
    found = link(ours)
    before = found.fingerprint()
    found.impose("inj-1", condition, expires=3.0)
    assert found.observe("inj-1", condition).listed
    eventually(lambda: found.fingerprint() == before)
    found.lift("inj-1", condition, {})


def test_either_server_lists_the_fault_as_asked_for(server: Server) -> None:
    found = link(server)
    found.impose("inj-1", LATENCY, expires=60.0)
    assert found.observe("inj-1", LATENCY).listed
    (toxic,) = server.done("GET", "/proxies/p/toxics")
    assert toxic.get("ttl") == (60_000 if server.kind == "embedded" else None)
