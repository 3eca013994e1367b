"""A schedule: what runs when, when it may not, and who is told before.

Times of day are those of the wall in `timezone`. What they come to as moments is the business of
`chaoskit.schedule`; no clock, no files, no zones are read here.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from chaoskit.model.experiment import Name
from chaoskit.model.frozen import Frozen
from chaoskit.model.system import HaltHttp
from chaoskit.units import Duration

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BLACKOUT_KINDS = ("date", "from", "http", "command")


def _days(value: Any) -> tuple[int, ...]:
    """`mon-fri`, `sat,sun` or `mon,wed-fri` as weekdays, Monday is 0."""
    if isinstance(value, tuple):
        return value
    found: set[int] = set()
    for part in str(value).lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"expected days such as mon-fri or sat,sun, got '{value}'")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {(begin + n) % 7 for n in range((end - begin) % 7 + 1)}
    return tuple(sorted(found))


def _time(value: Any) -> time:
    if isinstance(value, time):
        return value
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", str(value).strip())
    if not match or int(match[1]) > 23 or int(match[2]) > 59:
        raise ValueError(f"expected a time of day such as 09:30, got '{value}'")
    return time(int(match[1]), int(match[2]))


def _moment(value: Any) -> date | datetime:
    """A day (the whole of it), or a time on it."""
    if isinstance(value, date):
        return value
    text = str(value).strip()
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return date.fromisoformat(text)
        if re.fullmatch(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d", text):
            return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"'{text}' is no day of the calendar: {error}") from None
    raise ValueError(f"expected a day such as 2026-12-24 or 2026-12-24 18:00, got '{value}'")


Days = Annotated[
    tuple[int, ...],
    BeforeValidator(_days),
    WithJsonSchema({"type": "string", "examples": ["mon-fri", "sat,sun"]}),
]
Time = Annotated[
    time, BeforeValidator(_time), WithJsonSchema({"type": "string", "pattern": r"^\d{1,2}:\d\d$"})
]
Moment = Annotated[
    date | datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\d([ T]\d\d:\d\d)?$"}),
]


class Window(Frozen):
    """From one time of day to another; past midnight when the second is the earlier."""

    days: Days = Field(default=tuple(range(7)), description="the days that it begins on")
    begin: Time = Field(alias="from")
    end: Time = Field(alias="to", description="excluded")

    @model_validator(mode="after")
    def _has_length(self) -> Window:
        if self.begin == self.end:
            raise ValueError("a window needs two different times")
        return self

    def holds(self, wall: datetime) -> bool:
        """Whether the wall clock's `wall` lies inside."""
        now, today = wall.time(), wall.weekday()
        if self.begin < self.end:
            return today in self.days and self.begin <= now < self.end
        evening = today in self.days and now >= self.begin
        return evening or ((today - 1) % 7 in self.days and now < self.end)

    def __str__(self) -> str:
        days = ",".join(DAYS[day] for day in self.days)
        return f"{days} {self.begin:%H:%M}-{self.end:%H:%M}"


class Blackout(Frozen):
    """When nothing may run: a day, from one moment to another, or while something says so.

    A URL says so by answering with the status, a command by exiting with 0.
    """

    day: Moment | None = Field(default=None, alias="date")
    begin: Moment | None = Field(default=None, alias="from")
    end: Moment | None = Field(default=None, alias="to", description="a day counts to its end")
    http: HaltHttp | None = None
    command: tuple[str, ...] | None = Field(default=None, min_length=1)
    timeout: Duration = Duration(5)
    why: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> Blackout:
        given = [self.day, self.begin, self.http, self.command]
        if sum(kind is not None for kind in given) != 1:
            raise ValueError(f"a blackout needs exactly one of {', '.join(BLACKOUT_KINDS)}")
        if (self.begin is None) != (self.end is None):
            raise ValueError("'from' and 'to' stand together")
        if isinstance(self.day, datetime):
            raise ValueError("'date' is a whole day; use 'from' and 'to' for a part of one")
        if (span := self.span) and span[0] >= span[1]:
            raise ValueError("'to' must be later than 'from'")
        return self

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """From (included) and to (excluded) on the wall; None where something must be asked."""
        first, last = self.day or self.begin, self.day or self.end
        if first is None or last is None:
            return None
        return _midnight(first), _midnight(last) + (
            timedelta(0) if isinstance(last, datetime) else timedelta(days=1)
        )

    def __str__(self) -> str:
        """What it is, without what may be a secret."""
        if self.day is not None:
            return f"blackout {self.day}"
        if self.begin is not None:
            return f"blackout {self.begin} to {self.end}"
        if self.http is not None:
            parts = urlsplit(self.http.url)
            return f"blackout while {parts.scheme}://{parts.hostname} answers {self.http.status}"
        return f"blackout while command {(self.command or ('',))[0]} exits with 0"


def _midnight(moment: date) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time())


class Notice(Frozen):
    """Who is told before: a POST of `{"text": …}`, as Slack and its kin take it."""

    before: Duration = Field(description="the lead time, in which a run can be called off")
    webhook: str


class Slot(Frozen):
    """Experiments or a game day, and when: by a cron expression, or once in a window at random."""

    name: Name
    run: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="files or folders beside the schedule"
    )
    gameday: str | None = Field(default=None, description="a file beside the schedule")
    cron: str | None = Field(default=None, description="minute hour day month weekday")
    random: Window | None = Field(default=None, description="a seeded moment in each window")
    working_hours: Window | None = Field(default=None, description="instead of the schedule's")
    notice: Notice | None = Field(default=None, description="instead of the schedule's")

    @model_validator(mode="after")
    def _what_and_when(self) -> Slot:
        lacking = [
            f"exactly one of '{one}' and '{other}'"
            for one, other in (("run", "gameday"), ("cron", "random"))
            if (getattr(self, one) is None) == (getattr(self, other) is None)
        ]
        if lacking:
            raise ValueError(f"an entry needs {', and '.join(lacking)}")
        return self

    @property
    def timing(self) -> str:
        """When, in words; another text is another timing."""
        return f"cron {self.cron}" if self.cron else f"once in {self.random}"


class Schedule(Frozen):
    """What runs when. Nothing is ever made up for: what came too late is reported as missed."""

    schedule: Name
    timezone: str = Field(default="UTC", description="a name such as Europe/Berlin")
    seed: int = Field(default=0, description="fixes the random moments")
    late: Duration = Field(default=Duration(300), description="a later start counts as missed")
    working_hours: Window | None = Field(default=None, description="nothing runs outside")
    blackouts: tuple[Blackout, ...] = ()
    notice: Notice | None = None
    entries: tuple[Slot, ...] = Field(min_length=1)

    def hours(self, slot: Slot) -> Window | None:
        return slot.working_hours or self.working_hours

    def told(self, slot: Slot) -> Notice | None:
        return slot.notice or self.notice
