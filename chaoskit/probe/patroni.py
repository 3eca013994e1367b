"""Who is the primary of a Patroni group, and do its standbys stream.

The primary's own list of replication connections decides: `/cluster` calls a standby `running`
that does not stream. It must never take the word of a node that is not primary for the group.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from chaoskit.model.probes import PatroniProbe
from chaoskit.ports import Answer
from chaoskit.probe.asking import Asking, Silent, all_told
from chaoskit.probe.http import get

SYNCHRONOUS = ("sync", "quorum")


@dataclass(frozen=True)
class Member:
    """What one node says: whether it answers as primary, and who streams from it."""

    address: str
    primary: bool
    replication: tuple[Mapping[str, Any], ...] = ()

    def stream_of(self, name: str, address: str | None) -> Mapping[str, Any] | None:
        """The connection of the standby `name`, if it streams."""
        for each in self.replication:
            known = (each.get("application_name"), each.get("client_addr"))
            if each.get("state") == "streaming" and (name in known or address in known):
                return each
        return None


class PatroniAsk:
    """One primary, all others streaming from it; see `ports.Probe`."""

    def __init__(self, name: str, spec: PatroniProbe, asking: Asking) -> None:
        self.name, self._spec, self._asking = name, spec, asking
        self._members = asking.members(spec.tier)

    def ask(self) -> Answer:
        seen, silent = self._asking.each({n: partial(self._ask, n) for n in self._members})
        primaries = tuple(name for name, member in seen.items() if member.primary)
        lacks = [f"{name} {why}" for name, why in silent.items()]
        if len(primaries) != 1:
            said = _not_one(primaries, lacks)
            return Answer(False, self._holders(primaries, ()), said, all_told(silent))
        primary = seen[primaries[0]]
        streams = {
            name: stream
            for name, member in seen.items()
            if name not in primaries and (stream := primary.stream_of(name, member.address))
        }
        lacks += self._lacks(primaries[0], set(seen) - set(primaries), streams)
        holders, known = self._holders(primaries, tuple(streams)), not lacks or all_told(silent)
        return Answer(not lacks, holders, "; ".join(lacks), known)

    def _holders(self, primaries: tuple[str, ...], standbys: tuple[str, ...]) -> tuple[str, ...]:
        return primaries if self._spec.role == "primary" else standbys

    def _lacks(
        self, primary: str, standbys: set[str], streams: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[str]:
        for name in sorted(standbys - set(streams)):
            yield f"{name} does not stream from {primary}"
        states = [stream.get("sync_state") for stream in streams.values()]
        if self._spec.synchronous and not any(state in SYNCHRONOUS for state in states):
            yield f"{primary} has no synchronous standby"

    def _ask(self, name: str) -> Member:
        address, port = self._asking.place(name, self._spec.port)
        status, body = get(f"http://{address}:{port}/primary", self._asking.timeout)
        if status == 503:
            return Member(address, primary=False)
        if status != 200:
            raise Silent(f"answered {status} to /primary")
        return Member(address, primary=True, replication=_replication(body))


def _replication(body: str) -> tuple[Mapping[str, Any], ...]:
    try:
        found = json.loads(body).get("replication", [])
    except (ValueError, AttributeError) as error:
        raise Silent("does not speak as Patroni does") from error
    return tuple(each for each in found if isinstance(each, dict))


def _not_one(primaries: tuple[str, ...], lacks: list[str]) -> str:
    several = f"{' and '.join(primaries)} answer as primary, one should"
    return "; ".join([several if primaries else "no node answers as primary", *lacks])
