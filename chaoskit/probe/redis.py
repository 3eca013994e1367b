"""Who is the master of a Redis group, and is the group whole again.

The master is whom the majority of all declared Sentinels names, not of those that answer: a
returning old master says `role:master` for ten seconds, and must never be believed for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from chaoskit.model.probes import RedisProbe
from chaoskit.ports import Answer
from chaoskit.probe.asking import Asking, Silent, all_told
from chaoskit.probe.resp import Reply, call, fields

# Beside a node's own name, for a Sentinel that lives on the same node.
SENTINEL = "Sentinel "
Place = tuple[str, int]


@dataclass(frozen=True)
class Group:
    """One look: whom the Sentinels' majority names, and what each node says of replication."""

    named: str | None
    addresses: Mapping[str, str]
    said: Mapping[str, Mapping[str, str]]
    silent: Mapping[str, Silent]

    @property
    def master(self) -> str | None:
        """The node that is named, by its address or by its name."""
        known = ((name, (name, address)) for name, address in self.addresses.items())
        return next((name for name, called in known if self.named in called), None)

    def keeps_from_following(self, name: str, master: str) -> str | None:
        """Why `name` is no replica of `master`; None when it is one."""
        said = self.said[name]
        if said.get("role") == "master":
            return f"{name} still says it is master"
        if said.get("master_host") not in (master, self.addresses[master]):
            return f"{name} follows {said.get('master_host')} instead of {master}"
        linked = said.get("master_link_status") == "up"
        return None if linked else f"{name} is not linked to its master"


class RedisAsk:
    """One master by the Sentinels' majority, all others linked to it; see `ports.Probe`."""

    def __init__(self, name: str, spec: RedisProbe, asking: Asking) -> None:
        self.name, self._spec, self._asking = name, spec, asking
        self._members = asking.members(spec.tier)
        self._sentinels = asking.members(spec.sentinels)

    def ask(self) -> Answer:
        group = self._look()
        lacks = list(self._lacks(group))
        known = not lacks or all_told(group.silent)
        return Answer(not lacks, self._holders(group), "; ".join(lacks), known)

    def _look(self) -> Group:
        until = self._asking.deadline()
        places, lost = self._asking.each(dict(self._whereabouts()), until)
        replies, silent = self._asking.each(dict(self._questions(places)), until)
        votes = [replies.get(SENTINEL + name) for name in self._sentinels]
        return Group(
            named=_majority(votes),
            addresses={name: places[name][0] for name in self._members if name in places},
            said={name: fields(replies[name]) for name in self._members if name in replies},
            silent={**lost, **silent},
        )

    def _whereabouts(self) -> Iterator[tuple[str, partial[Place]]]:
        for name in self._members:
            yield name, partial(self._asking.place, name, self._spec.port)
        for name in self._sentinels:
            yield SENTINEL + name, partial(self._asking.place, name, self._spec.sentinel_port)

    def _questions(self, places: Mapping[str, Place]) -> Iterator[tuple[str, partial[Reply]]]:
        wait = self._asking.timeout
        find = ("SENTINEL", "get-master-addr-by-name", self._spec.master)
        for name, place in places.items():
            question = find if name.startswith(SENTINEL) else ("INFO", "replication")
            yield name, partial(call, *place, question, wait)

    def _holders(self, group: Group) -> tuple[str, ...]:
        master = group.master
        if self._spec.role == "master" or master is None:
            return (master,) if master and self._spec.role == "master" else ()
        others = [name for name in group.said if name != master]
        return tuple(n for n in others if group.keeps_from_following(n, master) is None)

    def _lacks(self, group: Group) -> Iterator[str]:
        """A sentence for each thing that is missing."""
        master = group.master
        if group.named is None:
            yield f"no majority of the {len(self._sentinels)} Sentinels names a master"
        elif master is None:
            yield f"the Sentinels name {group.named}, which is no node of '{self._spec.tier}'"
        for name in self._members:
            if name in group.silent:
                yield f"{name} {group.silent[name]}"
            elif name == master and group.said[name].get("role") != "master":
                yield f"{name} is named master and says it is not"
            elif master is not None and name != master:
                yield from filter(None, [group.keeps_from_following(name, master)])


def _majority(votes: Sequence[Reply]) -> str | None:
    """Whom more than half of all Sentinels name, silent ones counted."""
    named = [str(vote[0]) for vote in votes if isinstance(vote, list) and vote]
    top, count = Counter(named).most_common(1)[0] if named else ("", 0)
    return top if count > len(votes) // 2 else None
