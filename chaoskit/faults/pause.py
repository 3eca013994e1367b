"""A node that is there and does nothing: the worst neighbour."""

from __future__ import annotations

from chaoskit.faults.node import NodeFault
from chaoskit.faults.registry import fault
from chaoskit.ports import Node, NodeState


@fault("pause", at=Node, trouble="unavailable", shape="held")
class Pause(NodeFault):
    """Freeze all processes of a node until the revert.

    What happens: connections are still accepted by the kernel, but nothing answers; this is
    how a hung machine looks to its clients. How it is undone: the processes go on where they
    stood. What shows it: the runtime reports it frozen, and its ping goes unanswered.
    """

    wanted = NodeState.FROZEN
    freezes = True
