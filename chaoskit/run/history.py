"""Reads a journal back as a timeline. It must never write, and never guess what is not written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chaoskit.errors import JournalError
from chaoskit.model.evidence import Evidence
from chaoskit.model.timeline import InjectionRecord, LoadFacts, Span, Timeline
from chaoskit.run.journal import NAME, Record, read_records


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
        restored=last.get("restored", not outstanding(records)),
        differences=tuple(last.get("differences", ())),
        unasked=sum(r["count"] for r in records if r["kind"] == "unasked"),
        load=LoadFacts(**load["facts"]) if load else LoadFacts(),
    )


def first(records: list[Record], kind: str) -> Record | None:
    return next((r for r in records if r["kind"] == kind), None)


def injections(records: list[Record]) -> list[InjectionRecord]:
    """Every injection that was announced, oldest first.

    Raises JournalError for a record that was written whole but does not say what it must.
    """
    try:
        return _injections(records)
    except (LookupError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise JournalError(
            f"the journal is damaged: an injection cannot be read: {said}"
        ) from error


def _injections(records: list[Record]) -> list[InjectionRecord]:
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        if record["kind"] == "injecting":
            kept = ("id", "fault", "point", "tier", "trouble", "shape", "undo", "deadline")
            found[record["id"]] = {k: record.get(k) for k in kept} | {"begun": record["t"]}
        elif record.get("id") in found:
            _note(found[record["id"]], record)
    return [InjectionRecord(**fields) for fields in found.values()]


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
            fields |= {"stuck": record["error"], "reverted": None}


def outstanding(records: list[Record]) -> list[InjectionRecord]:
    """Injections that were announced and never reported as reverted, newest first."""
    return [i for i in injections(records) if i.outstanding][::-1]


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


def _revert_acknowledged(records: list[Record]) -> float | None:
    times = [float(r["t"]) for r in records if r["kind"] == "reverted"]
    if times and not outstanding(records):
        return max(times)
    # Without any injection recovery is counted from the end of the fault phase.
    fault = next((s for s in _spans(records) if s.phase == "fault"), None)
    return fault.end if fault and not injections(records) else None
