"""Trap: Toxiproxy dials in its accept loop without a timeout: a dead upstream wedges it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from chaoskit.errors import TargetError
from chaoskit.ports import NodeState
from chaoskit.world.proxied import ProxiedLink
from chaoskit.world.toxiproxy import ProxyServer, Toxic
from tests.stage import Stage, chatter, eventually, lacking

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]
LISTEN = 24001
DELAY = Toxic("first", "latency", attributes={"latency": 10, "jitter": 0})


class Nobody:
    def sessions(self, ports: object, patient: bool = True) -> tuple[str, ...]:
        return ()

    def refused(self) -> int:
        return 0


@contextmanager
def black_hole(stage: Stage, name: str) -> Iterator[None]:
    """Everything that reaches the node is dropped, until it is healed."""
    if os.geteuid() != 0:
        lacking("a black hole needs root on the engine's host")
    rule = ["nsenter", "-t", str(stage.pid(name)), "-n", "iptables", "-w"]
    subprocess.run([*rule, "-I", "INPUT", "-j", "DROP"], check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run([*rule, "-D", "INPUT", "-j", "DROP"], check=True, timeout=10)


@contextmanager
def waiting_clients(stage: Stage, count: int = 3) -> Iterator[None]:
    """Clients whose connection the proxy has taken and cannot pass on."""
    with ExitStack() as lines:
        for _ in range(count):
            line = socket.create_connection((stage.proxy_address, LISTEN), 2)
            lines.enter_context(line).sendall(b"PING\r\n")
        yield


@pytest.fixture
def wedgeable(proxied_stage: Stage) -> Stage:
    """A Redis behind a proxy that names it by address, the way that wedges."""
    container = proxied_stage.node("cache1")
    address = proxied_stage.address(container)
    proxied_stage.link("app -> cache", "app-cache1", LISTEN, f"{address}:6379")
    with chatter((proxied_stage.proxy_address, LISTEN)):
        return proxied_stage


def link(stage: Stage, patience: float) -> ProxiedLink:
    server = ProxyServer(stage.api, timeout=1.0, patience=patience)
    return ProxiedLink("app -> cache", "app", "cache", ("app-cache1",), server, Nobody())


def test_behind_a_black_hole_the_adapter_returns_and_restores_once_it_is_healed(
    wedgeable: Stage,
) -> None:
    hasty, cut = link(wedgeable, 2.0), {"kind": "cut"}
    was = hasty.survey()
    with black_hole(wedgeable, "cache1"), waiting_clients(wedgeable):
        began = time.monotonic()
        hasty.impose("trap", cut)
        assert hasty.observe("trap", cut).listed
        with pytest.raises(TargetError, match="heal the network first"):
            hasty.lift("trap", cut, was)
        assert time.monotonic() - began < 12
    link(wedgeable, 60.0).lift("trap", cut, was)
    assert hasty.survey() == was
    with chatter((wedgeable.proxy_address, LISTEN)) as heard:
        eventually(lambda: len(heard) > 3, what="an answer through the proxy")
    assert hasty.survey() == was


def test_behind_a_dead_neighbour_the_adapter_returns_and_restores_once_it_is_back(
    wedgeable: Stage,
) -> None:
    """A neighbour that just died stays in the ARP table: for a minute it is a black hole."""
    hasty, cut = link(wedgeable, 2.0), {"kind": "cut"}
    was = hasty.survey()
    with wedgeable.world() as world:
        world.node("cache1").reach(NodeState.KILLED)
        with waiting_clients(wedgeable):
            began = time.monotonic()
            hasty.server.add("app-cache1", DELAY)
            hasty.impose("trap", cut)
            hasty.server.remove("app-cache1", DELAY.name)
            with pytest.raises(TargetError, match="then revert again"):
                hasty.lift("trap", cut, was)
            assert time.monotonic() - began < 12
        world.node("cache1").reach(NodeState.RUNNING)
    link(wedgeable, 60.0).lift("trap", cut, was)
    with chatter((wedgeable.proxy_address, LISTEN)) as heard:
        eventually(lambda: len(heard) > 3, what="an answer through the proxy")
    assert hasty.survey() == was
