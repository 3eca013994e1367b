"""What one person is shown of a game day: the value that a console or a terminal draws.

Everything in it is plain JSON once dumped. Texts are as people typed them: whoever draws them
escapes them. What a blind day hides from this person is not in it at all.
"""

from __future__ import annotations

from typing import Literal

from chaoskit.gameday.log import Entry
from chaoskit.model.frozen import Frozen
from chaoskit.model.verdict import SeriesFigures


class You(Frozen):
    """Who looks. `can` are the doors that are open to this person now (see `session.DOORS`)."""

    person: str
    roles: tuple[str, ...]
    can: tuple[str, ...]


class QuestionView(Frozen):
    """One line of the go/no-go list. `number` is the `item` of an answer; `by` of the tool's."""

    number: str
    kind: Literal["ask", "check"]
    text: str
    state: Literal["open", "yes", "no"]
    by: str = ""
    at: str = ""
    why: str = ""


class Said(Frozen):
    """Somebody's word in a step; `after` is seconds since the step began (None: before it)."""

    person: str
    at: str
    text: str = ""
    after: float | None = None


class StepView(Frozen):
    """One step. `hidden`: its title is a stand-in and `kind`, `what`, `expect` are empty.

    `how` it ended: held, violated, inconclusive, done, failed, halted, cut-off or skipped.
    `busy`: the tool is at work in it. `left`: seconds to the end of a break, else None.
    """

    id: str
    title: str
    hidden: bool
    kind: str
    what: str
    expect: str
    state: Literal["waiting", "next", "under way", "ended", "skipped"]
    busy: bool = False
    how: str = ""
    run: str = ""
    result: str = ""
    begun: str = ""
    ended: str = ""
    left: float | None = None
    predictions: tuple[Said, ...] = ()
    seen: tuple[Said, ...] = ()
    mitigated: tuple[Said, ...] = ()
    alerts: tuple[Said, ...] = ()


class InjectedView(Frozen):
    """What is in force now. `left`: seconds until it is put back by itself (None: not known).

    `what` is a stand-in where it is hidden from this person. `proven`: the system was seen to
    say so.
    """

    what: str
    since: str
    proven: bool
    left: float | None


class BoundView(Frozen):
    """One expectation against the last seconds. `kept` None: no figure, or none to compare with."""

    series: str
    expectation: str
    observed: str
    kept: bool | None


class LiveView(Frozen):
    """The run that is on. `elapsed` and `left` are seconds of its phase.

    `figures` are those of the last 5 seconds, `all` first. `history` has a point for about every
    half second of the run, at most 600: monotonic seconds since the run began, success (0..1 or
    None), p95 in seconds (or None), rate per second; all of series `all`.
    """

    phase: str
    elapsed: float
    left: float | None
    figures: tuple[SeriesFigures, ...] = ()
    bounds: tuple[BoundView, ...] = ()
    note: str = ""
    history: tuple[tuple[float, float | None, float | None, float], ...] = ()


class CellView(Frozen):
    """One cell of the coverage map: what the runs of this day say of a failure point."""

    point: str
    trouble: str
    status: Literal["held", "violated", "inconclusive", "never tested"]


class ActionView(Frozen):
    """An action item; `carried` from an earlier game day."""

    id: str
    text: str
    owner: str
    due: str
    closed: bool
    carried: bool


class View(Frozen):
    """All of it. `newest` is the number of the newest entry: give it to `Session.wait`.

    `current` and `next` are step ids, or empty. `halted` is the sentence of the halt, or empty.
    `entries` is the whole log as this person may see it.
    """

    name: str
    title: str
    purpose: str
    system: str
    date: str
    window: str
    timezone: str
    people: dict[str, tuple[str, ...]]
    halting: tuple[str, ...]
    blind: bool
    you: You
    phase: Literal["opening", "under way", "closed"]
    decision: Literal["", "go", "no_go"]
    halted: str
    now: str
    newest: int
    questions: tuple[QuestionView, ...]
    steps: tuple[StepView, ...]
    current: str
    next: str
    injected: tuple[InjectedView, ...]
    live: LiveView | None
    coverage: tuple[CellView, ...]
    findings: tuple[Said, ...]
    actions: tuple[ActionView, ...]
    entries: tuple[Entry, ...]
