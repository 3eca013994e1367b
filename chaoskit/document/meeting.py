"""Whether an entry of a schedule ever meets the game day that it begins, whatever the year.

A game day has a date and hours of its own; an entry that comes only outside of them would never
begin it, and nobody would know. It must never ask what time it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chaoskit.document.binding import node_at
from chaoskit.document.tree import Problems, Table
from chaoskit.model.gameday import GameDay
from chaoskit.model.schedule import DAYS, Schedule, Slot, Window


def check_meeting(
    schedule: Schedule, slot: Slot, day: GameDay, number: int, tree: Table, problems: Problems
) -> None:
    """Some moment of `cron`, or all of a `random` window, lies within the game day."""
    span = _span(day, schedule.timezone)
    if span is None:
        return
    begin, end = span
    within = f"within the game day ({day.when})"
    if slot.random is not None and not _inside(slot.random, begin, end):
        hint = (
            f"such as {{days: {DAYS[begin.weekday()]}, from: '{begin:%H:%M}', to: '{end:%H:%M}'}}"
        )
        place = node_at(tree, ("entries", number, "random"))[1]
        problems.add(place, f"{slot.random} does not lie {within}", hint)
    if slot.cron is not None and not _meets(slot.cron, begin, end):
        hint = f"such as '{begin.minute} {begin.hour} {begin.day} {begin.month} *'"
        place = node_at(tree, ("entries", number, "cron"))[1]
        problems.add(place, f"'{slot.cron}' never comes {within}", hint)


def _span(day: GameDay, timezone: str) -> tuple[datetime, datetime] | None:
    """The game day on the wall of another zone; None where a zone is a problem already."""
    try:
        there, here = ZoneInfo(day.timezone), ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return None
    begin, end = (
        wall.replace(tzinfo=there).astimezone(here).replace(tzinfo=None) for wall in day.span
    )
    return begin, end


def _meets(cron: str, begin: datetime, end: datetime) -> bool:
    """True as well for what is no cron expression, which is a problem already."""
    from cronsim import CronSim, CronSimError

    try:
        return bool(next(CronSim(cron, begin - timedelta(minutes=1))) < end)
    except (CronSimError, StopIteration):
        return True


def _inside(window: Window, begin: datetime, end: datetime) -> bool:
    """Whether the window of one of its days lies inside; one past midnight ends a day later."""
    over = timedelta(days=0 if window.begin < window.end else 1)
    return any(
        first.weekday() in window.days
        and begin <= datetime.combine(first, window.begin)
        and datetime.combine(first + over, window.end) <= end
        for first in (begin.date(), end.date())
    )
