"""Who may do what when: pure sentences over the plan and the standing.

A halt is open to everybody at any time, whoever they are. It must never decide by a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chaoskit.document.nearest import meant
from chaoskit.gameday.standing import AGAIN, Standing, StepStanding
from chaoskit.model.gameday import ROLES, GameDay, Role, Step

_LEADS: tuple[Role, ...] = ("facilitator",)
_DECIDES: tuple[Role, ...] = ("facilitator", "owner")
_ACTS: tuple[Role, ...] = ("facilitator", "owner", "operator")
_WRITES: tuple[Role, ...] = ("facilitator", "owner", "operator", "scribe")

# Each door with the roles that it is open to.
MAY: Mapping[str, tuple[Role, ...]] = {
    "answer": ROLES,
    "check": _ACTS,
    "go": _DECIDES,
    "no_go": _DECIDES,
    "begin": _LEADS,
    "skip": _LEADS,
    "release": _ACTS,
    "end": _LEADS,
    "prediction": ROLES,
    "seen": ROLES,
    "mitigated": ROLES,
    "note": ROLES,
    "halt": ROLES,
    "finding": ROLES,
    "action": ROLES,
    "action_closed": _WRITES,
    "closed": _DECIDES,
}
DOORS = tuple(MAY)
# What is still written down when the day is over.
_AFTERWARDS = ("note", "halt", "finding", "action", "action_closed")


@dataclass(frozen=True)
class Situation:
    """What a rule looks at. `busy`: the tool is at work in the current step."""

    gameday: GameDay
    standing: Standing
    halted: str
    busy: bool

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(str(n) for n in range(1, len(self.gameday.agenda) + 1))

    @property
    def next(self) -> str:
        return self.standing.next_of(self.ids)

    def plan_of(self, id: str) -> Step:
        return self.gameday.agenda[int(id) - 1]

    @property
    def deciding(self) -> bool:
        """Whether a go is still to be said, for the first time or again after a halt."""
        return self.standing.decision != "go" or bool(self.halted)


def role_for(gameday: GameDay, person: str, door: str) -> str:
    """The role that `person` acts in at `door`; empty when it is not open to any of theirs."""
    mine = gameday.people.roles(person)
    return next((role for role in MAY[door] if role in mine), "")


def stranger(gameday: GameDay, person: str) -> str:
    """A sentence for somebody whom the game day does not name; else empty."""
    if gameday.people.roles(person):
        return ""
    hint = meant(person, gameday.people.everybody(), "there are")[1]
    return f"'{person}' is not named under 'people' of this game day ({hint})"


def refusal(at: Situation, person: str, door: str, step: str = "") -> str:
    """Why `door` is closed to `person` now, in a sentence; empty when it is open."""
    if said := not_for(at, person, door):
        return said
    rule = _RULES.get(door)
    return rule(at, step) if rule else ""


def not_for(at: Situation, person: str, door: str) -> str:
    """Why `door` is closed to this person whatever the step; empty when it is not."""
    if door == "halt":
        return ""
    if said := stranger(at.gameday, person):
        return said
    if not role_for(at.gameday, person, door):
        mine = ", ".join(at.gameday.people.roles(person))
        return f"{door.replace('_', ' ')} is for {' and '.join(MAY[door])}; {person} is {mine}"
    if at.standing.phase == "closed" and door not in _AFTERWARDS:
        return "the game day is closed"
    return ""


def unanswered(at: Situation) -> tuple[str, ...]:
    """What of the go/no-go list is not yes, each as it stands."""
    found = []
    for number, question in enumerate(at.gameday.go_no_go, 1):
        entry = at.standing.answers.get(str(number))
        if entry is None or entry.value != "yes":
            state = "open" if entry is None else f"no{f' ({entry.text})' if entry.text else ''}"
            found.append(f"{number}. {question.text}: {state}")
    return tuple(found)


def opening(at: Situation, step: str = "") -> str:
    """Why the go/no-go list is not to be answered now; empty when it is."""
    if not at.deciding:
        return "go was said already"
    return f"step {at.standing.current} is under way" if at.standing.current else ""


def _go(at: Situation, step: str) -> str:
    if said := opening(at):
        return said
    left = unanswered(at)
    return f"go needs a yes to everything: {'; '.join(left)}" if left else ""


def _running(at: Situation) -> str:
    if at.halted:
        return f"{at.halted}; say go again once it is lifted"
    return "" if at.standing.decision == "go" else "there is no go yet"


def _begin(at: Situation, step: str) -> str:
    if said := _running(at):
        return said
    if at.standing.current:
        return f"step {at.standing.current} is under way: end it first"
    if step in at.ids and at.standing.step(step).how in AGAIN:
        return ""
    if not at.next:
        return "the agenda is through"
    return "" if step in ("", at.next) else f"the next step is {at.next}, not {step}"


def _skip(at: Situation, step: str) -> str:
    if at.standing.current:
        return f"step {at.standing.current} is under way: end it first"
    return "" if at.next else "the agenda is through"


def _current(at: Situation) -> StepStanding | None:
    return at.standing.step(at.standing.current) if at.standing.current else None


def _under_way(at: Situation, step: str) -> str:
    return "" if _current(at) else "no step is under way"


def _release(at: Situation, step: str) -> str:
    held = _current(at) is not None and at.plan_of(at.standing.current).kind == "inject"
    return "" if held and at.busy else "nothing is held that could be released"


def _end(at: Situation, step: str) -> str:
    if _current(at) is None:
        return "no step is under way"
    if at.busy and at.plan_of(at.standing.current).kind != "inject":
        return "its run is still on: wait for its end, or halt"
    return ""


def _prediction(at: Situation, step: str) -> str:
    step = step or at.next
    if not step:
        return "no step is left to predict"
    if step not in at.ids:
        return f"there is no step {step}; the agenda has {len(at.ids)}"
    known = at.standing.step(step)
    return f"step {step} has begun: too late for a prediction" if known.begun else ""


def _close(at: Situation, step: str) -> str:
    return f"step {at.standing.current} is under way: end it first" if at.standing.current else ""


_RULES: Mapping[str, Callable[[Situation, str], str]] = {
    "answer": opening,
    "check": opening,
    "go": _go,
    "no_go": opening,
    "begin": _begin,
    "skip": _skip,
    "release": _release,
    "end": _end,
    "prediction": _prediction,
    "seen": _under_way,
    "mitigated": _under_way,
    "closed": _close,
}
