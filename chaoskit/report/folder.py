"""Finds every run below a folder, at any depth, and reads what the resilience report needs.

A run that cannot be read, or was never judged, is kept with the reason. It must never write, and
never pass over a directory that looks like a run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaoskit.errors import ChaoskitError, InvalidInput
from chaoskit.judge.resilience import Evidence
from chaoskit.model.resilience import Absence, Declared, LeftOut, PastRun
from chaoskit.report.source import Json, read_verdict, stored_json
from chaoskit.run.history import first
from chaoskit.run.journal import NAME, read_records

FILES = ("verdict.json", "plan.json", NAME)
_RUN_ID = re.compile(r"(\d{8}T\d{6})Z?-[0-9a-f]{4}")
BY_HAND = "by-hand"


def is_run(folder: Path) -> bool:
    """Whether `folder` is a run directory itself, and no folder of runs."""
    return any((folder / name).is_file() for name in FILES)


def gather(folder: Path, as_of: datetime) -> Evidence:
    """Everything below `folder`; raises InvalidInput when no run lies there."""
    runs: dict[str, PastRun] = {}
    left_out: list[LeftOut] = []
    plans: dict[str, tuple[datetime, Json]] = {}
    for place in sorted(_below(folder), key=lambda p: (not (p / NAME).is_file(), str(p))):
        told, plan = _read(place, folder, as_of)
        if isinstance(told, PastRun) and told.run in runs:
            told = _uncounted(told, "copy", f"the same run as {runs[told.run].folder}")
        if isinstance(told, LeftOut):
            left_out.append(told)
            continue
        runs[told.run] = told
        if plan and told.at >= plans.get(told.system, (told.at, {}))[0]:
            plans[told.system] = told.at, plan
    if not runs and not left_out:
        raise InvalidInput(f"{folder}: no run lies below this folder; `chaoskit run` makes one")
    systems = {name: _declared(plan) for name, (_, plan) in plans.items()}
    return Evidence(tuple(runs.values()), systems, tuple(sorted(left_out, key=lambda o: o.folder)))


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, _ in os.walk(folder, onerror=_unreadable):
        here = Path(place)
        if here != folder and (is_run(here) or _RUN_ID.fullmatch(here.name)):
            folders.clear()
            yield here
        # Links are not walked into either, so that no run is met twice.


def _unreadable(error: OSError) -> None:
    raise InvalidInput(f"{error.filename}: cannot be read: {error.strerror}") from error


def _read(place: Path, folder: Path, as_of: datetime) -> tuple[PastRun | LeftOut, Json]:
    """What the run is, and the system in its plan where it has one."""
    try:
        plan = stored_json(place / "plan.json", dict) or {}
        if _experiment(plan, place) == BY_HAND:
            why = "faults held by hand claim nothing, so they prove nothing"
            return _left(place, folder, "by hand", why, plan), {}
        if not (place / "verdict.json").is_file():
            return _left(place, folder, "no verdict", _why_unjudged(place), plan), {}
        told = _past(place, folder, plan)
    except (ChaoskitError, OSError, ValueError) as error:
        return _left(place, folder, "unreadable", _in_short(error, place)), {}
    if told is None:
        return _left(place, folder, "undated", "nothing says when it ran", plan), {}
    if told.at > as_of:
        return _uncounted(told, "later", "it began after the time of this report"), {}
    return told, _mapping(plan.get("system"))


def _past(place: Path, folder: Path, plan: Json) -> PastRun | None:
    """The judged run; None where its time is unknown. Raises ChaoskitError for a bad verdict."""
    told = read_verdict(place / "verdict.json")
    at = _moment(told.started_at) or _begun(place.name)
    return None if at is None else PastRun(
        run=told.run or place.name, folder=_relative(place, folder), system=told.system,
        experiment=told.experiment, hypothesis=told.hypothesis, runtime=told.runtime, at=at,
        status=told.status, quick=told.quick, restored=told.restored, stop_kind=told.stop_kind,
        reasons=told.reasons, faults=sum(i.begun is not None for i in told.injections),
        coverage=told.coverage, recovery=told.recovery, impact=told.impact,
        cost_per_second=_mapping(plan.get("system")).get("cost_per_second"),
        page=(place / "report.html").is_file(),
    )  # fmt: skip


def _uncounted(told: PastRun, what: Absence, why: str) -> LeftOut:
    return LeftOut(
        folder=told.folder, system=told.system, experiment=told.experiment, at=told.at,
        what=what, why=why,
    )  # fmt: skip


def _left(place: Path, folder: Path, what: Absence, why: str, plan: Json | None = None) -> LeftOut:
    system = _mapping((plan or {}).get("system")).get("system")
    return LeftOut(
        folder=_relative(place, folder), system=system if isinstance(system, str) else "",
        experiment=_experiment(plan or {}, place), at=_begun(place.name), what=what, why=why,
    )  # fmt: skip


def _why_unjudged(place: Path) -> str:
    """How the journal says that it ended; raises ChaoskitError when it cannot be read."""
    judge = "chaoskit judge would give it a verdict"
    if not (place / NAME).is_file():
        return "it ended before its journal began"
    records = read_records(place / NAME)
    if first(records, "end") is None:
        return "its journal has no end: it still runs, or its process died"
    stopped = first(records, "stopped")
    if stopped is not None:
        return f"it was {stopped.get('stop_kind')} ({stopped.get('reason')}); {judge}"
    return f"it was never judged; {judge}"


def _declared(system: Json) -> tuple[Declared, ...]:
    """Tiers, then links, in the order of the system file."""
    kept = {str(p) for p in system.get("protected") or ()}
    tiers, links = (_mapping(system.get(key)) for key in ("tiers", "links"))
    return (
        *(Declared(point=name, kind="tier", protected=_kept(name, tiers, kept)) for name in tiers),
        *(Declared(point=name, kind="link", protected=name in kept) for name in links),
    )


def _kept(tier: str, tiers: Json, kept: set[str]) -> bool:
    """Whether faults may touch no node of the tier."""
    nodes = _mapping(tiers[tier]).get("nodes") or ()
    return tier in kept or (bool(nodes) and kept.issuperset(nodes))


def _experiment(plan: Json, place: Path) -> str:
    name = _mapping(plan.get("experiment")).get("experiment")
    return name if isinstance(name, str) else place.parent.name


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _moment(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)


def _begun(run: str) -> datetime | None:
    """The time in a run's id."""
    match = _RUN_ID.fullmatch(run)
    return None if match is None else _moment(match[1])


def _relative(place: Path, folder: Path) -> str:
    return place.relative_to(folder).as_posix()


def _in_short(error: Exception, place: Path) -> str:
    """The first line, and no path that is another one elsewhere."""
    return str(error).partition("\n")[0].replace(f"{place}/", "").replace(str(place), place.name)
