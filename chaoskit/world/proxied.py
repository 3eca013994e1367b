"""A link whose connections go through proxies of a Toxiproxy-compatible server.

What a condition means in toxics stands here and nowhere else. It must never touch a toxic that
does not carry the injection's own name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from chaoskit.errors import InvalidInput, NotOurs, TargetError
from chaoskit.ports import Json, LinkFacts, NodeState
from chaoskit.world.toxiproxy import ProxyServer, Toxic

KILOBYTE = 1000  # what Toxiproxy means by it


class Traffic(Protocol):
    """What crosses the proxies, counted where the server runs."""

    def sessions(self, doors: Iterable[str], patient: bool = True) -> tuple[str, ...] | None:
        """Peers (`address:port`) connected to `doors`; None where they cannot be counted.

        A door is where a proxy listens, as the server writes it (`[::]:24001`). Short-lived
        connections are easily missed: `patient` looks for half a second before it says that
        there is nobody.
        """


class Uncounted:
    """Traffic where nobody needs to know: nothing is asked, and nothing is said to be seen."""

    def sessions(self, doors: Iterable[str], patient: bool = True) -> tuple[str, ...] | None:
        return None


@dataclass(frozen=True)
class ProxiedLink:
    """The link `name`, carried by `proxies` of `server`."""

    name: str
    source: str
    target: str
    proxies: tuple[str, ...]
    server: ProxyServer
    traffic: Traffic

    def survey(self) -> Json:
        return {name: self._proxy(name) for name in self.proxies}

    def impose(self, injection: str, condition: Json, expires: float | None = None) -> None:
        """Every carrier suffers `condition`, read back. For `reset`, returns after the burst.

        Toxics expire where the server can do that; a closed proxy (`cut`) has no such time.
        """
        toxics = toxics_of(injection, condition)
        if condition["kind"] == "cut":
            for name in self.proxies:
                self.server.enable(name, False)
        elif condition["kind"] == "reset":
            self._burst(toxics, condition["burst"], expires)
        else:
            self._add(toxics, expires)

    def lift(self, injection: str, condition: Json, was: Json) -> None:
        """Remove exactly this injection's toxics; after a cut, open what `was` open.

        Goes on past a carrier that fails, and raises one TargetError for all of them.
        """
        toxics = toxics_of(injection, condition)

        def restore(name: str) -> None:
            self._remove(toxics, name)
            if condition["kind"] == "cut":
                self.server.enable(name, bool(was[name]["enabled"]))

        self._each(restore)

    def observe(self, injection: str, condition: Json) -> LinkFacts:
        """What the carriers list, and who is connected to them now.

        The server listens, so everybody connected to a proxy's port is somebody else: chaoskit
        itself speaks only to the API's port. Refused attempts are unknown: the kernel counts them
        for a whole network, those on other links among them.
        """
        seen = {name: self.server.proxy(name) for name in self.proxies}
        toxics = toxics_of(injection, condition)
        missing = tuple(n for n, proxy in seen.items() if not _under(proxy, toxics, condition))
        doors = [str(proxy["listen"]) for proxy in seen.values() if proxy is not None]
        open_doors = any(proxy is not None and proxy["enabled"] for proxy in seen.values())
        peers = self.traffic.sessions(doors, patient=open_doors)
        return LinkFacts(
            listed=not missing,
            connections=None if peers is None else len(peers),
            carriers=self.proxies,
            sessions=peers or (),
            missing=missing,
        )

    def fingerprint(self) -> Json:
        """Each proxy's addresses, its door and its toxics, whoever put them there."""
        return {name: _carrier(self.server.proxy(name)) for name in self.proxies}

    def _proxy(self, name: str) -> Json:
        seen = self.server.proxy(name)
        if seen is None:
            raise NotOurs(
                f"link '{self.name}': {self.server.url} has no proxy '{name}'; "
                "is it in Toxiproxy's configuration?"
            )
        return seen

    def _add(self, toxics: Iterable[Toxic], expires: float | None) -> None:
        for toxic in toxics:
            for name in self.proxies:
                self.server.add(name, toxic, expires)

    def _burst(self, toxics: tuple[Toxic, ...], seconds: float, expires: float | None) -> None:
        """Connections opened later see a RST, those already open a FIN: the server's own way."""
        try:
            self._add(toxics, expires)
            time.sleep(seconds)
        finally:
            self._each(partial(self._remove, toxics))

    def _remove(self, toxics: Iterable[Toxic], name: str) -> None:
        for toxic in toxics:
            self.server.remove(name, toxic.name)

    def _each(self, deed: Callable[[str], object]) -> None:
        """Do it to every carrier, also past one that fails; raises one TargetError for all."""
        failures = []
        for name in self.proxies:
            try:
                deed(name)
            except TargetError as error:
                failures.append(str(error))
        if failures:
            raise TargetError("; ".join(failures))


def declared_link(
    name: str, description: Json, server: ProxyServer | None, traffic: Traffic
) -> ProxiedLink:
    """The link `a -> b` (all its proxies) or `a -> b/b2` of the system that was described.

    Raises NotOurs when it is not declared, InvalidInput when no server of proxies is named.
    """
    whole, _, endpoint = (part.strip() for part in name.partition("/"))
    declared = description.get("links", {})
    if whole not in declared:
        known = ", ".join(sorted(declared)) or "none"
        raise NotOurs(
            f"link '{name}' is not declared in system '{description['system']}'; it has {known}"
        )
    proxies = tuple(proxy for proxy in declared[whole] if _leads_to(proxy, endpoint))
    if not proxies:
        raise NotOurs(f"no proxy carries link '{name}'; declare it under `links` of the system")
    if server is None:
        raise InvalidInput(f"link '{name}': the runtime names no `proxies` (Toxiproxy's API)")
    source, _, target = whole.partition("->")
    return ProxiedLink(name, source.strip(), target.strip(), proxies, server, traffic)


def _leads_to(proxy: str, endpoint: str) -> bool:
    return not endpoint or proxy == endpoint or proxy.endswith(f"-{endpoint}")


def _carrier(proxy: Json | None) -> Json:
    if proxy is None:
        return {"state": str(NodeState.ABSENT)}
    toxics = sorted(proxy["toxics"], key=lambda toxic: str(toxic["name"]))
    return {**proxy, "toxics": toxics}


def toxics_of(injection: str, condition: Json) -> tuple[Toxic, ...]:
    """The toxics that make `condition`; none for `cut`. Raises TargetError for what cannot be.

    Toxiproxy counts in whole milliseconds and kilobytes: what rounds to nothing is refused.
    """
    name = re.sub(r"[^\w.-]", "-", injection)
    kind = condition["kind"]
    if kind == "latency":
        delay, jitter = _whole(condition["delay"], 1e-3), _whole(condition["jitter"], 1e-3)
        return (Toxic(name, kind, attributes={"latency": delay, "jitter": jitter}),)
    if kind == "bandwidth":
        rate = {"rate": _whole(condition["rate"], KILOBYTE)}
        return (
            Toxic(name, kind, attributes=rate),
            Toxic(f"{name}-up", kind, stream="upstream", attributes=rate),
        )
    if kind == "reset":
        return (Toxic(name, "reset_peer", attributes={"timeout": 0}),)
    if kind == "cut":
        return ()
    raise TargetError(f"a proxy cannot make a link suffer '{kind}'")


def _whole(value: float, unit: float) -> int:
    count = round(value / unit)
    if value and not count:
        raise TargetError(f"{value:g} is less than a proxy can do; its least is {unit:g}")
    return count


def _under(proxy: Json | None, toxics: tuple[Toxic, ...], condition: Json) -> bool:
    if proxy is None:
        return False
    if condition["kind"] == "cut":
        return not proxy["enabled"]
    named = [entry for toxic in toxics for entry in proxy["toxics"] if entry["name"] == toxic.name]
    if condition["kind"] == "reset":  # an event: nothing is to be left of it
        return not named
    # A disabled proxy lists its toxics, but delays nobody.
    return bool(proxy["enabled"]) and all(any(t.same(e) for e in named) for t in toxics)
