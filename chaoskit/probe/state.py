"""The state of a node as its runtime tells it. It must never ask the node itself."""

from __future__ import annotations

from chaoskit.model.probes import StateProbe
from chaoskit.probe.asking import Asking, Holders, OneOrEach, Silent


class StateAsk(OneOrEach):
    """A node, or each node of a tier, is in the state that is wanted; see `ports.Probe`."""

    def __init__(self, name: str, spec: StateProbe, holders: Holders, asking: Asking) -> None:
        self.name, self._spec, self._holders, self._asking = name, spec, holders, asking
        self._members = asking.members(spec.node)

    def _ask_node(self, node: str) -> bool:
        state = self._asking.world.node(node).facts().state
        if state != self._spec.state:
            raise Silent(f"is {state} instead of {self._spec.state}")
        return True
