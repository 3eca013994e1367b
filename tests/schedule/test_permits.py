"""What forbids wins over everything, at any moment of two years, and a halt over all of that."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from chaoskit.model.schedule import Schedule
from chaoskit.run.clock import SystemClock
from chaoskit.schedule.moments import Occurrence, wall
from chaoskit.schedule.permits import forbidden
from tests.schedule.desk import Desk
from tests.schedule.years import places

ALWAYS = {"from": "00:00", "to": "23:59"}
minutes = st.integers(0, 3000)


def asked(zone: str, at: datetime, **more: Any) -> str:
    entry = {"name": "it", "run": ["x.yaml"], "cron": "0 10 * * *"}
    made = Schedule.model_validate({"schedule": "s", "timezone": zone, "entries": [entry], **more})
    return forbidden(made, made.entries[0], Occurrence(at.astimezone(UTC), "it"))


def blackout(begin: datetime, end: datetime) -> dict[str, str]:
    """From minute to minute, as it is written: by the wall clock of the zone."""
    return {"from": f"{begin:%Y-%m-%d %H:%M}", "to": f"{end:%Y-%m-%d %H:%M}"}


@given(place=places, before=minutes, after=st.integers(1, 3000), other=minutes)
@settings(max_examples=300, deadline=None)
def test_within_a_blackout_nothing_runs_whatever_else_is_said(
    place: tuple[str, datetime], before: int, after: int, other: int
) -> None:
    zone, at = place
    shown = wall(at, ZoneInfo(zone)).replace(second=0, microsecond=0)
    inside = blackout(shown - timedelta(minutes=before), shown + timedelta(minutes=after))
    past = blackout(shown - timedelta(minutes=other + 9), shown - timedelta(minutes=other + 1))
    for blackouts in ([inside], [inside, past], [past, inside]):
        assert "blackout" in asked(zone, at, blackouts=blackouts)
        assert "blackout" in asked(zone, at, blackouts=blackouts, working_hours=ALWAYS)


@given(place=places, gap=minutes, length=st.integers(1, 3000))
@settings(max_examples=300, deadline=None)
def test_outside_of_it_a_blackout_forbids_nothing(
    place: tuple[str, datetime], gap: int, length: int
) -> None:
    zone, at = place
    shown = wall(at, ZoneInfo(zone)).replace(second=0, microsecond=0)
    later = shown + timedelta(minutes=gap + 1)
    earlier = shown - timedelta(minutes=gap)
    around = [
        blackout(later, later + timedelta(minutes=length)),
        blackout(earlier - timedelta(minutes=length), earlier),
    ]
    assert asked(zone, at, blackouts=around) == ""


HOURLY = """\
schedule: shop
entries:
  - {name: hourly, run: [cache-loss.yaml], cron: "0 * * * *"}
blackouts: [{from: "2026-06-01 12:00", to: "2026-06-01 15:30"}]
"""
ACTIONS = st.sampled_from(["nothing", "halt", "lift"])


@given(actions=st.lists(ACTIONS, min_size=9, max_size=9))
@settings(max_examples=40, deadline=None)
def test_a_halt_wins_in_every_order_of_events(actions: list[str]) -> None:
    with tempfile.TemporaryDirectory() as made:
        desk, halted, expected = Desk(Path(made), HOURLY), False, []
        desk.once("2026-06-01 08:30")
        for hour, action in enumerate(actions, 9):
            if action == "halt":
                desk.state.halt("fire", SystemClock())
            if action == "lift":
                desk.state.lift()
            halted = action == "halt" or (halted and action != "lift")
            desk.once(f"2026-06-01 {hour:02}:00")
            expected += [] if halted or 12 <= hour <= 15 else [(f"01 {hour:02}:00", "cache-loss")]
        assert desk.runs.ran == expected
