"""Samples: torn tails, slices, and worker files joined in any order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge_build import DEGRADED, FAILED, OK, SHED, Row, build

from chaoskit.errors import LoadError
from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.model.samples import RECORD, pack

OUTCOMES = st.sampled_from([OK, DEGRADED, SHED, FAILED])
ROWS = st.lists(
    st.tuples(
        st.integers(0, 80).map(lambda n: n / 8),
        st.sampled_from(["a", "b", "c"]),
        OUTCOMES,
        st.integers(0, 16).map(lambda n: n / 16),
    ),
    max_size=40,
)


def _rows(samples: Samples) -> list[tuple[float, str, int, float]]:
    parts = (samples.start, samples.array["series"], samples.outcome, samples.latency)
    return [
        (float(t), samples.names[s], int(o), float(lat))
        for t, s, o, lat in zip(*parts, strict=True)
    ]


def test_the_array_has_the_layout_of_the_model() -> None:
    assert DTYPE.itemsize == RECORD.size == 16


def test_fields_read_what_a_worker_packed() -> None:
    samples = Samples.from_bytes(pack(12.5, 0.25, 1, SHED, 503), ("a", "b"))
    assert samples.start.tolist() == [12.5]
    assert samples.latency.tolist() == [0.25]
    assert samples.outcome.tolist() == [SHED]
    assert samples.status.tolist() == [503]


@given(ROWS, st.integers(0, 15))
def test_a_torn_tail_is_cut(rows: list[Row], torn: int) -> None:
    whole = build(rows, ("a", "b", "c"))
    read = Samples.from_bytes(whole.to_bytes() + b"\xff" * torn, whole.names)
    assert read.to_bytes() == whole.to_bytes()


def test_a_series_without_a_name_is_an_error_that_says_so() -> None:
    with pytest.raises(LoadError, match="series 3, but only 1 names"):
        Samples.from_bytes(pack(0, 0, 3, OK, 200), ("a",))


@given(ROWS)
def test_samples_are_sorted_by_start_whatever_came_first(rows: list[Row]) -> None:
    assert sorted(_rows(build(rows, ("a", "b", "c")))) == sorted(
        (*r[:2], int(r[2]), r[3]) for r in rows
    )
    assert np.all(np.diff(build(rows, ("a", "b", "c")).start) >= 0)


@given(st.lists(ROWS, min_size=1, max_size=4), st.randoms())
def test_the_order_of_worker_files_leaves_no_trace(parts: list[list[Row]], random) -> None:
    tables = [("a", "b", "c"), ("c", "a", "b", "unused"), ("b", "c", "a"), ("c", "b", "a")]
    files = [build(rows, names) for rows, names in zip(parts, tables, strict=False)]
    shuffled = random.sample(files, len(files))
    one, other = files[0].merge(*files[1:]), shuffled[0].merge(*shuffled[1:])
    assert one.names == other.names
    assert one.to_bytes() == other.to_bytes()
    assert sorted(_rows(one)) == sorted(row for file in files for row in _rows(file))


@given(ROWS, st.integers(0, 80), st.integers(0, 80))
def test_between_takes_the_begin_and_not_the_end(rows: list[Row], low: int, high: int) -> None:
    begin, end = low / 8, high / 8
    kept = build(rows, ("a", "b", "c")).between(begin, end)
    assert sorted(kept.start.tolist()) == sorted(r[0] for r in rows if begin <= r[0] < end)


def test_of_takes_one_series_all_of_them_or_none() -> None:
    samples = build([(0, "a", OK, 0), (1, "b", OK, 0), (2, "a", FAILED, 0)])
    assert samples.of("a").start.tolist() == [0, 2]
    assert len(samples.of("all")) == 3
    assert len(samples.of("never heard of")) == 0


def test_nothing_is_empty_and_merges_with_something() -> None:
    some = build([(0, "a", OK, 0)])
    assert len(Samples.empty()) == 0
    assert Samples.empty().merge(some).to_bytes() == some.to_bytes()
    assert len(Samples.empty().between(0, 9).of("a")) == 0
