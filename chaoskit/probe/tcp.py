"""A connection is accepted. It proves little (a frozen process still accepts) and says so here."""

from __future__ import annotations

import socket
from functools import partial

from chaoskit.errors import InvalidInput
from chaoskit.model.probes import TcpProbe
from chaoskit.ports import Answer
from chaoskit.probe.asking import Asking, Holders, Silent, counted


class TcpAsk:
    """A port of a host, or of each node of a tier, accepts; see `ports.Probe`."""

    def __init__(self, name: str, spec: TcpProbe, holders: Holders, asking: Asking) -> None:
        self.name, self._spec, self._holders, self._asking = name, spec, holders, asking
        if (spec.host is None) == (spec.tier is None):
            raise InvalidInput(f"probe '{name}' needs exactly one of 'host' and 'tier'")
        self._members = asking.members(spec.tier) if spec.tier else ()

    def ask(self) -> Answer:
        if self._spec.host is not None:
            got = self._asking.once(partial(self._connect, self._spec.host, self._spec.port))
            silent = isinstance(got, Silent)
            return Answer(not silent, (), f"{self._spec.host} {got}" if silent else "")
        asked = {node: partial(self._ask_node, node) for node in self._members}
        answers, silences = self._asking.each(asked)
        return counted(self._members, answers, silences, self._holders)

    def _ask_node(self, node: str) -> bool:
        return self._connect(*self._asking.place(node, self._spec.port))

    def _connect(self, host: str, port: int) -> bool:
        with socket.create_connection((host, port), self._asking.timeout):
            return True
