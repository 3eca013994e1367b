"""Figures and states as words: the one place that decides how they read.

A share is never rounded towards the better side, and what was not measured is said so.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable
from datetime import datetime
from typing import Any

from chaoskit.model.evidence import Evidence
from chaoskit.model.timeline import InjectionRecord, Span
from chaoskit.model.verdict import SeriesFigures, Status, Verdict

NONE = "–"
SIGNS = {Status.HELD: "✓", Status.VIOLATED: "✗", Status.INCONCLUSIVE: "?"}
STOPS = {
    "violated": "stopped early: an expectation was violated beyond repair",
    "abort": "stopped early by abort_when",
    "lost": "stopped early: a fault was not in force any more",
    "halted": "stopped early: chaoskit halt was set",
    "interrupted": "interrupted",
    "failed": "stopped early: the target or a tool failed",
    "unfit": "stopped early: the system was not fit for the experiment",
}

# From how many seconds on, the unit's seconds and its name.
_AGES = ((2 * 86400, 86400, "day"), (3600, 3600, "hour"), (0, 60, "minute"))


def sign(status: Status) -> str:
    return SIGNS[status]


def seconds(value: float | None) -> str:
    """A duration or latency in seconds, with its unit, to about three digits."""
    if value is None:
        return NONE
    if math.isinf(value):
        return "∞"
    if abs(value) < 1:
        return f"{value * 1000:{'.0f' if abs(value) >= 0.01 or not value else '.2g'}} ms"
    return f"{value:.3g} s" if abs(value) < 1000 else f"{value:.0f} s"


def moment(value: float | None) -> str:
    """A point in time, in seconds since the baseline began."""
    return NONE if value is None else f"{value:.1f} s"


def good_share(part: int, whole: int) -> str:
    """A share where more is better: rounded down."""
    return f"{math.floor(part / whole * 10000) / 100:g} %" if whole else NONE


def bad_share(part: int, whole: int) -> str:
    """A share where less is better: rounded up."""
    return f"{math.ceil(part / whole * 10000) / 100:g} %" if whole else NONE


def success(row: SeriesFigures) -> str:
    return good_share(row.ok + row.degraded, row.planned)


def percentile(row: SeriesFigures, value: float | None) -> str:
    """A latency percentile; ∞ where so many requests failed that it has no end."""
    return "∞" if value is None and row.planned > row.shed else seconds(value)


def success_interval(row: SeriesFigures) -> str:
    """The 95 % interval of a success, never narrower than it is; empty where none is known."""
    if row.success_low is None or row.success_high is None:
        return ""
    low, high = math.floor(row.success_low * 1e4) / 100, math.ceil(row.success_high * 1e4) / 100
    return f"{low:g}–{high:g} %"


def p95_interval(row: SeriesFigures) -> str:
    """The 95 % interval of p95, ∞ where nothing says where it ends; empty where none is known."""
    if row.p95_low is None:
        return ""
    low, high = seconds(row.p95_low), "∞" if row.p95_high is None else seconds(row.p95_high)
    value, _, unit = low.partition(" ")
    return f"{value if high.endswith(f' {unit}') else low}–{high}"


def series(name: str, probes: Container[str]) -> str:
    """The name of a request, or of a probe and that it is one."""
    return f"{name} (probe)" if name in probes else name


def interval(low: float, high: float) -> str:
    """Two shares as an interval, never narrower than it is."""
    ends = math.floor(low * 1000) / 10, math.ceil(high * 1000) / 10
    return f"{ends[0]:g}–{ends[1]:g} %"


def age(value: float | None) -> str:
    """Seconds as one unit that a person thinks in; whole, and never younger than it is."""
    if value is None:
        return NONE
    size, noun = next((s, n) for least, s, n in _AGES if value >= least)
    return count(max(1, math.ceil(value / size)), noun)


def date(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def count(number: int, noun: str) -> str:
    return f"{whole(number)} {noun}{'' if number == 1 else 's'}"


def whole(number: int) -> str:
    """A count with thin spaces between thousands."""
    return f"{number:,}".replace(",", "\u202f")


def headline(verdict: Verdict) -> str:
    return f"{sign(verdict.status)} {verdict.status.upper()}"


def ending(verdict: Verdict) -> str:
    """Why the run ended before its time; empty after a full course."""
    if verdict.stop_kind is None:
        return ""
    words = STOPS[verdict.stop_kind]
    if verdict.stop_kind == "lost":  # how it was lost stands with the reasons and the injection
        return words
    told = (verdict.stopped or "").strip()
    return f"{words} ({told})" if told and told not in verdict.reasons else words


def evidence(injection: InjectionRecord) -> tuple[str, ...]:
    """One line for each part of the evidence, over all looks, and one for the last facts."""
    seen = [e for _, e in injection.evidence]
    if not seen:
        return ("never looked at", *_unknown(injection))
    parts = [
        _part("listed", [e.listed for e in seen]),
        _part("carried", [e.carried for e in seen]),
        _part("felt", [e.felt for e in seen]),
    ]
    return (*parts, *_unknown(injection), *_facts(seen))


def _unknown(injection: InjectionRecord) -> tuple[str, ...]:
    if not injection.unanswered:
        return ()
    return (f"– unknown: {count(injection.unanswered, 'look')} went unanswered",)


def force(injection: InjectionRecord, spans: Iterable[Span]) -> tuple[str, ...]:
    """The span in which looks showed it in force, within the fault phase; and how it was lost."""
    lost = () if injection.lost is None else (f"✗ lost: {injection.lost_because}",)
    phase = next((s for s in spans if s.phase == "fault"), None)
    if phase is None or injection.in_force is None or injection.shape == "event":
        return lost
    begin, end = injection.in_force
    until = f"{end - phase.begin:.1f} s" if end is not None else "now"
    return (f"in force {begin - phase.begin:.1f} s … {until} of the fault phase", *lost)


def impact(verdict: Verdict) -> tuple[tuple[str, str, str], ...]:
    """Name, figure and note of what the faults did to the requests; said where there is none."""
    found = verdict.impact
    if found is None:
        why = "no baseline or no samples" if verdict.injections else "no fault was injected"
        return (("Impact", "not measured" if verdict.injections else NONE, why),)
    if not found.felt:
        return (("Impact", "none", "no more bad requests than in the baseline"),)
    fine = f"to about {seconds(found.resolution)}"
    rows = [
        ("Time to impact", _time(found.to_impact), f"from the injection, {fine}"),
        ("Time to detect", _time(found.to_detect), "from the impact"),
        ("Time to recover", _time(found.to_recover), "from the injection"),
        _removal(found.after_removal),
        (
            "Depth",
            bad_share(math.ceil((found.depth or 0.0) * 1e6), 10**6),
            "bad in the worst second",
        ),
        ("Dip area", f"{found.area or 0.0:.2f} s", "of full outage, all bad requests together"),
    ]
    if found.cost is not None:
        rows.append(
            ("Cost", f"{found.cost:,.2f}".replace(",", "\u202f"), "as the system file states it")
        )
    return tuple(rows)


def _removal(after: float | None) -> tuple[str, str, str]:
    if after is not None and after < 0:
        return "Before removal", _time(-after), "it was over while the fault was still there"
    return "After removal", _time(after), "from the removal"


def _time(value: float | None) -> str:
    """To a tenth of a second: none of these times is known better than its bucket."""
    return "not while watched" if value is None else moment(value)


def _part(name: str, answers: Iterable[bool | None]) -> str:
    known = [a for a in answers if a is not None]
    if not known:
        return f"– {name}: not measured"
    mark = "✓" if any(known) else "✗"
    return f"{mark} {name}: {sum(known)} of {count(len(known), 'look')}"


def _facts(seen: list[Evidence]) -> tuple[str, ...]:
    names = list(dict.fromkeys(name for e in seen for name in e.facts))
    told = [_fact(name, [e.facts.get(name) for e in seen]) for name in names]
    line = " · ".join(t for t in told if t)
    return (line,) if line else ()


def _fact(name: str, values: list[Any]) -> str:
    known = [v for v in values if v is not None]
    if not known:
        return ""
    words = name.replace("_", " ")
    numbers = [v for v in known if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == len(known) and min(numbers) != max(numbers):
        return f"{words} {min(numbers):g}–{max(numbers):g}"
    return f"{words} {_plain(known[-1])}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def proof(injection: InjectionRecord) -> str:
    if injection.lost is not None:
        return "? lost while it was open"
    return "✓ proven in force" if injection.proven else "? not proven in force"
