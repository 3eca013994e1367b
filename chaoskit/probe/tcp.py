"""A connection is accepted. It proves little (a frozen process still accepts) and says so here."""

from __future__ import annotations

import socket

from chaoskit.errors import InvalidInput
from chaoskit.model.probes import TcpProbe
from chaoskit.probe.asking import Asking, Holders, OneOrEach


class TcpAsk(OneOrEach):
    """A port of a host, or of each node of a tier, accepts; see `ports.Probe`."""

    def __init__(self, name: str, spec: TcpProbe, holders: Holders, asking: Asking) -> None:
        self.name, self._spec, self._holders, self._asking = name, spec, holders, asking
        if (spec.host is None) == (spec.tier is None):
            raise InvalidInput(f"probe '{name}' needs exactly one of 'host' and 'tier'")
        self._members = asking.members(spec.tier) if spec.tier else ()

    def _here(self) -> str:
        return str(self._spec.host)

    def _ask_here(self) -> bool:
        return self._connect(str(self._spec.host), self._spec.port)

    def _ask_node(self, node: str) -> bool:
        return self._connect(*self._asking.place(node, self._spec.port))

    def _connect(self, host: str, port: int) -> bool:
        with socket.create_connection((host, port), self._asking.timeout):
            return True
