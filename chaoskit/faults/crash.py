"""A node that dies, and whatever watches over it: an event. Whether it comes back is the question.

This module must never start the node before the revert, and never disarm its restart policy.
"""

from __future__ import annotations

import signal

from chaoskit.faults.event import NodeEvent, felt
from chaoskit.faults.registry import Undo, fault
from chaoskit.model.evidence import Evidence
from chaoskit.ports import Node, NodeFacts, World

DIED_OF_SIGKILL = 128 + signal.SIGKILL


@fault("crash", at=Node, trouble="unavailable", shape="event")
class Crash(NodeEvent):
    """Kill a node (SIGKILL) and leave its restart policy to act.

    What happens: an event, as by a bug or by the kernel's want of memory: the processes are gone
    at once, and the policy starts them anew, or does not where there is none. How it is undone:
    the revert starts the node where its policy did not, and fails when it does not run; whether
    it answers again is for the recovery. What shows it: the runtime reports another start than
    the one seen before, or an end by SIGKILL, and nobody answers for a node that is down.
    """

    event = "crash"

    @staticmethod
    def inject(undo: Undo, world: World) -> None:
        world.node(undo["node"]).crash()

    @staticmethod
    def active(undo: Undo, world: World) -> Evidence:
        node = world.node(undo["node"])
        seen = node.facts()
        answers = node.answers()
        happened = _happened(undo, seen)
        return Evidence(
            listed=happened,
            felt=felt(happened, seen, answers),
            facts={
                "state": str(seen.state),
                "answers": answers,
                "incarnation": seen.incarnation,
                "restarts": seen.restarts,
                "exit_code": seen.exit_code,
            },
        )


def _happened(undo: Undo, seen: NodeFacts) -> bool:
    """Started anew since the undo was made, or down by SIGKILL: then it ran, as it was planned."""
    anew = (seen.incarnation, seen.restarts) != (undo["incarnation"], undo["restarts"])
    return anew or seen.exit_code == DIED_OF_SIGKILL
