"""What the tests of the local world ask of a stage's programs and of the processes they became."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chaoskit.ports import NodeState
from chaoskit.world.local import LocalWorld
from tests.local_stage import LocalStage, below, state
from tests.stage import eventually

DOWN = (NodeState.STOPPED, NodeState.KILLED)


def shell(*lines: str) -> str:
    """A shell script as one word of supervisord's `command`, which takes percent signs itself."""
    return f'sh -c "{"; ".join(lines)}"'


@contextmanager
def running(made: LocalStage) -> Iterator[LocalWorld]:
    """The stage's world, with every program of our group started."""
    made.start()
    with made.world() as world:
        for node in world.nodes().values():
            eventually(lambda node=node: node.facts().state is NodeState.RUNNING, what="a node")
        yield world


def stays(made: LocalStage, so: Callable[[], bool], seconds: float = 0.4) -> bool:
    """Whether it is so at every look.

    Each question makes supervisord look after its programs, so that a policy which is armed acts
    at once. Only a pause between two starts (`BACKOFF`) takes longer: `so` must not let it pass.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        made.supervisor.pid()
        if not so():
            return False
        time.sleep(0.02)
    return so()


def statename(made: LocalStage, name: str = "node1") -> str:
    """supervisord's own word for the state of a program."""
    said = made.supervisor.program(made.system, name)
    return str(said["statename"]) if said else ""


def family(made: LocalStage, name: str = "node1") -> list[int]:
    """The pids of a program and of everything below it, by parents alone."""
    outer = made.outer(name)
    return [outer, *below(outer)] if outer else []


def living(pids: list[int]) -> list[int]:
    return [pid for pid in pids if state(pid) not in "ZX"]


def frozen(pids: list[int]) -> bool:
    return bool(pids) and all(state(pid) == "T" for pid in pids)
