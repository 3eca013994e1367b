"""A polite end, and kept down until the revert."""

from __future__ import annotations

from chaoskit.faults.node import NodeFault
from chaoskit.faults.registry import fault
from chaoskit.ports import Node, NodeState
from chaoskit.units import Duration


@fault("stop", at=Node, trouble="unavailable", shape="held")
class Stop(NodeFault):
    """Stop a node politely and keep it down until the revert.

    What happens: it is asked to end, as by a deployment, and has `grace` to finish what it
    does; what is left of it then is killed. How it is undone: the node is started. What shows
    it: the runtime reports it down, whether it ended by itself or was killed, and its ping goes
    unanswered.
    """

    wanted = NodeState.STOPPED
    grace: Duration = Duration(10)

    def patience(self) -> float:
        return float(self.grace)
