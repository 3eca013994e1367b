"""Toxiproxy's API, made safe: the only module that knows toxiproxy-python.

The library has no timeouts, one address for the whole process, and lets a 5xx pass; the server
hardly validates. So each server has its own subclass of the library's consumer, every request a
timeout, every toxic is checked before it is sent and compared with what the server then lists.
It must never call populate or reset: they would take away what belongs to others. Nor may it list
all proxies to look at one: a single stuck proxy makes that listing hang.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from chaoskit.errors import InvalidInput, TargetError, Unreachable
from chaoskit.ports import Json

REQUEST_TIMEOUT = 5.0
PATIENCE = 20.0
LOOK_EVERY = 0.1
# Attributes and their least value. One whose least value is 1 must be given, because the server's
# default, 0, does harm: a slicer of size 0 kills the server, a rate of 0 stalls for 15 s.
ATTRIBUTES: Mapping[str, Mapping[str, int]] = {
    "latency": {"latency": 0, "jitter": 0},
    "bandwidth": {"rate": 1},
    "slow_close": {"delay": 0},
    "timeout": {"timeout": 0},
    "reset_peer": {"timeout": 0},
    "slicer": {"average_size": 1, "size_variation": 0, "delay": 0},
    "limit_data": {"bytes": 0},
}


@dataclass(frozen=True)
class Toxic:
    """One toxic as Toxiproxy writes it; milliseconds, KB/s and bytes as its own manual says."""

    name: str
    type: str
    stream: str = "downstream"
    toxicity: float = 1.0
    attributes: Mapping[str, int] = field(default_factory=dict)

    def check(self) -> None:
        """Raises InvalidInput for whatever the server would swallow or die of."""
        if self.type not in ATTRIBUTES:
            raise InvalidInput(f"no toxic type '{self.type}'; there are: {', '.join(ATTRIBUTES)}")
        if self.stream not in ("upstream", "downstream"):
            raise InvalidInput(f"a toxic's stream is upstream or downstream, not '{self.stream}'")
        if not 0 < self.toxicity <= 1:
            raise InvalidInput(f"a toxicity lies above 0 and up to 1, not at {self.toxicity}")
        least = ATTRIBUTES[self.type]
        for name, value in self.attributes.items():
            if name not in least:
                raise InvalidInput(f"toxic {self.type} has no '{name}'; it has {', '.join(least)}")
            if type(value) is not int or value < least[name]:
                raise InvalidInput(
                    f"{self.type}'s {name} is a whole number from {least[name]}, not {value!r}"
                )
        missing = [name for name in least if least[name] and name not in self.attributes]
        if missing:
            raise InvalidInput(f"toxic {self.type} needs {', '.join(missing)}")

    def same(self, listed: Json) -> bool:
        """Whether the server lists exactly this; attributes that were not given count as 0."""
        given = {name: self.attributes.get(name, 0) for name in ATTRIBUTES[self.type]}
        seen = {name: listed.get("attributes", {}).get(name, 0) for name in given}
        mine = (self.name, self.type, self.stream, self.toxicity)
        theirs = tuple(listed.get(key) for key in ("name", "type", "stream", "toxicity"))
        return mine == theirs and given == seen


class Unclear(TargetError):
    """The server took the request and never said what became of it."""


class ProxyServer:
    """One Toxiproxy server at `url` (`http://host:port`)."""

    def __init__(
        self, url: str, timeout: float = REQUEST_TIMEOUT, patience: float = PATIENCE
    ) -> None:
        """`timeout`: seconds for one request; `patience`: seconds for one change to come true."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise InvalidInput(f"expected Toxiproxy's API as http://127.0.0.1:8474, got '{url}'")
        self.url, self.port = url, parts.port
        self.timeout, self.patience = timeout, patience
        # host and port are class attributes of the library: a class of its own for each server.
        where = {"host": parts.hostname, "port": parts.port}
        self._consumer: Any = type("Consumer", (APIConsumer,), where)

    def version(self) -> str:
        """Raises Unreachable when no Toxiproxy answers there."""
        answer = self._ask("get", "/version")
        return str(answer.get("version", "")) if isinstance(answer, dict) else str(answer)

    @cached_property
    def expiring(self) -> bool:
        """Whether toxics take a time to live: the embedded proxy's do, the original ignores it."""
        answer = self._ask("get", "/version")
        return isinstance(answer, dict) and str(answer.get("server", "")).startswith("chaoskit")

    def proxy(self, name: str) -> Json | None:
        """`enabled`, `listen`, `upstream` and `toxics` of one proxy; None when there is none."""
        try:
            seen: Json = self._ask("get", f"/proxies/{quote(name, safe='')}")
        except NotFound:
            return None
        return {key: seen[key] for key in ("enabled", "listen", "upstream", "toxics")}

    def enable(self, name: str, enabled: bool) -> None:
        """Open or close the proxy's door; raises TargetError when it stays as it is."""
        path, wish = f"/proxies/{quote(name, safe='')}", {"enabled": enabled}
        self._make(
            f"{'enable' if enabled else 'disable'} proxy '{name}'",
            lambda: self._ask("post", path, json=wish),
            lambda: (seen := self.proxy(name)) is not None and seen["enabled"] is enabled,
            # A disable that is still queued behind a wedged accept loop would undo an enable
            # that was only read: the server works its queue in order, so its answer counts.
            reading_suffices=not enabled,
        )

    def add(self, name: str, toxic: Toxic, expires: float | None = None) -> None:
        """Make proxy `name` list exactly `toxic`; one of the same name is replaced.

        It goes away by itself after `expires` seconds, where the server can do that.
        """
        toxic.check()
        listed = self._listed(name, toxic.name)
        if listed is not None and toxic.same(listed):
            return
        if listed is not None:
            self.remove(name, toxic.name)
        path, wish = f"/proxies/{quote(name, safe='')}/toxics", asdict(toxic)
        if expires is not None and self.expiring:
            wish["ttl"] = max(1, round(expires * 1000))
        self._make(
            f"put toxic '{toxic.name}' on proxy '{name}'",
            lambda: self._ask("post", path, json=wish),
            lambda: (now := self._listed(name, toxic.name)) is not None and toxic.same(now),
            reading_suffices=True,
        )

    def remove(self, name: str, toxic: str) -> None:
        """Take one toxic away; absent (or the whole proxy absent) is fine."""
        path = f"/proxies/{quote(name, safe='')}/toxics/{quote(toxic, safe='')}"
        self._make(
            f"take toxic '{toxic}' from proxy '{name}'",
            lambda: self._delete(path),
            lambda: self._listed(name, toxic) is None,
            reading_suffices=False,
        )

    def _delete(self, path: str) -> None:
        with suppress(NotFound):  # gone is what was wanted
            self._ask("delete", path)

    def _listed(self, name: str, toxic: str) -> Json | None:
        toxics = (self.proxy(name) or {"toxics": []})["toxics"]
        return next((entry for entry in toxics if entry["name"] == toxic), None)

    def _make(
        self, what: str, deed: Callable[[], Any], so: Callable[[], bool], reading_suffices: bool
    ) -> None:
        """Do it until it is so, read back; an unclear answer means look and ask again."""
        deadline = time.monotonic() + self.patience
        while True:
            answered, is_so = self._answered(what, deed), self._is(so)
            if is_so and (answered or reading_suffices):
                return
            if time.monotonic() > deadline:
                raise TargetError(
                    f"could not {what} at {self.url} within {self.patience:g}s: "
                    + ("it says otherwise when read back" if answered else "no clear answer")
                    + "; is its upstream a black hole? heal the network first, then revert again"
                )
            time.sleep(LOOK_EVERY)

    def _answered(self, what: str, deed: Callable[[], Any]) -> bool:
        """Whether the server gave a clear answer; raises TargetError for a refusal."""
        try:
            deed()
        except Unclear:
            return False
        except ProxyExists:  # a toxic of that name: the read-back decides whether it is ours
            return True
        except NotFound as error:
            raise TargetError(
                f"could not {what}: {self.url} has no such proxy (any more); "
                "was Toxiproxy restarted without its configuration?"
            ) from error
        except InvalidToxic as error:
            raise TargetError(f"Toxiproxy at {self.url} would not {what}: {error}") from error
        return True

    @staticmethod
    def _is(so: Callable[[], bool]) -> bool:
        try:
            return so()
        except Unclear:
            return False

    def _ask(self, verb: str, path: str, **body: Any) -> Any:
        """One request. Raises the library's own errors for 400, 404 and 409."""
        call = getattr(self._consumer, verb)
        direct = {"http": None, "all": None}  # never through the environment's HTTP proxy
        try:
            answer = call(path, timeout=self.timeout, proxies=direct, **body)
        except requests.ConnectTimeout as error:
            raise self._away(error) from error
        except requests.Timeout as error:
            raise Unclear(
                f"Toxiproxy at {self.url} gave no answer to {path} in {self.timeout:g}s"
            ) from error
        except requests.ConnectionError as error:
            raise self._away(error) from error
        return self._content(path, answer)

    def _content(self, path: str, answer: requests.Response) -> Any:
        if answer.status_code == 503:  # its own 25 s limit, with a page of HTML
            raise Unclear(f"Toxiproxy at {self.url} answered 503 to {path}: it is stuck there")
        if answer.status_code == 204:
            return None
        try:
            content = answer.json()
        except requests.JSONDecodeError as error:
            raise TargetError(
                f"{self.url}{path} answered {answer.status_code} without JSON: "
                "is that Toxiproxy's API?"
            ) from error
        if answer.status_code >= 400:
            raise TargetError(
                f"Toxiproxy at {self.url} answered {answer.status_code} to {path}: {content}"
            )
        return content

    def _away(self, error: requests.RequestException) -> Unreachable:
        return Unreachable(
            f"no Toxiproxy answers at {self.url} ({type(error).__name__}); is it running? "
            "`chaoskit system up` starts the system with its proxies"
        )
