"""A game day: who meets when, on which system, what is asked before, and what is done in order.

Times of day are those of the wall in `timezone`. What happened on the day is the business of
`chaoskit.gameday`; no clock, no files, no zones are read here.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from chaoskit.model.experiment import FaultUse, Flag, Name
from chaoskit.model.frozen import Frozen
from chaoskit.model.schedule import Time
from chaoskit.model.system import HaltHook
from chaoskit.units import Duration

Role = Literal["owner", "facilitator", "operator", "observers", "scribe"]
ROLES: tuple[Role, ...] = get_args(Role)
Check = Literal[
    "full_strength", "not_halted", "nothing_outstanding", "experiments_valid", "in_window"
]
CHECKS: tuple[Check, ...] = get_args(Check)
StepKind = Literal["experiment", "inject", "recover", "discuss", "break"]
STEP_KINDS: tuple[StepKind, ...] = get_args(StepKind)


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(f"expected a day such as 2026-12-01, got '{value}'") from None


def _names(value: Any) -> Any:
    """One name may stand without a list around it."""
    return (value,) if isinstance(value, str) else value


Text = Annotated[str, Field(min_length=1)]
Day = Annotated[
    date, BeforeValidator(_day), WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"})
]
Names = Annotated[
    tuple[Text, ...],
    BeforeValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class Hours(Frozen):
    """From one time of day to a later one."""

    begin: Time = Field(alias="from")
    end: Time = Field(alias="to", description="excluded")

    @model_validator(mode="after")
    def _has_length(self) -> Hours:
        if self.begin >= self.end:
            raise ValueError("'to' must be later than 'from'")
        return self

    def holds(self, now: time) -> bool:
        return self.begin <= now < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


class People(Frozen):
    """Who is there, by role. One person may have several roles."""

    owner: Names = Field(min_length=1, description="answers for the system; may say go")
    facilitator: Names = Field(min_length=1, description="leads the day, begins and ends steps")
    operator: Names = Field(default=(), description="works on the system")
    observers: Names = ()
    scribe: Names = Field(default=(), description="writes down what is seen")

    def of(self, role: Role) -> tuple[str, ...]:
        found: tuple[str, ...] = getattr(self, role)
        return found

    def roles(self, person: str) -> tuple[Role, ...]:
        """All roles of a person; none for somebody who is not named."""
        return tuple(role for role in ROLES if person in self.of(role))

    def everybody(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for role in ROLES for name in self.of(role)))


class Question(Frozen):
    """One line of the go/no-go list: a person answers `ask`, the tool makes `check`."""

    ask: Text | None = None
    check: Check | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Question:
        if (self.ask is None) == (self.check is None):
            raise ValueError("a go/no-go item needs exactly one of ask, check")
        return self

    @property
    def text(self) -> str:
        return self.ask or str(self.check).replace("_", " ")


class Recover(Frozen):
    """A recovery action: a node is restarted, or a command is run (in the game day's folder)."""

    restart: str | None = Field(default=None, description="a node of the system")
    command: tuple[str, ...] | None = Field(default=None, min_length=1)
    timeout: Duration = Field(default=Duration(60), description="of the command")

    @model_validator(mode="after")
    def _one_kind(self) -> Recover:
        if (self.restart is None) == (self.command is None):
            raise ValueError("a recovery action needs exactly one of restart, command")
        return self

    def __str__(self) -> str:
        """What it does, without a command's arguments, which may be secret."""
        if self.restart is not None:
            return f"restart {self.restart}"
        first, *more = self.command or ("",)
        return f"{first}{' …' if more else ''}"


class Step(Frozen):
    """One item of the agenda: exactly one of experiment, inject, recover, discuss, break."""

    title: Text
    expect: str = Field(default="", description="what it is expected to show")
    experiment: str | None = Field(default=None, description="a file beside the game day")
    inject: FaultUse | None = Field(default=None, description="one fault, held until released")
    most: Duration | None = Field(default=None, description="'inject' is released after this")
    recover: Recover | None = None
    discuss: Text | None = None
    pause: Duration | None = Field(default=None, alias="break")

    @model_validator(mode="after")
    def _one_kind(self) -> Step:
        given = [kind for kind in STEP_KINDS if self._given(kind) is not None]
        if len(given) != 1:
            raise ValueError(f"a step needs exactly one of {', '.join(STEP_KINDS)}")
        if (self.inject is None) != (self.most is None):
            raise ValueError(
                "'inject' needs 'most': the longest that the fault is held, such as most: 10m"
                if self.inject
                else "'most' belongs to 'inject' only"
            )
        if not self.expect and given[0] in ("experiment", "inject", "recover"):
            raise ValueError("a step that touches the system needs 'expect': what it should show")
        return self

    def _given(self, kind: StepKind) -> Any:
        return self.pause if kind == "break" else getattr(self, kind)

    @property
    def kind(self) -> StepKind:
        return next(kind for kind in STEP_KINDS if self._given(kind) is not None)

    @property
    def what(self) -> str:
        """What is done, in a few words."""
        if self.inject is not None:
            return f"{self.inject.name} on {self.inject.selection}, at most {self.most}"
        return str(self._given(self.kind))


class GameDay(Frozen):
    """The whole plan of the day. Steps are numbered from 1 in their order."""

    gameday: Name
    title: Text
    purpose: Text
    system: str | None = Field(default=None, description="otherwise the nearest upwards")
    date: Day
    window: Hours
    timezone: str = Field(default="UTC", description="a name such as Europe/Berlin")
    people: People
    go_no_go: tuple[Question, ...] = Field(min_length=1)
    agenda: tuple[Step, ...] = Field(min_length=1)
    halting: tuple[Text, ...] = Field(default=(), description="criteria that people read")
    halt_when: tuple[HaltHook, ...] = Field(default=(), description="criteria that the tool asks")
    blind: Flag = Field(
        default=False, description="a step is hidden, except from the facilitator, until it ended"
    )
    alerts: str | None = Field(default=None, description="the URL of the system's own alerts")
    carry: str | None = Field(default=None, description="an earlier game day's file or log")

    def open_at(self, wall: datetime) -> bool:
        """Whether the wall clock's `wall` (in `timezone`) lies in the window of the day."""
        return wall.date() == self.date and self.window.holds(wall.time())

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From (included) and to (excluded) on the wall in `timezone`."""
        begin, end = self.window.begin, self.window.end
        return datetime.combine(self.date, begin), datetime.combine(self.date, end)

    @property
    def when(self) -> str:
        """Date, hours and zone as people read them."""
        return f"{self.date} {self.window} {self.timezone}"
