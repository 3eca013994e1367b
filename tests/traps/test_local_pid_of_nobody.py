"""Trap: supervisord says pid 0 of a program that is down; a signal to 0 hits one's own group."""

from __future__ import annotations

import signal

import pytest

from chaoskit.errors import TargetError
from chaoskit.ports import NodeState
from tests.local_stage import local_stage

pytestmark = pytest.mark.local


def test_every_deed_on_a_program_that_is_down_spares_us(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[int] = []
    before = {number: signal.signal(number, lambda n, _: received.append(n)) for number in GENTLE}
    try:
        with local_stage() as made:
            made.program("node1", "sleep 7801", autostart="false")
            made.start()
            with made.world() as world:
                node = world.node("node1")
                assert made.outer("node1") == 0
                assert world.group.look("node1").root is None
                with pytest.raises(TargetError, match="nothing runs"):
                    node.crash()
                for state in (NodeState.KILLED, NodeState.STOPPED):
                    node.reach(state, grace=0.5)
                    assert node.facts().state is NodeState.STOPPED
                with pytest.raises(TargetError, match="it is stopped"):
                    node.execute(("true",))
                node.reach(NodeState.FROZEN)
                assert node.facts().state is NodeState.FROZEN
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert received == []


GENTLE = (signal.SIGTERM, signal.SIGCONT, signal.SIGHUP)
