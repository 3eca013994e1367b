"""The one grammar of expectations: read from the right, printed so that it reads the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.model.expectation import METRICS, SHARES, Expectation
from chaoskit.units import Duration

OPS = st.sampled_from(["<=", ">=", "<", ">", "=="])
number = st.decimals(min_value=0, max_value=100, places=3).map(lambda d: f"{d:f}")
LETTERS = st.characters(categories=["L", "N"], include_characters="/?=&-_[]{}:#. ")
series = st.text(LETTERS, max_size=20).map(str.strip).filter(bool)


@st.composite
def lines(draw):
    """Any expectation that a person could write."""
    metric = draw(st.sampled_from([*METRICS, "p75", "p99.99"]))
    versus = draw(st.booleans())
    bound = draw(number)
    if versus and metric in SHARES and draw(st.booleans()):
        bound = f"{draw(st.sampled_from('+-'))}{bound}pt"
    elif versus:
        bound = f"x{bound}"
    elif metric in SHARES:
        bound += "%"
    elif metric == "rate":
        bound += draw(st.sampled_from(["/s", "/min"]))
    else:
        bound += draw(st.sampled_from(["us", "ms", "s", "m", "h"]))
    window = draw(st.sampled_from(["", " for 10s", " for 1.5m", " for 250ms"]))
    left = f"{draw(series)} {metric}" + (" vs baseline" if versus else "")
    return f"{left} {draw(OPS)} {bound}{window}"


@given(lines())
def test_printed_and_read_again_it_is_the_same(line):
    expectation = Expectation.parse(line)
    assert Expectation.parse(str(expectation)) == expectation


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("success >= 99.5%", "all success >= 99.5%"),
        ("checkout p95 < 300ms", "checkout p95 < 300ms"),
        ("GET /a/b success >= 99%", '"GET /a/b" success >= 99%'),
        ("'browse[1]' p99.9 < 12345ms", '"browse[1]" p99.9 < 12.345s'),
        ("order outage <= 12s", "order outage <= 12s"),
        ("p95 vs baseline <= x1.5 for 10s", "all p95 vs baseline <= x1.5 for 10s"),
        ("failed vs baseline <= +0.7pt", "all failed vs baseline <= +0.7pt"),
        ("rate > 50/min", "all rate > 50/min"),
        ("wait for it success >= 1%", '"wait for it" success >= 1%'),
        ("a<b p50 < 1s", "a<b p50 < 1s"),
    ],
)
def test_spelling(line, printed):
    assert str(Expectation.parse(line)) == printed


def test_bounds_are_in_base_units():
    assert Expectation.parse("failed vs baseline <= +0.7pt").bound.value == 0.007
    assert Expectation.parse("success >= 99.9%").bound.value == 0.999
    assert Expectation.parse("p95 < 300ms for 2s").window == Duration(2)
    assert Expectation.parse("p99.9 < 300ms").percentile == pytest.approx(0.999)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("checkout success", "has no comparison; use one of <= < >= > =="),
        ("checkout success = 99%", "has no comparison"),
        ("checkout sucess >= 99%", "unknown metric 'sucess', did you mean 'success'?"),
        ("checkout p100 < 1s", "unknown metric 'p100'"),
        (">= 99%", "a metric is missing"),
        ("success >= 99", "expected a percentage such as 99.5%, got '99'"),
        ("success >= 101%", "at most 100%"),
        ("p95 < 300", "expected a duration such as 200ms or 30s, got '300'"),
        ("rate > 5", "expected a rate such as 60/s, got '5'"),
        ("p95 vs baseline <= 300ms", "such as x1.5 or [+]0.5pt, got '300ms'"),
        ("p95 vs baseline <= +1pt", "for p95 use a factor: x1.5"),
        ("success >= 99% for ten", "expected a duration"),
        ("success >= 99% for 0s", "longer than 0s"),
    ],
)
def test_a_wrong_line_says_how_to_mend_it(line, complaint):
    with pytest.raises(ValueError, match=complaint):
        Expectation.parse(line)
