"""What a condition means in toxics, and that exactly it is taken away again."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from chaoskit.errors import NotOurs, TargetError
from chaoskit.faults import find
from chaoskit.world.proxied import ProxiedLink
from chaoskit.world.toxiproxy import Toxic
from tests.world.standin import Answering, Standin, adapter, standin

LATENCY = {"kind": "latency", "delay": 0.08, "jitter": 0.02}
CUT = {"kind": "cut"}


@pytest.fixture
def server() -> Iterator[Standin]:
    with standin("p1", "p2") as found:
        yield found


class Crowd:
    """Who is connected to the proxies, as a test says it."""

    def __init__(self, *peers: str) -> None:
        self.peers = peers

    def sessions(self, ports: object, patient: bool = True) -> tuple[str, ...]:
        return self.peers


def link(server: Standin, *proxies: str, crowd: Crowd | None = None) -> ProxiedLink:
    names = proxies or ("p1", "p2")
    return ProxiedLink("a -> b", "a", "b", names, adapter(server), crowd or Crowd())


class OneLink:
    """As much of a world as a fault of a link asks for."""

    def __init__(self, only: ProxiedLink) -> None:
        self.only = only

    def link(self, name: str) -> ProxiedLink:
        return self.only


def test_a_condition_lies_on_every_carrier_once_and_only_ours_is_lifted(server: Standin) -> None:
    found = link(server)
    adapter(server).add("p2", Toxic("theirs", "slow_close", attributes={"delay": 5}))
    was = found.survey()
    found.impose("inj-1", LATENCY)
    found.impose("inj-1", LATENCY)
    for proxy in server.proxies.values():
        (mine,) = (t for t in proxy["toxics"] if t["name"] == "inj-1")
        assert mine["attributes"] == {"latency": 80, "jitter": 20}
    assert found.observe("inj-1", LATENCY).listed
    assert not found.observe("inj-1", {**LATENCY, "delay": 0.09}).listed
    found.lift("inj-1", LATENCY, was)
    found.lift("inj-1", LATENCY, was)
    assert found.survey() == was
    assert [t["name"] for t in server.proxies["p2"]["toxics"]] == ["theirs"]


def test_bandwidth_holds_in_both_directions(server: Standin) -> None:
    found, condition = link(server, "p1"), {"kind": "bandwidth", "rate": 20_000.0}
    found.impose("inj-1", condition)
    toxics = server.proxies["p1"]["toxics"]
    assert {t["stream"]: t["attributes"]["rate"] for t in toxics} == {
        "upstream": 20,
        "downstream": 20,
    }
    found.lift("inj-1", condition, {})
    assert server.proxies["p1"]["toxics"] == []


def test_a_door_that_was_shut_before_the_cut_stays_shut_after_it(server: Standin) -> None:
    server.proxies["p2"]["enabled"] = False
    found = link(server)
    was = found.survey()
    found.impose("inj-1", CUT)
    assert found.observe("inj-1", CUT).listed
    found.lift("inj-1", CUT, was)
    assert found.survey() == was


@pytest.mark.parametrize(
    ("before", "after", "carried"),
    [
        ((), (), None),  # who connects for each request may be kept out, and nobody sees it
        (("10.0.0.9:1",), (), True),
        (("10.0.0.9:1",), ("10.0.0.9:1",), False),
    ],
)
def test_a_cut_is_proven_by_those_who_were_connected_and_are_gone(
    server: Standin, before: tuple[str, ...], after: tuple[str, ...], carried: bool | None
) -> None:
    crowd = Crowd(*before)
    world: Any = OneLink(link(server, crowd=crowd))
    cut = find("cut").spec
    undo = cut().plan(world.only, world, "inj-1")
    cut.inject(undo, world)
    crowd.peers = after
    seen = cut.active(undo, world)
    assert (seen.listed, seen.carried, seen.in_force) == (True, carried, carried is True)


def test_a_reset_is_over_when_it_returns_even_when_it_fails_halfway(server: Standin) -> None:
    found, condition = link(server), {"kind": "reset", "burst": 0.05}
    found.impose("inj-1", condition)
    assert found.observe("inj-1", condition).listed
    assert "POST /proxies/p2/toxics" in server.requests

    def second_refuses(request: BaseHTTPRequestHandler) -> bool:
        if (request.command, request.path) != ("POST", "/proxies/p2/toxics"):
            return False
        assert isinstance(request, Answering)
        request.say(500, '{"error": "no"}')
        return True

    server.trouble = second_refuses
    with pytest.raises(TargetError, match="answered 500"):
        found.impose("inj-2", condition)
    assert all(proxy["toxics"] == [] for proxy in server.proxies.values())


def test_lifting_goes_on_past_a_carrier_that_fails(server: Standin) -> None:
    found = link(server)
    was = found.survey()
    found.impose("inj-1", CUT)
    gone = server.proxies.pop("p1")
    with pytest.raises(TargetError, match="p1"):
        found.lift("inj-1", CUT, was)
    assert server.proxies["p2"]["enabled"] is True
    server.proxies["p1"] = gone
    found.lift("inj-1", CUT, was)
    assert found.survey() == was


@pytest.mark.parametrize(
    "condition",
    [
        {"kind": "latency", "delay": 0.0003, "jitter": 0.0},
        {"kind": "bandwidth", "rate": 100.0},
        {"kind": "teleport"},
    ],
)
def test_what_a_proxy_cannot_do_is_refused(server: Standin, condition: dict[str, Any]) -> None:
    with pytest.raises(TargetError):
        link(server).impose("inj-1", condition)
    assert server.requests == []


def test_a_carrier_that_is_missing_is_named(server: Standin) -> None:
    with pytest.raises(NotOurs, match="'gone'"):
        link(server, "gone").survey()
