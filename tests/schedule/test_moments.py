"""The rule for summer time, over two years and five zones with all their changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chaoskit.model.schedule import Schedule
from chaoskit.schedule.moments import Occurrence, coming, moment, wall
from tests.schedule.years import (
    BEGIN,
    CHANGES,
    END,
    ZONES,
    places,
    schedule,
    starts,
    times,
    zones,
)


def test_the_years_hold_every_kind_of_change() -> None:
    assert {name: len(found) for name, found in CHANGES.items()} == {
        **dict.fromkeys(ZONES, 4), "Asia/Kolkata": 0,
    }  # fmt: skip


@given(place=places)
@settings(max_examples=300, deadline=None)
def test_a_time_that_is_shown_once_is_itself(place: tuple[str, datetime]) -> None:
    zone, at = ZoneInfo(place[0]), place[1]
    found = moment(wall(at, zone), zone)
    # The second of two is taken as the first; everything else comes back unchanged.
    assert found == at or (at.astimezone(zone).fold == 1 and found < at)
    assert wall(found, zone) == wall(at, zone)


@given(place=places, minutes=st.integers(0, 400))
@example(("America/St_Johns", datetime(2026, 11, 1, 4, 30, tzinfo=UTC)), 0)  # shown twice
@settings(max_examples=300, deadline=None)
def test_moments_never_go_back(place: tuple[str, datetime], minutes: int) -> None:
    zone = ZoneInfo(place[0])
    shown = wall(place[1], zone)
    assert moment(shown, zone) <= moment(shown + timedelta(minutes=minutes), zone)


@given(place=places, minutes=st.integers(0, 400))
@settings(max_examples=300, deadline=None)
def test_a_time_in_a_gap_comes_right_after_it(place: tuple[str, datetime], minutes: int) -> None:
    zone = ZoneInfo(place[0])
    wanted = wall(place[1], zone) + timedelta(minutes=minutes)
    found = moment(wanted, zone)
    if wall(found, zone) == wanted:
        return
    before, after = (found - timedelta(seconds=1)).astimezone(zone), found.astimezone(zone)
    assert wall(before, zone) < wanted < wall(found, zone)
    assert before.utcoffset() != after.utcoffset()


@given(zone=zones, at=times)
@settings(max_examples=25, deadline=None)
def test_a_daily_entry_comes_once_each_day(zone: str, at: time) -> None:
    plan = schedule(zone, cron=f"{at.minute} {at.hour} * * *")
    found = coming(plan, BEGIN, END)
    days = [wall(one.at, ZoneInfo(zone)).date() for one in found]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
    assert 729 <= len(days) <= 731


@given(place=places, step=st.sampled_from([5, 15, 30]))
@settings(max_examples=60, deadline=None)
def test_where_one_looks_from_makes_no_difference(place: tuple[str, datetime], step: int) -> None:
    name, middle = place
    plan = schedule(name, cron=f"*/{step} * * * *")
    first, last = middle - timedelta(hours=4), middle + timedelta(hours=4)
    whole = coming(plan, first, last)
    assert whole == coming(plan, first, middle) + coming(plan, middle, last)
    assert all(one.at < other.at for one, other in pairwise(whole))


@given(zone=zones, begin=times, end=times, seed=st.integers(0, 9), middle=starts)
@settings(max_examples=25, deadline=None)
def test_a_random_moment_lies_in_its_window(
    zone: str, begin: time, end: time, seed: int, middle: datetime
) -> None:
    if begin == end:
        end = time((begin.hour + 1) % 24, begin.minute)
    window = {"from": f"{begin:%H:%M}", "to": f"{end:%H:%M}", "days": "mon-fri"}
    plan = schedule(zone, random=window).model_copy(update={"seed": seed})
    whole = coming(plan, BEGIN, END)
    assert 515 <= len(whole) <= 525
    assert whole == coming(plan, BEGIN, middle) + coming(plan, middle, END)
    outside = [one for one in whole if not _held(plan, one, ZoneInfo(zone))]
    # Only a window that lies wholly in a gap has its moment after it.
    assert all(near_a_change(one, zone) for one in outside)


def _held(plan: Schedule, one: Occurrence, zone: ZoneInfo) -> bool:
    window = plan.entries[0].random
    assert window is not None
    return window.holds(wall(one.at, zone))


def near_a_change(one: Occurrence, zone: str) -> bool:
    return any(abs(one.at - change) <= timedelta(hours=2) for change in CHANGES[zone])


def test_another_seed_draws_others_and_the_same_the_same() -> None:
    plan = schedule("Europe/Berlin", random={"from": "10:00", "to": "16:00"})
    until = BEGIN + timedelta(days=30)
    assert coming(plan, BEGIN, until) == coming(plan, BEGIN, until)
    assert coming(plan, BEGIN, until) != coming(plan.model_copy(update={"seed": 1}), BEGIN, until)


@pytest.mark.parametrize(
    ("zone", "shown", "utc"),
    [
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:00"),  # gap: at 03:00
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),  # doubled: the first
        ("Australia/Lord_Howe", "2026-10-04 02:10", "2026-10-03 15:30"),  # half an hour of gap
        ("America/New_York", "2027-03-14 02:59", "2027-03-14 07:00"),
        ("Asia/Kolkata", "2026-03-29 02:30", "2026-03-28 21:00"),
    ],
)
def test_the_rule_by_example(zone: str, shown: str, utc: str) -> None:
    expected = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert moment(datetime.fromisoformat(shown), ZoneInfo(zone)) == expected
