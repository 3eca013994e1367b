"""The schedule: due times under any surge, exact counts, and parts that together are the whole."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.load.order import Order
from chaoskit.load.schedule import ticks
from chaoskit.load.timetable import Timetable
from chaoskit.model.surge import Pace, Surge
from chaoskit.model.system import Outcomes
from chaoskit.units import Duration, Rate

RATES = st.floats(0.01, 5000)
TIMES = st.floats(0.01, 100)


@dataclass
class Heard:
    """What the parent has told of the fault phase."""

    surge: float | None = None
    calm: float | None = None


@st.composite
def surges(draw: st.DrawFn) -> Surge:
    after = Duration(draw(st.floats(0, 50)))
    if draw(st.booleans()):
        rates = draw(st.lists(RATES.map(Rate), min_size=1, max_size=5))
        made = Surge(steps=tuple(rates), every=Duration(draw(TIMES)), after=after)
    else:
        over = Duration(draw(st.just(0.0) | TIMES))
        made = Surge(to=Rate(draw(RATES)), over=over, after=after)
    more = draw(st.none() | TIMES)
    lasts = None if more is None else Duration(made.rises + more)
    return made.model_copy(update={"lasts": lasts})


def paced(rate: float, surge: Surge, origin: float, calm: float | None) -> Pace:
    pace = Pace(0.0, rate)
    pace.surge(surge, origin)
    if calm is not None:
        pace.calm(origin + calm)
    return pace


def order(**changes: Any) -> Order:
    whole: dict[str, Any] = {
        "folder": "", "locustfile": "", "host": "", "rate": 40.0, "timeout": 1.0,
        "arrivals": "constant", "in_flight": 9, "outcomes": Outcomes(), "seed": 3, "parent": 1,
        "parent_is_main_thread": True, "ready": 1,
    }  # fmt: skip
    return Order(**{**whole, **changes})


@given(RATES)
def test_an_even_pace_never_drifts(rate: float) -> None:
    pace = Pace(100.0, rate)
    assert pace.due(0.0) == 100.0
    assert pace.due(499.0) == 100.0 + 499 / rate


@given(RATES, surges(), st.floats(0, 100), st.none() | TIMES)
def test_due_times_only_move_forward(
    rate: float, surge: Surge, origin: float, calm: float | None
) -> None:
    pace = paced(rate, surge, origin, calm)
    due = [pace.due(float(number)) for number in range(400)]
    assert all(b >= a - 1e-9 * max(1.0, abs(a)) for a, b in itertools.pairwise(due))


@given(RATES, surges(), st.floats(0, 100), st.none() | TIMES, st.floats(0, 300))
def test_the_count_is_the_inverse_of_the_due_time(
    rate: float, surge: Surge, origin: float, calm: float | None, moment: float
) -> None:
    pace = paced(rate, surge, origin, calm)
    assert pace.due(pace.count(moment)) == pytest.approx(moment, rel=1e-6, abs=1e-6)


@given(RATES, surges(), st.floats(1, 100), TIMES)
def test_outside_of_the_fault_phase_the_load_has_its_own_rate(
    rate: float, surge: Surge, origin: float, calm: float
) -> None:
    pace = paced(rate, surge, origin, calm)
    assert pace.count(origin) == pytest.approx(rate * origin)
    later = origin + calm
    assert pace.count(later + 10) - pace.count(later) == pytest.approx(10 * rate, rel=1e-6)


@pytest.mark.parametrize(
    ("written", "arrivals"),
    [
        ({"to": "300/s", "after": "10s", "for": "5s"}, 60 * 25 + 300 * 5),
        ({"to": "300/s", "after": "10s"}, 60 * 10 + 300 * 20),
        ({"to": "180/s", "over": "20s"}, 120 * 20 + 180 * 10),
        ({"to": "20/s", "over": "20s", "for": "25s"}, 40 * 20 + 20 * 5 + 60 * 5),
        ({"steps": ["90/s", "120/s"], "every": "10s"}, 90 * 10 + 120 * 20),
        ({"steps": ["90/s", "30/s"], "every": "5s", "after": "5s", "for": "10s"},
         60 * 5 + 90 * 5 + 30 * 5 + 60 * 15),
    ],
)  # fmt: skip
def test_a_fault_phase_of_30_s_has_exactly_the_arrivals_that_are_declared(
    written: dict[str, Any], arrivals: int
) -> None:
    pace = paced(60.0, Surge.model_validate(written), 7.0, 30.0)
    assert pace.count(37.0) - pace.count(7.0) == pytest.approx(arrivals)
    assert pace.count(47.0) - pace.count(37.0) == pytest.approx(600)


@given(st.integers())
def test_poisson_arrivals_repeat_by_seed_and_begin_at_once(seed: int) -> None:
    once = list(itertools.islice(ticks("poisson", seed), 200))
    assert once == list(itertools.islice(ticks("poisson", seed), 200))
    assert once[0] == 0.0
    assert once == sorted(once)


@given(
    st.sampled_from(["constant", "poisson"]),
    st.integers(),
    st.integers(1, 7),
    surges(),
    st.floats(0.1, 5),
)
def test_the_parts_of_all_workers_are_the_whole_schedule(
    arrivals: str, seed: int, workers: int, surge: Surge, origin: float
) -> None:
    def part(worker: int, workers: int, count: int) -> list[tuple[float, str]]:
        asked = order(arrivals=arrivals, seed=seed, worker=worker, workers=workers, surge=surge)
        table = Timetable(asked, 0.0, Heard(origin, origin + 20))
        tasks: Any = [Weighted("a", 1.0), Weighted("b", 3.0)]
        mine = itertools.islice(table.arrivals(tasks), count)
        return [(table.due(number), task.name) for number, task in mine]

    each = 60
    split = [one for worker in range(workers) for one in part(worker, workers, each)]
    assert sorted(split) == sorted(part(0, 1, each * workers))


@dataclass(frozen=True)
class Weighted:
    name: str
    weight: float


def test_a_surge_is_followed_from_when_it_is_told() -> None:
    heard = Heard()
    table = Timetable(order(surge=Surge(to=Rate(400))), 0.0, heard)
    assert table.due(400.0) == 10.0
    heard.surge = 5.0
    assert table.due(200.0) == 5.0
    assert table.due(600.0) == 6.0
    heard.calm = 6.0
    assert table.due(640.0) == 7.0


def test_without_a_surge_the_fault_phase_changes_nothing() -> None:
    assert Timetable(order(), 0.0, Heard(5.0, 6.0)).due(400.0) == 10.0
