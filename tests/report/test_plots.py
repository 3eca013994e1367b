"""Buckets, lanes and colours: what the plots rest on."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.model.samples import Outcome
from chaoskit.model.verdict import SeriesFigures
from chaoskit.report import palette, words
from chaoskit.report.buckets import fill
from chaoskit.report.frame import lanes, scene
from chaoskit.report.source import read_run
from tests.report import builder

extents = st.tuples(st.floats(0, 500), st.floats(0, 200)).map(lambda p: (p[0], p[0] + p[1] + 1))


def test_onset_alarm_and_recovery_are_marked_at_their_times(tmp_path: Path) -> None:
    """Seconds since the baseline began; the first injection was acknowledged at 30.2."""
    seen = scene(read_run(builder.held(tmp_path)), 0, 107)
    marks = {mark.name: mark.begin for mark in seen.phases}
    told = builder.IMPACT
    assert marks["impact"] == pytest.approx(30.2 + told.to_impact)
    assert marks["alarm"] == pytest.approx(30.2 + told.to_impact + told.to_detect)
    assert marks["recovered"] == pytest.approx(30.2 + told.to_recover)


@pytest.mark.parametrize("missing", ["to_impact", "to_detect"])
def test_an_alarm_that_never_came_is_not_marked(missing: str, tmp_path: Path) -> None:
    taken = builder.samples(broken=False)
    impact = builder.IMPACT.model_copy(update={missing: None})
    run = read_run(builder.write(tmp_path, builder.verdict(taken, impact=impact), taken))
    assert "alarm" not in {mark.name for mark in scene(run, 0, 107).phases}


@given(st.lists(extents, max_size=12))
def test_labels_in_one_lane_never_overlap(given_extents: list[tuple[float, float]]) -> None:
    placed = list(zip(lanes(given_extents), given_extents, strict=True))
    for (lane, (a, b)), (other, (c, d)) in itertools.combinations(placed, 2):
        assert lane != other or b <= c or d <= a


def test_every_sample_is_in_exactly_one_bucket(tmp_path: Path) -> None:
    run = read_run(builder.violated(tmp_path))
    buckets = fill(run)
    assert buckets.every.counts.sum() == len(run.samples)
    assert sum(s.counts for s in buckets.series).tolist() == buckets.every.counts.tolist()
    assert len(buckets.edges) == buckets.every.counts.shape[1] + 1


def test_rate_of_a_steady_load_is_level_to_the_end(tmp_path: Path) -> None:
    buckets = fill(read_run(builder.held(tmp_path)))
    planned = buckets.every.rate(tuple(Outcome), buckets.edges)
    assert planned == pytest.approx(builder.RATE, rel=0.05)


def test_failed_requests_make_a_percentile_endless_not_fast(tmp_path: Path) -> None:
    buckets = fill(read_run(builder.violated(tmp_path)))
    assert np.isinf(buckets.latency[2, 35:85]).all()
    assert np.isfinite(buckets.latency[:, 5:25]).all()


def test_very_long_run_has_a_bounded_number_of_buckets(tmp_path: Path) -> None:
    taken = builder.samples(broken=False, until=2000)
    told = builder.verdict(taken, spans=(), injections=())
    buckets = fill(read_run(builder.write(tmp_path, told, taken)))
    assert len(buckets.edges) <= 601
    assert buckets.every.counts.sum() == len(taken)


def test_light_colours_are_unique() -> None:
    light = [pair[0] for pair in palette.COLOURS.values()]
    assert len(light) == len(set(light))


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("ink", "paper"), ("muted", "paper"), ("muted", "surface"), ("held", "held-tint"),
        ("violated", "violated-tint"), ("inconclusive", "inconclusive-tint"), ("held", "paper"),
        ("violated", "paper"), ("inconclusive", "paper"), ("bound", "shade"), ("fault", "paper"),
    ],
)  # fmt: skip
def test_words_stand_out_from_their_ground(text: str, ground: str, theme: int) -> None:
    """WCAG 2 AA asks for a contrast of 4.5 to 1."""
    bright = sorted(_luminance(palette.COLOURS[name][theme]) for name in (text, ground))
    assert (bright[1] + 0.05) / (bright[0] + 0.05) >= 4.5


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_shares_never_round_towards_the_better_side(part: int, whole: int) -> None:
    part = min(part, whole)
    assert float(words.good_share(part, whole).split()[0]) / 100 <= part / whole + 1e-12
    assert float(words.bad_share(part, whole).split()[0]) / 100 >= part / whole - 1e-12


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (None, None, ""), (0.0241, 0.031, "24–31 ms"), (0.9, 1.2, "900 ms–1.2 s"),
        (1.2, 2.5, "1.2–2.5 s"), (0.18, None, "180 ms–∞"),
    ],
)  # fmt: skip
def test_intervals_of_latencies_say_their_unit(
    low: float | None, high: float | None, text: str
) -> None:
    assert words.p95_interval(row(p95_low=low, p95_high=high)) == text


def test_an_interval_of_a_success_is_never_narrower_than_it_is() -> None:
    found = row(success_low=0.98767, success_high=0.999912)
    assert words.success_interval(found) == "98.76–100 %"


def row(**known: float | None) -> SeriesFigures:
    return SeriesFigures(
        series="all", phase="fault", planned=1, ok=1, degraded=0, shed=0, failed=0, rate=1,
        p50=None, p95=None, p99=None, outage=0, **known,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (0.0, "0 ms"), (0.0031, "3.1 ms"), (0.212, "212 ms"), (5.8, "5.8 s"),
        (20.0, "20 s"), (4321.0, "4321 s"), (float("inf"), "∞"),
    ],
)  # fmt: skip
def test_seconds_carry_their_unit(value: float | None, text: str) -> None:
    assert words.seconds(value) == text
