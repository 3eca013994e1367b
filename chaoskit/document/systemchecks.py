"""What must fit together inside a system: names that refer to others, and where load may go.

Pure checks on a typed system; the tree is only asked for places.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from chaoskit.document.binding import node_at
from chaoskit.document.nearest import meant
from chaoskit.document.tree import Problems, Table
from chaoskit.model.ledger import COPY, LedgerPage
from chaoskit.model.probes import CommandProbe, ProbeSpec, StateProbe
from chaoskit.model.system import CLIENT, LinkSpec, System

# Of each kind of which one is needed: one place, or each node of a tier.
DIRECT = {"http": "url", "tcp": "host", "sql": "url", "redis_value": "host"}
SHORTEST = 0.1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LINK = re.compile(r"(\S+) -> ([^\s/]+)")


def check_system(system: System, tree: Table, problems: Problems) -> None:
    """Add everything that does not fit together in `system`, each at its place in `tree`."""
    check = _Check(system, tree, problems)
    check.tiers()
    check.links()
    check.probes()
    check.protected()
    check.ledgers()
    check.entry()
    check.halting()


def check_halting(system: System, tree: Table, problems: Problems) -> None:
    """The hooks under `halt_when` of `tree`, where they belong to no system's file."""
    _Check(system, tree, problems).halting()


class _Check:
    def __init__(self, system: System, tree: Table, problems: Problems) -> None:
        self._system, self._tree, self._problems = system, tree, problems

    def _add(self, location: tuple[str | int, ...], message: str, suggestion: str = "") -> None:
        self._problems.add(node_at(self._tree, location)[1], message, suggestion)

    def _key_place(self, *location: str | int) -> tuple[str | int, ...]:
        return (*location, "[key]")

    def tiers(self) -> None:
        for name, tier in self._system.tiers.items():
            key = self._key_place("tiers", name)
            if name == CLIENT:
                self._add(key, f"'{CLIENT}' is the load generator, no tier", "name it otherwise")
            elif not _NAME.fullmatch(name):
                self._add(key, f"'{name}' cannot name a tier", "letters, digits, '.', '_', '-'")
            if tier.redundancy and tier.redundancy.min > len(tier.nodes):
                said = f"tier '{name}' has {len(tier.nodes)} nodes; min cannot be more"
                self._add(("tiers", name, "redundancy", "min"), said)
            for role, probe in tier.roles.items():
                self._known_probe(("tiers", name, "roles", role), probe)
            if tier.ready is not None:
                self._known_probe(("tiers", name, "ready"), tier.ready)
        self._nodes()

    def _nodes(self) -> None:
        seen: dict[str, str] = {}
        for tier, index, node in self._members():
            if node in seen:
                where = "twice" if seen[node] == tier else f"also in tier '{seen[node]}'"
                hint = "a node belongs to one tier"
                self._add(("tiers", tier, "nodes", index), f"node '{node}' is {where}", hint)
            elif node in self._system.tiers and (
                node != tier or len(self._system.tiers[tier].nodes) > 1
            ):
                said = f"'{node}' names a tier and a node of tier '{tier}'"
                self._add(("tiers", tier, "nodes", index), said, "rename one")
            seen.setdefault(node, tier)

    def _members(self) -> Iterator[tuple[str, int, str]]:
        for name, tier in self._system.tiers.items():
            yield from ((name, index, node) for index, node in enumerate(tier.nodes))

    def _known_probe(self, location: tuple[str | int, ...], probe: str) -> None:
        if probe not in self._system.probes:
            suggestion = meant(probe, self._system.probes, "probes")[1]
            self._add(location, f"there is no probe '{probe}'", suggestion)

    def _known_tier(self, location: tuple[str | int, ...], tier: str, nodes: bool = False) -> None:
        known = (*self._system.tiers, *(self._system.nodes() if nodes else ()))
        if tier not in known:
            what = "node or tier" if nodes else "tier"
            self._add(location, f"there is no {what} '{tier}'", meant(tier, known, "there are")[1])

    def links(self) -> None:
        for place in self._places("links"):
            self._links(*place)

    def _places(self, what: str) -> Iterator[tuple[tuple[str, ...], Any]]:
        """Where links (or probes) may stand: on the system, and on each runtime over it."""
        yield (what,), getattr(self._system, what)
        for runtime, spec in self._system.runtimes.items():
            yield ("runtimes", runtime, what), getattr(spec, what)

    def _links(self, where: tuple[str, ...], links: Mapping[str, LinkSpec]) -> None:
        for name in links:
            key = self._key_place(*where, name)
            match = _LINK.fullmatch(name)
            if not match:
                self._add(key, f"'{name}' cannot name a link", 'write "a -> b": source and target')
                continue
            if match[1] != CLIENT:
                self._known_tier(key, match[1])
            self._known_tier(key, match[2])

    def probes(self) -> None:
        for place in self._places("probes"):
            self._probes(*place)

    def _probes(self, place: tuple[str, ...], probes: Mapping[str, ProbeSpec]) -> None:
        for name, probe in probes.items():
            where = (*place, name, probe.kind)
            self._asked((*place, name), name, probe)
            self._ports(where, probe)
            self._one_target(where, probe)
            body = getattr(probe, probe.kind)
            for key in ("tier", "sentinels"):
                if (tier := getattr(body, key, None)) is not None:
                    self._known_tier((*where, key), tier)
            if isinstance(body, CommandProbe) and body.inside is not None:
                self._known_tier((*where, "inside"), body.inside, nodes=True)
            if isinstance(body, StateProbe):
                self._known_tier((*where, "node"), body.node, nodes=True)

    def _asked(self, where: tuple[str, ...], name: str, probe: ProbeSpec) -> None:
        """What its name and its times must be for an expectation to name it."""
        if name == "all":
            key = self._key_place(*where)
            self._add(key, "'all' is every request, no probe", "name it otherwise")
        if not probe.timeout:
            self._add((*where, "timeout"), f"'timeout' must be more than {probe.timeout}")
        if probe.every < SHORTEST:
            said = f"a probe is asked every 100ms at most, got '{probe.every}'"
            self._add((*where, "every"), said)

    def _ports(self, where: tuple[str, ...], probe: ProbeSpec) -> None:
        body = getattr(probe, probe.kind)
        for key in ("port", "sentinel_port"):
            if not 1 <= getattr(body, key, 1) <= 65535:
                got = getattr(body, key)
                self._add((*where, key), f"expected a port from 1 to 65535, got '{got}'")

    def _one_target(self, where: tuple[str, ...], probe: ProbeSpec) -> None:
        body = getattr(probe, probe.kind)
        direct = DIRECT.get(probe.kind)
        if direct is not None and (getattr(body, direct) is None) == (body.tier is None):
            self._add(where, f"a probe of this kind needs exactly one of '{direct}' and 'tier'")

    def protected(self) -> None:
        for index, name in enumerate(self._system.protected):
            self._known_tier(("protected", index), name, nodes=True)

    def ledgers(self) -> None:
        for name, ledger in self._system.ledgers.items():
            if not _NAME.fullmatch(name):
                place = self._key_place("ledgers", name)
                self._add(place, f"'{name}' cannot name a ledger", "letters, digits, '.', '_', '-'")
            for index, copy in enumerate(ledger.copies):
                if copy in ledger.copies[:index]:
                    self._add(("ledgers", name, "copies", index), f"copy '{copy}' is named twice")
            if ledger.find and ledger.find.request == ledger.write.request:
                where = ("ledgers", name, "find", "request")
                self._add(where, "a request that looks for a write cannot be the write itself")
            for key in ("read", "constant"):
                if (page := getattr(ledger, key)) is not None:
                    self._page(("ledgers", name, key), page, ledger.copies)

    def _page(self, where: tuple[str, ...], page: LedgerPage, copies: tuple[str, ...]) -> None:
        if page.url is not None and page.tier is not None:
            self._add(where, "a page is asked at 'url' or of a 'tier', not both")
            return
        if page.url is not None and urlsplit(page.url).scheme:
            self._url(page.url, (*where, "url"), "the question")
        elif page.tier is not None:
            self._known_tier((*where, "tier"), page.tier, nodes=True)
        elif page.url is None:
            for copy in copies:
                if copy not in self._system.nodes():
                    hint = "name the 'url' or the 'tier' that answers for it"
                    self._add(where, f"copy '{copy}' is no node that could be asked", hint)
        if not 1 <= page.port <= 65535:
            self._add((*where, "port"), f"expected a port from 1 to 65535, got '{page.port}'")
        if not page.timeout:
            self._add((*where, "timeout"), f"'timeout' must be more than {page.timeout}")
        if len(copies) > 1 and COPY not in (page.url or "") + page.path and (page.url or page.tier):
            said = f"all {len(copies)} copies would be asked the same"
            self._add(where, said, f"write {COPY} where the copy's name belongs")

    def entry(self) -> None:
        entry = self._system.entry
        self._url(entry.url, ("entry", "url"), "load")
        for index, other in enumerate(entry.others):
            self._url(other, ("entry", "others", index), "load")

    def halting(self) -> None:
        for index, hook in enumerate(self._system.halt_when):
            if not hook.timeout:
                where = ("halt_when", index, "timeout")
                self._add(where, f"'timeout' must be more than {hook.timeout}")
            if hook.http is not None:
                self._url(hook.http.url, ("halt_when", index, "http", "url"), "the question")

    def _url(self, url: str, where: tuple[str | int, ...], what: str) -> None:
        host = _host(url)
        if host is None:
            said = f"expected a URL such as http://127.0.0.1:8080, got '{url}'"
            self._add(where, said)
        elif not _loopback(host) and host not in self._system.allow_hosts:
            said = f"'{host}' is not this machine: {what} would leave it"
            self._add(where, said, f"if that is meant: allow_hosts: [{host}]")


def _host(url: str) -> str | None:
    """The host of an http or https URL; None when it is not one."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError when it is no port
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") else None


def _loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
