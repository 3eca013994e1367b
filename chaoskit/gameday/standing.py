"""Where a game day stands: a pure fold of its log. Nothing else holds state.

Who resumes after a crash folds again. What was under way when the log was cut stays under way
here; the session enters that it was cut off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from chaoskit.gameday.log import Entry

Phase = Literal["opening", "under way", "closed"]
Decision = Literal["", "go", "no_go"]
# How a step ends that may be begun once more.
AGAIN = ("halted", "failed", "cut-off", "skipped")
# Words about a step that is under way.
REMARKS = ("seen", "mitigated", "alert")


@dataclass
class StepStanding:
    """What the log says of one step; of a step that was begun again, the last time counts.

    People's words are kept from every time.
    """

    id: str
    begun: Entry | None = None
    ended: Entry | None = None
    injected: list[Entry] = field(default_factory=list)
    released: Entry | None = None
    ran: Entry | None = None
    recovered: Entry | None = None
    predictions: list[Entry] = field(default_factory=list)
    remarks: list[Entry] = field(default_factory=list)

    @property
    def under_way(self) -> bool:
        return self.begun is not None and self.ended is None

    @property
    def how(self) -> str:
        """The deed's outcome; without one, how the step itself ended."""
        ended = self.ended.how if self.ended else ""
        if self.ran is None or ended == "cut-off":
            return ended
        return self.ran.how

    def remarks_of(self, kind: str) -> list[Entry]:
        return [entry for entry in self.remarks if entry.kind == kind]


@dataclass
class ActionStanding:
    """An action item, and the entry that closed it."""

    opened: Entry
    closed: Entry | None = None


@dataclass
class Standing:
    """The fold. Read it; only `standing` writes it."""

    phase: Phase = "opening"
    decision: Decision = ""
    decided: Entry | None = None
    halted: Entry | None = None
    opened: list[Entry] = field(default_factory=list)
    answers: dict[str, Entry] = field(default_factory=dict)
    steps: dict[str, StepStanding] = field(default_factory=dict)
    findings: list[Entry] = field(default_factory=list)
    actions: dict[str, ActionStanding] = field(default_factory=dict)

    @property
    def current(self) -> str:
        """The step that is under way, or empty."""
        return next((step.id for step in self.steps.values() if step.under_way), "")

    def step(self, id: str) -> StepStanding:
        """What is known of a step; nothing, if the log does not name it."""
        return self.steps.get(id) or StepStanding(id)

    def next_of(self, ids: Iterable[str]) -> str:
        """The first step that has neither begun nor been skipped, or empty."""
        return next((id for id in ids if not self._met(id)), "")

    def _met(self, id: str) -> bool:
        step = self.step(id)
        return step.begun is not None or step.ended is not None


def standing(entries: Iterable[Entry]) -> Standing:
    """Fold the log. An entry that does not fit is kept in the log and changes nothing."""
    found = Standing()
    for entry in entries:
        _take(found, entry)
    return found


def _take(found: Standing, entry: Entry) -> None:
    match entry.kind:
        case "opened":
            found.opened.append(entry)
        case "answer" | "checked":
            found.answers[entry.item] = entry
        case "go" | "no_go":
            _decide(found, entry)
        case "halt":
            found.halted = entry
        case "finding":
            found.findings.append(entry)
        case "action":
            found.actions[entry.item] = ActionStanding(entry)
        case "action_closed" if entry.item in found.actions:
            found.actions[entry.item].closed = entry
        case "closed":
            found.phase = "closed"
        case _ if entry.step:
            _take_step(found.steps.setdefault(entry.step, StepStanding(entry.step)), entry)


def _decide(found: Standing, entry: Entry) -> None:
    """A go after a halt is the decision to go on."""
    found.decided = entry
    if entry.kind == "go":
        found.decision, found.phase, found.halted = "go", "under way", None
    else:
        found.decision = "no_go"


def _take_step(step: StepStanding, entry: Entry) -> None:
    match entry.kind:
        case "step" if entry.value == "begun":
            step.begun, step.injected = entry, []
            step.ended = step.ran = step.released = step.recovered = None
        case "step":
            step.ended = entry
        case "prediction":
            step.predictions.append(entry)
        case "injected":
            step.injected.append(entry)
        case "released" if entry.value == "put back":
            step.released = entry
        case "ran":
            step.ran = entry
        case "recovered":
            step.recovered = entry
        case _ if entry.kind in REMARKS:
            step.remarks.append(entry)
