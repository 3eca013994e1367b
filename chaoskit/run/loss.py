"""Whether a held fault was lost, and why, as one sentence from what can be seen now.

It must never guess: where nothing says why, it says only that.
"""

from __future__ import annotations

from chaoskit.errors import NotOurs, TargetError
from chaoskit.model.timeline import InjectionRecord
from chaoskit.ports import Json, NodeState, World
from chaoskit.run.revert import Undone

UNLISTED = "it is not listed any more"
GONE_BEFORE = "it was not in force any more when it was to be put back"


def still_held(record: InjectionRecord) -> bool:
    """Neither lost nor being put back."""
    return record.revert_begun is None and record.lost is None


def was_lost(undone: Undone) -> bool:
    """Gone before our first undo of it: the last look saw it, and nobody of ours ended it."""
    record = undone.injection
    held = record.shape == "held" and record.acknowledged is not None and still_held(record)
    return held and undone.result == "already gone"


def why_lost(injection: InjectionRecord, world: World) -> str:
    """The sentence; a world that does not answer costs the reason and nothing else."""
    undo = injection.undo
    try:
        if "link" in undo:
            return _of_link(undo, world)
        return _of_node(undo, world) if "node" in undo else UNLISTED
    except NotOurs as error:
        return gone(injection.point, error)
    except TargetError as error:
        return f"{UNLISTED}, and why is unknown: {error}"


def gone(point: str, error: NotOurs) -> str:
    """The point itself is not there any more."""
    return f"{point} is gone: {error}"


def _of_node(undo: Json, world: World) -> str:
    name = undo["node"]
    seen = world.node(name).facts()
    if seen.state is NodeState.ABSENT:
        return f"{name} does not exist any more"
    if seen.identity != undo.get("identity", seen.identity):
        return f"{name} was recreated: it is another one than was planned"
    anew = seen.incarnation != undo.get("incarnation", seen.incarnation)
    if anew and seen.state is NodeState.RUNNING:
        return f"{name} was started anew by somebody else"
    return f"{name} is {seen.state} instead of {undo.get('wanted', 'as it was made')}"


def _of_link(undo: Json, world: World) -> str:
    seen = world.link(undo["link"]).observe(undo["injection"], undo["condition"])
    if not seen.missing:
        return UNLISTED
    if len(seen.missing) == 1:
        return f"the proxy {seen.missing[0]} does not list it any more; was it restarted?"
    proxies = ", ".join(seen.missing)
    return f"the proxies {proxies} do not list it any more; were they restarted?"
