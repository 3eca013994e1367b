"""Probes: what is asked of a system besides the load: who has a role, is it at full strength.

A probe only looks. A foreign failure is an answer that is not ok, with one sentence of what is
missing; it must never be raised, and silence must never count as health. Where the silent one is
not the system but who was to tell of it, the answer is not known.
"""

from __future__ import annotations

from chaoskit.model.probes import ProbeSpec
from chaoskit.model.system import System
from chaoskit.ports import Probe, World
from chaoskit.probe.asking import Asking
from chaoskit.probe.command import CommandAsk
from chaoskit.probe.http import HttpAsk
from chaoskit.probe.patroni import PatroniAsk
from chaoskit.probe.prometheus import PrometheusAsk
from chaoskit.probe.redis import RedisAsk
from chaoskit.probe.redisvalue import RedisValueAsk
from chaoskit.probe.sql import SqlAsk
from chaoskit.probe.state import StateAsk
from chaoskit.probe.tcp import TcpAsk

__all__ = ["probe_for"]


def probe_for(name: str, spec: ProbeSpec, world: World, system: System, entry: str) -> Probe:
    """The probe that `spec` describes. `entry` is the URL that a relative `url` begins at.

    Raises InvalidInput when it names a tier or node that the system does not have.
    """
    asking = Asking(world, system, float(spec.timeout), second_hand=spec.second_hand)
    if spec.http is not None:
        return HttpAsk(name, spec.http, spec.holders, asking, entry)
    if spec.tcp is not None:
        return TcpAsk(name, spec.tcp, spec.holders, asking)
    if spec.command is not None:
        return CommandAsk(name, spec.command, spec.holders, asking)
    if spec.redis is not None:
        return RedisAsk(name, spec.redis, asking)
    if spec.patroni is not None:
        return PatroniAsk(name, spec.patroni, asking)
    return _of_a_value(name, spec, asking, entry)


def _of_a_value(name: str, spec: ProbeSpec, asking: Asking, entry: str) -> Probe:
    if spec.sql is not None:
        return SqlAsk(name, spec.sql, spec.holders, asking)
    if spec.redis_value is not None:
        return RedisValueAsk(name, spec.redis_value, spec.holders, asking)
    if spec.prometheus is not None:
        return PrometheusAsk(name, spec.prometheus, asking, entry)
    assert spec.state is not None  # ProbeSpec has exactly one kind
    return StateAsk(name, spec.state, spec.holders, asking)
