"""Reads a journal back as a timeline. It must never write, and never guess what is not written.

Who judges a run reads it strictly: a damaged record is an error. Who puts it back goes past the
damage, and names what it hides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaoskit.errors import JournalError
from chaoskit.model.evidence import Evidence
from chaoskit.model.timeline import InjectionRecord, LoadFacts, Span, Timeline
from chaoskit.ports import Json
from chaoskit.run.journal import NAME, Record, read_records

ANNOUNCED = ("id", "fault", "point", "tier", "trouble", "shape", "undo", "deadline")
# What an undo cannot do without; the rest is for the watchdog's timing and for the verdict.
NEEDED: dict[str, type | tuple[type, ...]] = {
    "id": str, "fault": str, "point": str, "shape": str, "undo": dict, "t": (int, float),
}  # fmt: skip
DAMAGE = (LookupError, TypeError, ValueError)
UNKNOWN = "unknown"
UNSAID = "the reason cannot be read"
SILENT_LOAD = (
    "the journal does not say how the load generator fared: whether it was late or saturated, and "
    "whether its last samples are missing, is unknown"
)


@dataclass(frozen=True)
class Unreadable:
    """An injection whose own record is torn or damaged: nothing undoes it from the journal.

    `fault`, `point` and `undo` are what can be read of them all the same; `why` is a sentence.
    """

    why: str
    fault: str = UNKNOWN
    point: str = UNKNOWN
    undo: Json = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.fault} on {self.point} ({self.why})"


def read_timeline(folder: Path) -> Timeline:
    """The timeline of the run in `folder`; raises JournalError when there is no journal."""
    return timeline(read_records(folder / NAME))


def timeline(records: list[Record]) -> Timeline:
    """What the records tell. Later records of the same kind win, except the first `stopped`."""
    head = first(records, "run") or {}
    stopped = first(records, "stopped") or {}
    last = first(records[::-1], "end") or {}
    load = first(records[::-1], "load")
    return Timeline(
        run=head.get("run", ""),
        experiment=head.get("experiment", ""),
        seed=head.get("seed", 0),
        quick=head.get("quick", False),
        spans=tuple(_spans(records)),
        injections=tuple(injections(records)),
        revert_acknowledged=_revert_acknowledged(records),
        steady_at=_recovered(records, "steady"),
        full_strength_at=_recovered(records, "strength"),
        stopped=stopped.get("reason"),
        stop_kind=stopped.get("stop_kind"),
        restored=last.get("restored", not leftovers(records)),
        differences=tuple(last.get("differences", ())),
        unasked=sum(r["count"] for r in records if r["kind"] == "unasked"),
        load=LoadFacts(**load["facts"]) if load else LoadFacts(doubts=(SILENT_LOAD,)),
    )


def first(records: list[Record], kind: str) -> Record | None:
    return next((r for r in records if r["kind"] == kind), None)


def injections(records: list[Record]) -> list[InjectionRecord]:
    """Every injection that was announced, oldest first.

    Raises JournalError for a record that was written whole but does not say what it must, and
    for an injection that later records speak of and none announces.
    """
    if torn := _unannounced(records):
        raise JournalError(f"the journal is damaged: {_cannot_be_read(next(iter(torn)))}")
    try:
        return [_record(*one) for one in _told(records)]
    except DAMAGE as error:
        said = " ".join(str(error).split()).partition(" [type=")[0]
        raise JournalError(
            f"the journal is damaged: an injection cannot be read: {said}"
        ) from error


def readable(records: list[Record]) -> list[InjectionRecord]:
    """The injections whose undo can be read, oldest first, whatever else is damaged.

    What was noted of one and cannot be read is passed over: at worst it is undone once more.
    """
    return [one for told in _told(records) if (one := _forgiving(*told)) is not None]


def unreadable(records: list[Record]) -> list[Unreadable]:
    """The others, as far as they are not known to be put back, oldest first."""
    found = [
        _damaged(announced)
        for announced, notes in _told(records)
        if _forgiving(announced, notes) is None and not _known_back(notes)
    ]
    torn = [name for name, notes in _unannounced(records).items() if not _known_back(notes)]
    return found + [Unreadable(_cannot_be_read(name)) for name in torn]


def outstanding(records: list[Record]) -> list[InjectionRecord]:
    """Injections that can be read and were never reported as reverted, newest first."""
    return [i for i in readable(records) if i.outstanding][::-1]


def leftovers(records: list[Record]) -> list[str]:
    """All that is not known to be put back, in words: what can be read, then what cannot."""
    known = [f"{i.fault} on {i.point}" for i in outstanding(records)]
    return known + [str(one) for one in unreadable(records)]


def _told(records: list[Record]) -> list[tuple[Record, list[Record]]]:
    """Each record that announced an injection, with what was noted of it, oldest first."""
    found: dict[str | int, tuple[Record, list[Record]]] = {}
    for number, record in enumerate(records):
        name = record.get("id")
        if record["kind"] == "injecting":
            found[name if isinstance(name, str) else number] = (record, [])
        elif isinstance(name, str) and name in found:
            found[name][1].append(record)
    return list(found.values())


def _record(
    announced: Record, notes: list[Record], kept: tuple[str, ...] = ANNOUNCED
) -> InjectionRecord:
    fields = {k: announced.get(k) for k in kept} | {"begun": announced["t"]}
    for note in notes:
        _note(fields, note)
    return InjectionRecord(**fields)


def _forgiving(announced: Record, notes: list[Record]) -> InjectionRecord | None:
    """None where the undo, or what belongs to it, cannot be read."""
    if (whole := _attempt(announced, notes, ANNOUNCED)) is not None or _amiss(announced):
        return whole
    kept = tuple(key for key in ANNOUNCED if key in NEEDED)
    good = [note for note in notes if _attempt(announced, [note], kept) is not None]
    return _attempt(announced, good, ANNOUNCED) or _attempt(announced, good, kept)


def _attempt(
    announced: Record, notes: list[Record], kept: tuple[str, ...]
) -> InjectionRecord | None:
    try:
        return _record(announced, notes, kept)
    except DAMAGE:
        return None


def _amiss(announced: Record) -> list[str]:
    return [key for key, kind in NEEDED.items() if not isinstance(announced.get(key), kind)]


def _damaged(announced: Record) -> Unreadable:
    amiss = _amiss(announced)
    said = {k: announced[k] for k in ("fault", "point", "undo") if k not in amiss}
    name = "" if "id" in amiss else announced["id"]
    return Unreadable(_cannot_be_read(name, amiss), **said)


def _cannot_be_read(name: str, amiss: list[str] | None = None) -> str:
    which = f"injection {name}" if name else "an injection"
    detail = f" (missing or damaged: {', '.join(amiss)})" if amiss else ""
    return f"the record with the undo of {which} cannot be read{detail}; look at the system"


def _unannounced(records: list[Record]) -> dict[str, list[Record]]:
    """Injections that later records speak of and none announces: those records, by id."""
    named = [r for r in records if isinstance(r.get("id"), str)]
    announced = {r["id"] for r in named if r["kind"] == "injecting"}
    spoken = {r["id"] for r in named if r["kind"] in ("injected", "evidence", "lost")}
    return {name: [r for r in named if r["id"] == name] for name in sorted(spoken - announced)}


def _known_back(notes: list[Record]) -> bool:
    """Whether the last word is that it was put back."""
    said = [r for r in notes if r["kind"] == "stuck" or (r["kind"] == "reverted" and "by" in r)]
    return bool(said) and said[-1]["kind"] == "reverted"


def _note(fields: dict[str, Any], record: Record) -> None:
    match record["kind"]:
        case "injected":
            fields["acknowledged"] = record["t"]
        case "evidence":
            seen = Evidence(**record["evidence"])
            fields["evidence"] = (*fields.get("evidence", ()), (record["t"], seen))
            if seen.listed:
                fields["last_listed"] = record.get("asked", record["t"])
        case "unseen":
            fields["unanswered"] = fields.get("unanswered", 0) + 1
        case "lost":
            fields.setdefault("lost", record["t"])
            fields.setdefault("lost_because", record["reason"])
        case "reverting":
            fields.setdefault("revert_begun", record["t"])
        case "reverted":
            fields |= {"reverted": record["t"], "reverted_by": record["by"], "stuck": None}
        case "stuck":
            # It takes back that it was put back, even where nobody can read why.
            said = record.get("error")
            fields |= {"stuck": said if isinstance(said, str) else UNSAID, "reverted": None}


def _spans(records: list[Record]) -> list[Span]:
    spans: dict[str, Span] = {}
    for record in records:
        if record["kind"] != "phase":
            continue
        name = record["phase"]
        if record["event"] == "begun":
            spans[name] = Span(phase=name, begin=record["t"])
        elif name in spans:
            spans[name] = spans[name].model_copy(update={"end": record["t"]})
    return list(spans.values())


def _recovered(records: list[Record], what: str) -> float | None:
    for record in records:
        if record["kind"] == "recovered" and record["what"] == what:
            return float(record["when"])
    return None


def _put_back(records: list[Record]) -> dict[str, float]:
    """When each injection was put back: of several looks that say so the first.

    What a later one had to take back does not count.
    """
    times: dict[str, float] = {}
    for record in records:
        name = str(record.get("id"))
        if record["kind"] == "reverted":
            times.setdefault(name, float(record["t"]))
        elif record["kind"] == "stuck":
            times.pop(name, None)
    return times


def _revert_acknowledged(records: list[Record]) -> float | None:
    if (times := _put_back(records)) and not leftovers(records):
        return max(times.values())
    # Without any injection recovery is counted from the end of the fault phase.
    fault = next((s for s in _spans(records) if s.phase == "fault"), None)
    return fault.end if fault and not injections(records) else None
