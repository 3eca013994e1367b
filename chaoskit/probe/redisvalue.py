"""One value out of a Redis. It must never send a command that writes (`model.probes.READS`)."""

from __future__ import annotations

from chaoskit.errors import InvalidInput
from chaoskit.model.probes import RedisValueProbe
from chaoskit.probe.asking import Asking, Holders, OneOrEach, Silent, required
from chaoskit.probe.resp import Reply, call, fields


class RedisValueAsk(OneOrEach):
    """What a host, or each node of a tier, replies meets the condition; see `ports.Probe`."""

    def __init__(self, name: str, spec: RedisValueProbe, holders: Holders, asking: Asking) -> None:
        self.name, self._spec, self._holders, self._asking = name, spec, holders, asking
        if (spec.host is None) == (spec.tier is None):
            raise InvalidInput(f"probe '{name}' needs exactly one of 'host' and 'tier'")
        self._members = asking.members(spec.tier) if spec.tier else ()

    def _here(self) -> str:
        return str(self._spec.host)

    def _ask_here(self) -> bool:
        return self._value_meets(str(self._spec.host), self._spec.port)

    def _ask_node(self, node: str) -> bool:
        return self._value_meets(*self._asking.place(node, self._spec.port))

    def _value_meets(self, address: str, port: int) -> bool:
        reply = call(address, port, self._spec.run, self._asking.timeout)
        return required(self._value(reply), self._spec.expect)

    def _value(self, reply: Reply) -> str:
        if self._spec.field is not None:
            found = fields(reply).get(self._spec.field)
            if found is None:
                raise Silent(f"answered without the field '{self._spec.field}'")
            return found
        if reply is None or isinstance(reply, list):
            raise Silent("answered nothing" if reply is None else "answered a list")
        return str(reply)
