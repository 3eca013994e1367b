"""One line of a contract: `checkout p95 vs baseline <= x1.5 for 10s`, parsed from the right.

Grammar (DESIGN section 5): [<series>] <metric> [vs baseline] <op> <bound> [for <duration>].
This module must never judge anything; it only says what is claimed.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from chaoskit.units import Duration, Rate, Ratio, plain, scaled

Op = Literal["<=", ">=", "<", ">", "=="]
BoundKind = Literal["ratio", "seconds", "rate", "factor", "points"]

SHARES = ("success", "degraded", "shed", "failed")
METRICS = (*SHARES, "p50", "p90", "p95", "p99", "p99.9", "rate", "max", "outage")
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "==": operator.eq,
}  # fmt: skip
_PERCENTILE = re.compile(r"p([0-9]{1,2}(?:\.[0-9]+)?)")
_OPERATOR = re.compile(r"(?<![<>=])(<=|>=|==|<|>)(?![<>=])")


@dataclass(frozen=True)
class Bound:
    """The number on the right: its kind and its value in base units.

    `ratio` 0..1, `seconds`, `rate` per second, `factor` (x1.5 -> 1.5) and
    `points` (+0.5pt -> 0.005) of the baseline's figure.
    """

    kind: BoundKind
    value: float

    def __str__(self) -> str:
        if self.kind == "ratio":
            return Ratio(self.value).exact()
        if self.kind == "seconds":
            return Duration(self.value).exact()
        if self.kind == "rate":
            return Rate(self.value).exact()
        number = Decimal(repr(self.value))
        if self.kind == "factor":
            return f"x{plain(number)}"
        return f"{'' if self.value < 0 else '+'}{plain(number.scaleb(2))}pt"


@dataclass(frozen=True)
class Expectation:
    """A claim about one metric of one series. `window` is the duration after `for`, in seconds."""

    series: str
    metric: str
    op: Op
    bound: Bound
    vs_baseline: bool = False
    window: Duration | None = None

    def __str__(self) -> str:
        versus = " vs baseline" if self.vs_baseline else ""
        tail = f" for {self.window.exact()}" if self.window is not None else ""
        return f"{_quoted(self.series)} {self.metric}{versus} {self.op} {self.bound}{tail}"

    @property
    def percentile(self) -> float | None:
        """The quantile of a latency percentile as 0..1, otherwise None."""
        match = _PERCENTILE.fullmatch(self.metric)
        return float(match[1]) / 100 if match else None

    def satisfied_by(self, value: float, bound: float | None = None) -> bool:
        """Compare `value` with the bound (or with `bound`, when it depends on the baseline)."""
        return COMPARE[self.op](value, self.bound.value if bound is None else bound)

    @classmethod
    def parse(cls, text: str) -> Expectation:
        """Read one expectation; raises ValueError with a sentence that says how to mend it."""
        window, rest = _split_window(text.strip())
        left, op, right = _split_operator(rest, text)
        series, metric, versus = _split_left(left)
        bound = _parse_bound(right, metric, versus)
        return cls(series, metric, op, bound, versus, window)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            _validate,
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {
            "type": "string",
            "description": "[<series>] <metric> [vs baseline] <op> <bound> [for <duration>]",
            "examples": ["checkout success >= 99.5%", "browse p95 < 300ms", "order outage <= 12s"],
        }


def _validate(value: Any) -> Expectation:
    if isinstance(value, Expectation):
        return value
    if isinstance(value, str):
        return Expectation.parse(value)
    raise ValueError(
        "expected a line such as checkout success >= 99.5% "
        "(quote it when the name has brackets or a colon)"
    )


def _split_window(text: str) -> tuple[Duration | None, str]:
    head, found, tail = text.rpartition(" for ")
    if found and not _OPERATOR.search(tail):
        window = Duration.parse(tail)
        if not window:
            raise ValueError("'for' needs a duration longer than 0s")
        return window, head.strip()
    return None, text


def _split_operator(text: str, whole: str) -> tuple[str, Op, str]:
    matches = list(_OPERATOR.finditer(text))
    if not matches:
        raise ValueError(f"'{whole}' has no comparison; use one of <= < >= > ==")
    last = matches[-1]
    op: Any = last[1]
    return text[: last.start()].strip(), op, text[last.end() :].strip()


def _split_left(left: str) -> tuple[str, str, bool]:
    versus = left.endswith(" vs baseline")
    words = left.removesuffix(" vs baseline").strip()
    series, _, metric = words.rpartition(" ")
    if not metric:
        raise ValueError(f"a metric is missing; use one of {', '.join(METRICS)}")
    if metric not in METRICS and not _PERCENTILE.fullmatch(metric):
        near = difflib.get_close_matches(metric, METRICS, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(METRICS)}"
        raise ValueError(f"unknown metric '{metric}', {hint}")
    return _unquoted(series.strip()) or "all", metric, versus


def _unquoted(series: str) -> str:
    paired = len(series) >= 2 and series[0] == series[-1] and series[0] in "\"'"
    return series[1:-1] if paired else series


def _quoted(series: str) -> str:
    plainly = series == series.strip() == _unquoted(series) and not re.search(r"[\s\[]", series)
    return series if plainly else f'"{series}"'


def _parse_bound(text: str, metric: str, versus: bool) -> Bound:
    if versus:
        return _parse_relative(text, metric)
    if metric in SHARES:
        share = Ratio.parse(text)
        if share > 1:
            raise ValueError(f"{metric} is a share of all planned requests, at most 100%")
        return Bound("ratio", float(share))
    if metric == "rate":
        return Bound("rate", float(Rate.parse(text)))
    return Bound("seconds", float(Duration.parse(text)))


def _parse_relative(text: str, metric: str) -> Bound:
    if factor := re.fullmatch(r"x\s*([0-9]+(?:\.[0-9]+)?)", text):
        return Bound("factor", scaled(factor[1], 1.0))
    if points := re.fullmatch(r"([+-][0-9]+(?:\.[0-9]+)?)\s*pt", text):
        if metric not in SHARES:
            raise ValueError(f"'{text}' is in points of a share; for {metric} use a factor: x1.5")
        return Bound("points", scaled(points[1], 0.01))
    raise ValueError(f"expected a bound against the baseline such as x1.5 or +0.5pt, got '{text}'")
