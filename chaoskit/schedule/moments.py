"""From the wall clock to moments: cron expressions and random windows in a zone with summer time.

The rule, for all of them: a time of day that does not exist (clocks go forward) comes at the
first moment after the gap; one that comes twice (clocks go back) is taken the first time. So
moments only ever go forward, and each time of day counts once. Nothing here reads a clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain, takewhile
from zoneinfo import ZoneInfo

from chaoskit.model.schedule import Schedule, Slot, Window

# More than any change of a clock that a zone still makes.
BACK = timedelta(hours=3)


@dataclass(frozen=True, order=True)
class Occurrence:
    """One entry at one moment (UTC)."""

    at: datetime
    name: str


def moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment (UTC) of a time on the wall, by the rule above."""
    early, late = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = early.utcoffset() or timedelta(), late.utcoffset() or timedelta()
    found = (wall - before).replace(tzinfo=UTC)
    return _change(found - (after - before), found, zone) if after > before else found


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second of the new offset between two moments on its two sides."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def wall(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows at a moment."""
    return at.astimezone(zone).replace(tzinfo=None)


def occurrences(schedule: Schedule, slot: Slot, after: datetime) -> Iterator[Occurrence]:
    """The moments of one entry later than `after` (UTC), without end."""
    zone = ZoneInfo(schedule.timezone)
    last = after
    for at in _moments(schedule, slot, after, zone):
        if at > last:
            yield Occurrence(at, slot.name)
            last = at


def _moments(schedule: Schedule, slot: Slot, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    from cronsim import CronSim

    if slot.random is not None:
        day = wall(after, zone).date() - timedelta(days=2)
        while True:
            if day.weekday() in slot.random.days:
                yield drawn(schedule.seed, slot.name, slot.random, day, zone)
            day += timedelta(days=1)
    # Without a zone: cron only counts what the wall shows, the rule above does the rest.
    for shown in CronSim(str(slot.cron), wall(after, zone) - BACK):
        yield moment(shown, zone)


def drawn(seed: int, name: str, window: Window, day: date, zone: ZoneInfo) -> datetime:
    """The random moment of the window that begins on `day`: the same for the same arguments."""
    begin = moment(datetime.combine(day, window.begin), zone)
    over = day if window.begin < window.end else day + timedelta(days=1)
    end = moment(datetime.combine(over, window.end), zone)
    seconds = max(1, int((end - begin).total_seconds()))
    chance = random.Random(f"{seed} {name} {day.isoformat()}")
    return begin + timedelta(seconds=chance.randrange(seconds))


def between(found: Iterable[Occurrence], until: datetime) -> Iterator[Occurrence]:
    """Those of `found`, which are in order, that are not later than `until`."""
    return takewhile(lambda occurrence: occurrence.at <= until, found)


def coming(schedule: Schedule, after: datetime, until: datetime) -> list[Occurrence]:
    """All occurrences later than `after` and not later than `until`, in order."""
    each = (between(occurrences(schedule, slot, after), until) for slot in schedule.entries)
    return sorted(chain.from_iterable(each))
