"""What became of the writes, as words: their figures, and each offender beside the fault.

An id is shown as it was sent. What was not read is said to be that.
"""

from __future__ import annotations

from chaoskit.model.verdict import CopyFigures, DataSafety, Offender, Verdict
from chaoskit.report.words import NONE, moment, seconds, whole

OFFENCES = {
    "lost": "acknowledged, and in no copy",
    "missing": "acknowledged, and not in every copy",
    "doubled": "applied more than once",
    "invented": "found, though never attempted or refused",
    "stale": "looked for and not found, though known to be there",
}


def safety(found: DataSafety) -> tuple[tuple[str, str, str], ...]:
    """Name, figure and note of what became of the writes."""
    each, kept = "its own id", "each has to be in every copy, once"
    rows = []
    if found.registers is not None:
        each, kept = "the next sequence", "none may be followed by an older value"
        rows.append(("Registers", whole(found.registers), f"of {found.ledger} were written"))
    rows += [
        ("Attempted", whole(found.attempted), f"writes of {found.ledger}, each with {each}"),
        ("Acknowledged", whole(found.acknowledged), kept),
        ("Refused", whole(found.refused), "none of them may be in any copy"),
        ("Unclear", whole(found.unclear), f"no clear answer; {whole(found.unclear_found)} found"),
    ]
    if found.looks:
        oldest = "none of them stale" if found.stalest is None else _oldest(found.stalest)
        rows.append(("Looked for", whole(found.looks), f"times while the load ran; {oldest}"))
    added = "added" if found.registers is None else "written"
    rows += [(f"In {c.name}", _held(c), c.why or _constant(c, added)) for c in found.copies]
    rows += [(kind.capitalize(), whole(n), OFFENCES[kind]) for kind, n in found.offences.items()]
    return tuple(rows)


def _oldest(age: float) -> str:
    return f"the oldest stale answer {seconds(age)} after the write was known"


def _held(copy: CopyFigures) -> str:
    return "not read" if copy.found is None else whole(copy.found)


def _constant(copy: CopyFigures, added: str) -> str:
    before, after = copy.constant_before, copy.constant_after
    if before is None or after is None:
        return f"{added} by this run"
    if before == after:
        return f"{added} by this run; constant {after:.15g}"
    return f"{added} by this run; constant {before:.15g} before, {after:.15g} after"


def offender(one: Offender, verdict: Verdict, origin: float) -> tuple[str, ...]:
    """Offence, id, attempt, acknowledgement and copies; times count from `origin`."""
    begun = [i.begun for i in verdict.injections if i.begun is not None]
    first = min(begun, default=None)
    times = f", {one.times} times" if one.times else ""
    told = "never" if one.at is None else moment(one.at - origin)
    if one.acknowledged is None:
        answer = "never" if one.at is None else "not acknowledged"
    else:
        answer = f"{moment(one.acknowledged - origin)}{_beside(one.acknowledged, first)}"
    id_ = one.id if one.sequence is None else f"{one.id} #{one.sequence}"
    return one.offence, id_, told, answer, f"{_where(one)}{times}"


def _where(one: Offender) -> str:
    copies = ", ".join(one.copies) or NONE
    instead = "" if one.sequence is None else f"; {_seen(one)} instead"
    if one.offence == "lost":
        return f"in none{instead}"
    if one.offence == "missing":
        return f"not in {copies}{instead}"
    if one.offence == "stale":
        return f"not found {seconds(one.age)} after it was known{instead}"
    return f"in {copies}" if one.copies or one.sequence is None else "in an answer"


def _seen(one: Offender) -> str:
    return "nothing" if one.seen is None else f"#{one.seen}"


def _beside(at: float, fault: float | None) -> str:
    if fault is None:
        return ""
    side = "after" if at >= fault else "before"
    return f", {abs(at - fault):.2f} s {side} the first injection began"
