"""A system under test: its tiers, links, probes and how it is brought up (`system.yaml`).

It says what exists and what may be touched. No clock, no files, no network here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from chaoskit.model.experiment import Name, Share
from chaoskit.model.frozen import Frozen
from chaoskit.model.ledger import LedgerSpec, within
from chaoskit.model.probes import ProbeSpec
from chaoskit.units import Duration

Layer = Literal["access", "application", "service", "database", "cache"]
# Who stands before the system in the name of a link: the load.
CLIENT = "client"
_PING = re.compile(r"(http|redis|postgres|tcp):(\d{1,5})(/\S*)?")


@dataclass(frozen=True)
class Ping:
    """How a node shows that it answers: `http:8080/health`, `redis:6379`, `postgres:5432`.

    A bare connect is not an answer (a frozen process still accepts), so `tcp` proves least.
    """

    protocol: Literal["http", "redis", "postgres", "tcp"]
    port: int
    path: str = "/"

    def __str__(self) -> str:
        return f"{self.protocol}:{self.port}{self.path if self.protocol == 'http' else ''}"

    @classmethod
    def parse(cls, text: str) -> Ping:
        match = _PING.fullmatch(text.strip())
        if not match or (match[3] and match[1] != "http"):
            raise ValueError(
                f"expected a ping such as http:8080/health or redis:6379, got '{text}'"
            )
        protocol: Any = match[1]
        return cls(protocol, int(match[2]), match[3] or "/")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            lambda v: v if isinstance(v, cls) else cls.parse(str(v)),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_PING.pattern}$", "examples": ["http:8080/health"]}


class Redundancy(Frozen):
    """What a group needs, and the owner's limits on what faults may hit of it at once."""

    min: int = Field(ge=0, description="members that must be up for the group to do its work")
    max_nodes: int | None = Field(
        default=None, ge=1, description="members that node faults may have open at once"
    )
    max_share: Share | None = Field(default=None, description="the same as a share of the members")


class Tier(Frozen):
    """A redundancy group. `roles` maps a role to the probe that names its holders."""

    layer: Layer
    nodes: tuple[Name, ...] = Field(min_length=1)
    redundancy: Redundancy | None = None
    roles: dict[str, str] = {}
    ready: str | None = Field(default=None, description="probe: the group is at full strength")
    alive: Ping | None = Field(default=None, description="how one node shows that it answers")


class LinkSpec(Frozen):
    """The proxies that carry a link, one for each source tier and destination endpoint."""

    proxies: tuple[Name, ...] = ()


class BodyRule(Frozen):
    """What stands at a dotted path of a JSON answer; without `value` anything but null."""

    path: str
    value: bool | int | float | str | None = None

    @field_validator("path")
    @classmethod
    def _names_steps(cls, path: str) -> str:
        if not all(path.split(".")):
            raise ValueError(f"expected a dotted path such as stock.source, got '{path}'")
        return path

    @field_validator("value", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if isinstance(value, list | tuple | dict):
            raise ValueError("expected a text, a number, true or false, got more than one value")
        return value

    def matches(self, content: Any) -> bool:
        """`content` is the answer, parsed. What is true is not 1, and 1 is not '1'."""
        found = within(content, self.path)
        if self.value is None:
            return found is not None
        return isinstance(found, bool) == isinstance(self.value, bool) and bool(found == self.value)


class OutcomeRule(Frozen):
    """All that is given must match.

    The status is one of these, the header is there (with this value), so is what the body says;
    `request` limits the rule to the requests of that name.
    """

    request: str | None = Field(default=None, min_length=1)
    status: tuple[int, ...] = ()
    header: str | None = None
    value: str | None = None
    body: BodyRule | None = None

    @model_validator(mode="after")
    def _says_something(self) -> OutcomeRule:
        if not self.status and self.header is None and self.body is None:
            raise ValueError("a rule needs at least one of 'status', 'header' and 'body'")
        if self.value is not None and self.header is None:
            raise ValueError("'value' is that of 'header'; that of the body stands in 'body'")
        return self


class Outcomes(Frozen):
    degraded: tuple[OutcomeRule, ...] = ()
    shed: tuple[OutcomeRule, ...] = (OutcomeRule(status=(429, 503), header="Retry-After"),)


class RuntimeSpec(Frozen):
    """How the system is found and brought up on one runtime.

    `state` names the JSON file that the `up` command writes; what it holds wins over what stands
    here, so that two copies can run side by side. `probes` and `links` replace those of the same
    name, where this runtime carries or shows something in another way.
    """

    project: str | None = None
    proxies: str | None = Field(default=None, description="URL of the Toxiproxy API")
    supervisor: str | None = Field(default=None, description="supervisord's Unix socket")
    addresses: dict[str, str] = Field(default={}, description="address of each node")
    ports: dict[int, int] = Field(default={}, description="declared port to the real one")
    state: str | None = None
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    probes: dict[str, ProbeSpec] = {}
    links: dict[str, LinkSpec] = {}


HOOK_KINDS = ("file", "http", "command")


class HaltHttp(Frozen):
    """GET `url` answers with `status`."""

    url: str
    status: int = Field(default=200, ge=100, le=599)


class HaltHook(Frozen):
    """Something elsewhere that stops us while it is so: exactly one of file, http and command.

    A file exists, a URL answers with the status, a command exits with 0.
    """

    file: str | None = Field(default=None, min_length=1)
    http: HaltHttp | None = None
    command: tuple[str, ...] | None = Field(default=None, min_length=1)
    timeout: Duration = Duration(2)
    why: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> HaltHook:
        if sum(getattr(self, kind) is not None for kind in HOOK_KINDS) != 1:
            raise ValueError(f"a hook needs exactly one of {', '.join(HOOK_KINDS)}")
        return self

    def __str__(self) -> str:
        """What it asks, without what may be a secret: arguments, user and query stay out."""
        if self.file is not None:
            return f"file {self.file} exists"
        if self.http is not None:
            parts = urlsplit(self.http.url)
            place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
            return f"{place} answers {self.http.status}"
        first, *more = self.command or ("",)
        return f"command {first}{' …' if more else ''} exits with 0"


class Entry(Frozen):
    """Where clients come in. `others` are entries beside the first, for clients that fail over."""

    url: str
    others: tuple[str, ...] = ()


class System(Frozen):
    """What `system.yaml` says. Tiers and links are the failure points."""

    system: Name
    entry: Entry
    tiers: dict[str, Tier] = Field(min_length=1)
    links: dict[str, LinkSpec] = {}
    probes: dict[str, ProbeSpec] = {}
    outcomes: Outcomes = Outcomes()
    ledgers: dict[str, LedgerSpec] = {}
    protected: tuple[str, ...] = Field(default=(), description="nodes or tiers never touched")
    cost_per_second: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    allow_hosts: tuple[str, ...] = ()
    halt_when: tuple[HaltHook, ...] = ()
    runtimes: dict[Literal["docker", "local"], RuntimeSpec] = {}

    def on(self, runtime: str) -> System:
        """The same system with what its `runtime` replaces laid over it."""
        spec = self.runtimes.get(runtime)  # type: ignore[call-overload]
        if spec is None:
            return self
        laid = {"probes": self.probes | spec.probes, "links": self.links | spec.links}
        return self.model_copy(update=laid)

    @property
    def entrance(self) -> str:
        """The failure point where the load comes in: the link from `client`, else a tier."""
        links = (name for name in self.links if name.partition("->")[0].strip() == CLIENT)
        outermost = (name for name, tier in self.tiers.items() if tier.layer == "access")
        return next(links, None) or next(outermost, next(iter(self.tiers)))

    def tier_of(self, node: str) -> str | None:
        """The tier that holds `node`; None when no tier does."""
        return next((name for name, tier in self.tiers.items() if node in tier.nodes), None)

    def nodes(self) -> tuple[str, ...]:
        return tuple(node for tier in self.tiers.values() for node in tier.nodes)

    def proxies_of(self, link: str) -> tuple[str, ...]:
        """The proxies of `a -> b`, or the one of `a -> b/b2`; empty when there is none."""
        name, _, endpoint = link.partition("/")
        proxies = self.links[name.strip()].proxies if name.strip() in self.links else ()
        if not endpoint:
            return proxies
        return tuple(p for p in proxies if p == endpoint or p.endswith(f"-{endpoint}"))
