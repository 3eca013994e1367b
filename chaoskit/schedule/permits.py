"""Why an occurrence may not run: what the schedule itself says, and what must be asked elsewhere.

No answer is not a go-ahead. This module must never allow anything: it names what forbids.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

from chaoskit.model.gameday import GameDay
from chaoskit.model.schedule import Blackout, Schedule, Slot
from chaoskit.run.halting import NoAnswer, answers, succeeds
from chaoskit.schedule.moments import Occurrence, wall


def forbidden(schedule: Schedule, slot: Slot, occurrence: Occurrence) -> str:
    """What the schedule says against it, as a sentence; empty when nothing. It asks nobody."""
    shown = wall(occurrence.at, ZoneInfo(schedule.timezone))
    for blackout in schedule.blackouts:
        span = blackout.span
        if span and span[0] <= shown < span[1]:
            return _with_why(blackout)
    hours = schedule.hours(slot)
    return f"outside working hours ({hours})" if hours and not hours.holds(shown) else ""


def not_its_day(day: GameDay, occurrence: Occurrence) -> str:
    """That the moment is not one of the game day's own hours, as a sentence; else empty."""
    if day.open_at(wall(occurrence.at, ZoneInfo(day.timezone))):
        return ""
    return f"outside the game day ({day.when})"


def asked(schedule: Schedule) -> list[Blackout]:
    """The blackouts that only an answer from elsewhere can tell."""
    return [blackout for blackout in schedule.blackouts if blackout.span is None]


def refused(blackouts: Iterable[Blackout], folder: Path) -> str:
    """Ask each; the first that forbids, or gives no answer, as a sentence; else empty.

    Commands run in `folder`, not by a shell.
    """
    for blackout in blackouts:
        try:
            says_no = _answer(blackout, folder)
        except (OSError, http.client.HTTPException, NoAnswer) as error:
            said = str(error) or type(error).__name__
            return f"{blackout} cannot be asked ({said}); no answer is not a go-ahead"
        if says_no:
            return _with_why(blackout)
    return ""


def _answer(blackout: Blackout, folder: Path) -> bool:
    if blackout.http is not None:
        return answers(blackout.http, float(blackout.timeout))
    return succeeds(blackout.command or (), folder, float(blackout.timeout))


def _with_why(blackout: Blackout) -> str:
    return f"{blackout}{f': {blackout.why}' if blackout.why else ''}"
