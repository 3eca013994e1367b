"""Probes as `system.yaml` declares them: what is asked, of whom, and which answer is ok.

Each kind is one model. No clock, no files, no network here.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, model_validator

from chaoskit.model.condition import Condition
from chaoskit.model.experiment import Flag
from chaoskit.model.frozen import Frozen
from chaoskit.units import Duration

# What a probe may ask a Redis: none of these changes anything there.
READS = (
    "BITCOUNT", "DBSIZE", "EXISTS", "GET", "HEXISTS", "HGET", "HLEN", "INFO", "LASTSAVE", "LLEN",
    "PING", "PTTL", "SCARD", "SISMEMBER", "STRLEN", "TTL", "XLEN", "ZCARD", "ZCOUNT", "ZSCORE",
)  # fmt: skip


class HttpProbe(Frozen):
    """GET `url` (or `path` on `port` of each node of `tier`) answers `status`."""

    url: str | None = None
    tier: str | None = None
    port: int = 80
    path: str = "/"
    status: int = 200
    contains: str | None = None


class TcpProbe(Frozen):
    """A connection to `port` of `host`, or of each node of `tier`, is accepted."""

    host: str | None = None
    tier: str | None = None
    port: int


class CommandProbe(Frozen):
    """`run` exits with 0: on this machine, or inside each node of the tier (or node) `inside`."""

    run: tuple[str, ...] = Field(min_length=1)
    inside: str | None = None
    contains: str | None = None
    expect: Condition | None = Field(default=None, description="of all that it prints")


class RedisProbe(Frozen):
    """Which node has `role`, as the majority of `sentinels` says; ok when the group is linked."""

    tier: str
    sentinels: str
    master: str = Field(description="the name the Sentinels watch it under")
    role: Literal["master", "replica"] = "master"
    port: int = 6379
    sentinel_port: int = 26379


class PatroniProbe(Frozen):
    """Which node has `role` by Patroni's REST API; ok when one primary leads streaming standbys."""

    tier: str
    role: Literal["primary", "standby"] = "primary"
    port: int = 8008
    synchronous: Flag = True


class SqlProbe(Frozen):
    """The first column of the first row of `query`, asked of a PostgreSQL, meets `expect`.

    Of `url`, or of each node of `tier`. It is asked in a session that can only read. The password
    stands apart, so that no file or page of a run shows it.
    """

    url: str | None = None
    tier: str | None = None
    port: int = 5432
    user: str | None = None
    password: SecretStr | None = None
    database: str | None = None
    query: str
    expect: Condition

    @model_validator(mode="after")
    def _no_password_in_sight(self) -> SqlProbe:
        if self.url is not None and urlsplit(self.url).password is not None:
            raise ValueError("a password in 'url' would be shown; write it as 'password'")
        return self


class RedisValueProbe(Frozen):
    """What a Redis replies to `run` (its line `field`, of INFO) meets `expect`."""

    host: str | None = None
    tier: str | None = None
    port: int = 6379
    run: tuple[str, ...] = Field(min_length=1)
    field: str | None = None
    expect: Condition

    @model_validator(mode="after")
    def _only_reads(self) -> RedisValueProbe:
        if self.run[0].upper() not in READS:
            raise ValueError(f"a probe only reads: 'run' begins with one of {', '.join(READS)}")
        return self


class PrometheusProbe(Frozen):
    """Every value of `query`, and there is one, meets `expect`, as the server at `url` says."""

    url: str
    query: str
    expect: Condition


class StateProbe(Frozen):
    """The runtime says that the node (or each node of the tier) `node` is in this state."""

    model_config = ConfigDict(populate_by_name=True)

    node: str
    state: Literal["running", "stopped", "killed", "frozen", "absent"] = Field(
        default="running", alias="is"
    )


PROBE_KINDS = (
    "http", "tcp", "command", "redis", "patroni", "sql", "redis_value", "prometheus", "state",
)  # fmt: skip


class ProbeSpec(Frozen):
    """One probe: exactly one kind, and how long it may take.

    `holders` counts the answering nodes; `first` takes the first of them that is listed, which is
    how a client sees it that prefers one entry and falls back on the next. `every` is how often it
    is asked beside the load, where an expectation names it.
    """

    http: HttpProbe | None = None
    tcp: TcpProbe | None = None
    command: CommandProbe | None = None
    redis: RedisProbe | None = None
    patroni: PatroniProbe | None = None
    sql: SqlProbe | None = None
    redis_value: RedisValueProbe | None = None
    prometheus: PrometheusProbe | None = None
    state: StateProbe | None = None
    timeout: Duration = Duration(2)
    every: Duration = Duration(1)
    holders: Literal["one", "any", "all", "first"] = "all"

    @model_validator(mode="after")
    def _one_kind(self) -> ProbeSpec:
        kinds = [kind for kind in PROBE_KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(f"a probe needs exactly one of {', '.join(PROBE_KINDS)}")
        return self

    @property
    def kind(self) -> str:
        return next(kind for kind in PROBE_KINDS if getattr(self, kind) is not None)

    @property
    def second_hand(self) -> bool:
        """Whether somebody else tells of the system, so that his silence says nothing of it."""
        return self.kind in ("prometheus", "state")
