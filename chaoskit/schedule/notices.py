"""What people are told of an entry before it begins. It must never tell a step of a game day."""

from __future__ import annotations

import socket
from pathlib import Path

from chaoskit.document.gamedays import BoundGameDay
from chaoskit.document.schedules import BoundSchedule


def titled(bound: BoundSchedule, name: str) -> str:
    """An entry as people know it: the game day's title, or the entry's own name."""
    day = bound.gamedays.get(name)
    return f"game day '{day.gameday.title}' ({name})" if day else name


def contents(bound: BoundSchedule, name: str) -> str:
    """What an entry holds, in a line: its experiments, or the game day's title and hours."""
    day = bound.gamedays.get(name)
    if day is not None:
        return f"game day: {day.gameday.title} ({_end(day)})"
    return ", ".join(one.experiment.experiment for one in bound.experiments[name])


def notice(bound: BoundSchedule, name: str, when: str) -> str:
    """The text of the notice. Of a game day's steps it tells nothing: they may be blind."""
    off = f"To call it off: chaoskit schedule skip {name} --file {bound.path.name}"
    day = bound.gamedays.get(name)
    if day is None:
        return f"chaoskit will run {name} at {when}. {off}"
    people = ", ".join(day.gameday.people.everybody())
    return (
        f"chaoskit will begin the {titled(bound, name)} at {when}, {_end(day)}, with "
        f"{people}. Its console is opened on {socket.gethostname()}; once it has begun, its "
        f"address is told there by: chaoskit gameday where {_near(day.path, bound.path)}. {off}"
    )


def _end(day: BoundGameDay) -> str:
    return f"to {day.gameday.window.end:%H:%M} {day.gameday.timezone}"


def _near(path: Path, schedule: Path) -> str:
    """A path as the schedule names it."""
    folder = schedule.parent
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
