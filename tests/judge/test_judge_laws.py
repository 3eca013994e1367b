"""Laws of the whole verdict: what must leave no trace in it, and what must never better it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_build import FAILED, OK, build, experiment, injection, timeline

from chaoskit.judge.harm import harmed
from chaoskit.judge.live import spent
from chaoskit.judge.samples import Samples
from chaoskit.judge.verdict import judge
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Status, Verdict

# The baseline lasts to 30 s, the fault from there to 90 s, the hold from 96 s to 106 s.
RATE, END, FAULT = 10, 106, (30.0, 90.0)
SERIES = ("browse", "checkout")
CONTRACT = (
    "success >= 95%", "checkout success >= 90% for 10s", "checkout p95 < 300ms", "outage <= 2s",
    "browse p90 vs baseline <= x2", "checkout failed vs baseline <= +4pt", "rate >= 5/s",
)  # fmt: skip
STEADY = ("browse success >= 90%", "checkout success >= 90%", "p95 < 300ms")
ORDER = {Status.VIOLATED: 0, Status.INCONCLUSIVE: 1, Status.HELD: 2}
PLACES = st.sets(st.integers(int(FAULT[0]) * RATE, int(FAULT[1]) * RATE - 1), max_size=120)
SEEDS = st.integers(0, 5)
FEW = settings(max_examples=15)


def rows(seed: int, bad: set[int], names: tuple[str, str] = SERIES) -> list:
    """A run at 10/s in which the requests at `bad` failed."""
    random = np.random.default_rng(seed)
    latency = random.lognormal(np.log(0.03), 0.5, END * RATE)
    which = random.integers(0, 2, END * RATE)
    return [
        (i / RATE, names[which[i]], FAILED if i in bad else OK, float(latency[i]))
        for i in range(END * RATE)
    ]


def verdict(samples: Samples, names: tuple[str, str] = SERIES, **changes) -> Verdict:
    claims = {"expect": CONTRACT, "steady_state": STEADY}
    for key, texts in claims.items():
        for old, new in zip(SERIES, names, strict=True):
            texts = tuple(text.replace(old, new) for text in texts)
        claims[key] = texts
    return judge(
        experiment(**claims, load={"locustfile": "load.py", "rate": f"{RATE}/s"}),
        course(**changes), samples,
        system="shop", runtime="fake", started_at="", version="",
    )  # fmt: skip


def course(**changes) -> Timeline:
    return timeline(
        injections=(injection(begun=29.9, acknowledged=30.0, revert_begun=90.0),), **changes
    )


@FEW
@given(SEEDS, PLACES, st.lists(st.integers(0, END * RATE), max_size=3), st.randoms())
def test_the_order_and_the_number_of_workers_files_leave_no_trace(seed, bad, cuts, random) -> None:
    every = rows(seed, bad)
    dealt = [[] for _ in range(len(cuts) + 1)]
    for row in every:
        random.choice(dealt).append(row)
    files = [build(part, random.choice([SERIES, SERIES[::-1]])) for part in dealt]
    random.shuffle(files)
    assert verdict(Samples.empty().merge(*files)) == verdict(Samples.empty().merge(build(every)))


@FEW
@given(SEEDS, PLACES, st.lists(st.integers(0, END * RATE), max_size=9))
def test_how_samples_came_in_and_were_cut_leaves_no_trace(seed, bad, cuts) -> None:
    every = build(rows(seed, bad), SERIES)
    borders = [0, *sorted(c / RATE for c in cuts), END]
    parts = [every.between(low, high) for low, high in pairwise(borders)]
    assert verdict(parts[0].merge(*parts[1:])) == verdict(every)


@FEW
@given(SEEDS, PLACES, st.floats(-1e6, 1e6))
def test_when_a_run_took_place_leaves_no_trace(seed, bad, shift) -> None:
    # To a power of two, so that moved times differ as they did before.
    shift = float(round(shift / 4096) * 4096)
    every = build(rows(seed, bad), SERIES)
    array = every.array.copy()
    array["start"] += shift
    found = judge(
        experiment(expect=CONTRACT, steady_state=STEADY), moved(course(), shift),
        Samples(array, SERIES), system="shop", runtime="fake", started_at="", version="",
    )  # fmt: skip
    here = judge(
        experiment(expect=CONTRACT, steady_state=STEADY), course(), every,
        system="shop", runtime="fake", started_at="", version="",
    )  # fmt: skip
    assert [g.status for g in found.gates] == [g.status for g in here.gates]


def moved(told: Timeline, by: float) -> Timeline:
    spans = tuple(s.model_copy(update={"begin": s.begin + by, "end": s.end + by})
                  for s in told.spans if s.end is not None)  # fmt: skip
    (one,) = told.injections
    times = {
        key: getattr(one, key) + by for key in ("begun", "acknowledged", "revert_begun", "reverted")
    }
    looks = tuple((t + by, evidence) for t, evidence in one.evidence)
    return told.model_copy(update={
        "spans": spans, "injections": (one.model_copy(update={**times, "evidence": looks}),),
        "revert_acknowledged": (told.revert_acknowledged or 0) + by,
        "steady_at": (told.steady_at or 0) + by,
        "full_strength_at": (told.full_strength_at or 0) + by,
    })  # fmt: skip


NAMES = st.text("abcdefgh", min_size=1, max_size=6)


@FEW
@given(SEEDS, PLACES, NAMES, NAMES)
def test_the_names_of_endpoints_leave_no_trace(seed, bad, one, other) -> None:
    names = (f"x{one}", f"y{other}")
    renamed = verdict(build(rows(seed, bad, names)), names)
    usual = verdict(build(rows(seed, bad)))
    assert renamed.status == usual.status
    stated = [[g for g in v.gates if not g.implied] for v in (renamed, usual)]
    for mine, theirs in zip(*stated, strict=True):
        assert (mine.status, mine.observed, mine.low, mine.high, mine.samples, mine.missing) == (
            theirs.status, theirs.observed, theirs.low, theirs.high, theirs.samples,
            theirs.missing,
        )  # fmt: skip


@settings(max_examples=30)
@given(SEEDS, PLACES, PLACES)
def test_more_bad_requests_never_better_a_verdict(seed, first, second) -> None:
    fewer, more = (verdict(build(rows(seed, bad))) for bad in (first, first | second))
    assert ORDER[more.status] <= ORDER[fewer.status]
    stated = [[g for g in v.gates if g.phase == "fault"] for v in (fewer, more)]
    for before, after in zip(*stated, strict=True):
        assert ORDER[after.status] <= ORDER[before.status], after.expectation


@settings(max_examples=30)
@given(SEEDS, PLACES, st.floats(1, 50))
def test_slower_answers_never_better_a_verdict(seed, slowed, by) -> None:
    every = build(rows(seed, set()), SERIES)
    array = every.array.copy()
    array["latency"][sorted(slowed)] *= by
    slower, usual = verdict(Samples(array, SERIES)), verdict(every)
    assert ORDER[slower.status] <= ORDER[usual.status]


@FEW
@given(SEEDS, PLACES, PLACES, st.integers(31, 90))
def test_what_ends_a_run_early_does_so_too_with_more_bad_requests(seed, first, second, now) -> None:
    claims = experiment(expect=CONTRACT).expect
    found = []
    for bad in (first, first | second):
        samples = build(rows(seed, bad), SERIES)
        seen, before = samples.between(0, now), samples.between(0, 30)
        ends = spent(claims, seen, 30, now, 90, RATE, baseline=before)
        found.append(ends or harmed(claims, seen, 30, now, baseline=before))
    assert found[0] is None or found[1] is not None


@FEW
@given(SEEDS, PLACES, st.integers(31, 89), st.integers(31, 90))
def test_what_ended_a_run_would_have_ended_it_at_every_later_look(seed, bad, one, other) -> None:
    claims = experiment(expect=CONTRACT).expect
    samples = build(rows(seed, bad), SERIES)
    found = []
    for now in sorted((one, other)):
        seen, before = samples.between(0, now), samples.between(0, 30)
        ends = spent(claims, seen, 30, now, 90, RATE, baseline=before)
        found.append(ends or harmed(claims, seen, 30, now, baseline=before))
    assert found[0] is None or found[1] is not None


@FEW
@given(SEEDS, PLACES)
def test_no_answer_is_bettered_by_being_refused_politely(seed, bad) -> None:
    # Shed answers leave the latencies; they must not make a failing run look well.
    every = build(rows(seed, bad), SERIES)
    array = every.array.copy()
    failed = every.outcome == Outcome.FAILED
    array["code"][failed] = int(Outcome.SHED) << 14 | 503
    shed = verdict(Samples(array, SERIES))
    usual = verdict(build(rows(seed, set())))
    assert ORDER[shed.status] <= ORDER[usual.status]


def test_all_three_verdicts_occur_here() -> None:
    found = [verdict(build(rows(0, bad))).status for bad in (set(), set(range(300, 900, 25)))]
    assert found == [Status.HELD, Status.INCONCLUSIVE]
    assert verdict(build(rows(0, set(range(300, 420))))).status is Status.VIOLATED
