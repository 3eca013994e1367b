"""Figures as people read them. A shown figure must never stand on the wrong side of its bound."""

from __future__ import annotations

import math

from chaoskit.judge.claims import Claim
from chaoskit.model.expectation import SHARES

_DIGITS = (3, 4, 5, 6, 8, 10, 12, 17)


def shown(metric: str, value: float | None, bound: float = math.nan) -> str:
    """`99.2 %`, `212 ms`, `58.3/s`, `∞ (failed)`; with enough digits to tell it from `bound`."""
    if value is None:
        return "no data"
    if math.isinf(value):
        return "∞ (failed)"
    if metric in SHARES:
        return f"{_figure(value * 100, (bound * 100, 0.0, 100.0))} %"
    if metric == "rate":
        return f"{_figure(value, (bound,))}/s"
    return seconds(value, bound)


def seconds(value: float, bound: float = math.nan) -> str:
    """`212 ms` below a second, `1.23 s` from there."""
    if 0 < abs(value) < 1:
        return f"{_figure(value * 1000, (bound * 1000,))} ms"
    return f"{_figure(value, (bound,))} s"


def _figure(value: float, borders: tuple[float, ...]) -> str:
    for digits in _DIGITS:
        text = f"{value:.{digits}g}"
        if all(_side(float(text), b) == _side(value, b) for b in borders):
            break
    return _plain(float(text))


def _side(value: float, border: float) -> int:
    if math.isnan(border) or math.isclose(value, border, rel_tol=1e-9, abs_tol=1e-12):
        return 0
    return 1 if value > border else -1


def _plain(value: float) -> str:
    text = f"{value:.12f}".rstrip("0").rstrip(".")
    return text if text not in ("", "-0") else "0"


def bound_text(claim: Claim) -> str:
    """`>= 99%`; against the baseline also what that is in figures."""
    expectation = claim.expectation
    text = f"{expectation.op} {expectation.bound}"
    if not expectation.vs_baseline:
        return text
    figure = "" if math.isnan(claim.bound) else f" ({shown(claim.metric, claim.bound)})"
    return f"{text} of the baseline{figure}"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
