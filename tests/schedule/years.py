"""Two years in five zones with all their changes of the clock, to draw moments from."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from chaoskit.model.schedule import Schedule

# North and south, half an hour of summer time, a half hour of offset, and none at all.
ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata",
)  # fmt: skip
BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
MINUTES = int((END - BEGIN).total_seconds()) // 60
zones = st.sampled_from(ZONES)
starts = st.integers(0, MINUTES).map(lambda n: BEGIN + timedelta(minutes=n))
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))


def changes(zone: ZoneInfo) -> list[datetime]:
    """The hours within which the clock changes."""
    hours = [BEGIN + timedelta(hours=n) for n in range(MINUTES // 60)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    pairs = zip(hours, pairwise(offsets), strict=False)
    return [hour for hour, (one, other) in pairs if one != other]


CHANGES = {name: changes(ZoneInfo(name)) for name in ZONES}
# Moments near a change are what matters, so half of all are drawn from there.
near = st.sampled_from([(n, c) for n, found in CHANGES.items() for c in found]).flatmap(
    lambda pair: st.tuples(
        st.just(pair[0]), st.integers(-300, 300).map(lambda m: pair[1] + timedelta(minutes=m))
    )
)
places = near | st.tuples(zones, starts)


def schedule(zone: str, **when: object) -> Schedule:
    entry = {"name": "it", "run": ["x.yaml"], **when}
    return Schedule.model_validate({"schedule": "s", "timezone": zone, "entries": [entry]})
