"""Trap: supervisord reads `shop:*` and a name with a colon as a whole group, and stops it."""

from __future__ import annotations

import pytest

from chaoskit.errors import NotOurs
from chaoskit.ports import NodeState
from chaoskit.world.local.nodes import LocalNode
from tests.local_stage import local_stage, state

pytestmark = pytest.mark.local


def test_no_name_reaches_more_than_one_program_or_another_group() -> None:
    with local_stage() as made:
        made.program("node1", "sleep 7802")
        made.program("node2", "sleep 7803")
        made.program("other", "sleep 7804", group="elsewhere")
        made.start()
        with made.world() as world:
            ours = [made.outer("node1"), made.outer("node2"), made.outer("other", "elsewhere")]
            for name in ("*", "", "node1:*", "elsewhere:other", "other", f"{made.system}:node1"):
                with pytest.raises(NotOurs):
                    world.node(name)
                forged = LocalNode(name, name, world.group)
                assert forged.facts().state is NodeState.ABSENT
                for wanted in (NodeState.KILLED, NodeState.STOPPED, NodeState.FROZEN):
                    with pytest.raises(NotOurs):
                        forged.reach(wanted)
                for deed in (forged.restart, forged.crash, lambda f=forged: f.execute(("true",))):
                    with pytest.raises(NotOurs):
                        deed()
            assert [state(pid) for pid in ours] == ["S", "S", "S"]
