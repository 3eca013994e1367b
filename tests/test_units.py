"""Quantities: the unit is mandatory, and what is printed can be read again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.units import Duration, Quantity, Rate, Ratio, Size, Throughput

KINDS = (Duration, Ratio, Size, Throughput, Rate)
written = st.decimals(min_value=0, max_value=99999, places=4).map(lambda d: f"{d:f}")
kinds = st.sampled_from(KINDS)


@given(kinds, written, st.data())
def test_what_a_person_writes_is_printed_so_that_it_reads_the_same(kind, number, data):
    value = kind.parse(number + data.draw(st.sampled_from(sorted(kind.UNITS))))
    assert kind.parse(value.exact()) == value


@given(written, st.sampled_from(["us", "ms", "s", "m", "h"]))
def test_a_written_duration_survives_str(number, unit):
    value = Duration.parse(f"{float(number):.8g}{unit}" if "e" not in number else f"1{unit}")
    shown = Duration.parse(str(value))
    assert shown == value


@given(st.integers(0, 10**9))
def test_a_written_percentage_survives_str(hundred_thousandths):
    value = Ratio.parse(f"{hundred_thousandths / 10**7:.7f}%")
    assert Ratio.parse(str(value)) == value


@given(kinds, st.floats(min_value=0, max_value=1e15, allow_nan=False))
def test_exact_text_loses_nothing_of_a_computed_value(kind, number):
    assert kind.parse(kind(number).exact()) == number


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Duration, "200ms", 0.2),
        (Duration, "1.5s", 1.5),
        (Duration, "2min", 120),
        (Duration, " 30 s ", 30),
        (Ratio, "99.9%", 0.999),
        (Ratio, "7%", 0.07),
        (Size, "64KB", 64000),
        (Size, "1KiB", 1024),
        (Throughput, "100KB/s", 100000),
        (Rate, "60/s", 60),
        (Rate, "60/min", 1),
    ],
)
def test_text_is_read_to_the_nearest_float(kind, text, value):
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Duration(0.2), "200ms"),
        (Duration(12.345), "12.345s"),
        (Duration(60), "1m"),
        (Duration(90), "90s"),
        (Duration(0.1234567890123), "123.5ms"),
        (Duration(-0.5), "-500ms"),
        (Duration(math.inf), "infs"),
        (Ratio(0.995), "99.5%"),
        (Ratio(1 / 3), "33.33333333%"),
        (Ratio(0.9999999), "99.99999%"),
        (Rate(50 / 60), "50/min"),
        (Size(200e6), "200MB"),
        (Throughput(100e3), "100KB/s"),
    ],
)
def test_printed_short(value, text):
    assert str(value) == text


@pytest.mark.parametrize("text", ["300", "", "s", "3 parsecs", "1e3s", "1,5s", "٣s", "--1s"])
def test_a_duration_without_its_unit_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="expected a duration such as 200ms or 30s"):
        Duration.parse(text)


@pytest.mark.parametrize("kind", KINDS)
def test_negative_and_endless_numbers_are_refused(kind: type[Quantity]):
    unit = next(iter(kind.UNITS))
    with pytest.raises(ValueError, match="cannot be negative"):
        kind.parse(f"-1{unit}")
    with pytest.raises(ValueError, match="too large"):
        kind.parse("9" * 400 + unit)
