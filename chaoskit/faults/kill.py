"""SIGKILL and kept down until the revert, on every runtime."""

from __future__ import annotations

from chaoskit.faults.node import NodeFault
from chaoskit.faults.registry import fault
from chaoskit.ports import Node, NodeState


@fault("kill", at=Node, trouble="unavailable", shape="held")
class Kill(NodeFault):
    """Kill a node (SIGKILL) and keep it down until the revert.

    What happens: its processes are gone at once, without a chance to say goodbye, and nothing
    starts it again. How it is undone: the node is started. What shows it: the runtime reports
    it down, and its ping goes unanswered.
    """

    wanted = NodeState.KILLED
