"""Durations, ratios, sizes and rates: parsed from text that must carry its unit, printed short.

Each is a float subclass, so arithmetic gives plain floats and JSON stays plain. This module
must never guess a unit: `300` is an error, `300ms` is not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, ClassVar, Self

_NUMBER = r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
# What a person writes has at most this many digits; a computed figure is shown with four.
_WRITTEN = Context(prec=10)


def scaled(number: str, factor: float) -> float:
    """`number` times `factor`, rounded once, so that 99.9% is exactly 0.999.

    Raises ValueError when the product is too large for a float.
    """
    try:
        return float(Fraction(number) * Fraction(factor).limit_denominator(10**6))
    except OverflowError:
        raise ValueError(f"'{number}' is too large a number") from None


def plain(number: Decimal) -> str:
    """`number` without an exponent and without trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Quantity(float):
    """A number with a unit; the float value is in the base unit of the class.

    `exact` loses nothing: parse(x.exact()) == x. `str` equals it for figures that a person
    would write (ten digits at most) and rounds computed ones to four digits, for display.
    """

    UNITS: ClassVar[Mapping[str, float]] = {}
    BASE: ClassVar[str] = ""
    EXAMPLE: ClassVar[str] = ""
    NOUN: ClassVar[str] = "quantity"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `text`; raises ValueError with a sentence that shows a correct example."""
        match = re.fullmatch(_NUMBER + r"\s*(\S*)", text.strip())
        if not match or match[2] not in cls.UNITS:
            raise ValueError(f"expected a {cls.NOUN} such as {cls.EXAMPLE}, got '{text}'")
        value = scaled(match[1], cls.UNITS[match[2]])
        if value < 0:
            raise ValueError(f"a {cls.NOUN} cannot be negative, got '{text}'")
        return cls(value)

    def exact(self) -> str:
        """Text from which `parse` reads this very value."""
        return self._written() or plain(Decimal(repr(float(self)))) + self.BASE

    def __str__(self) -> str:
        if not math.isfinite(self):
            return f"{float(self):g}{self.BASE}"
        return self._written() or self._rounded()

    def _units(self) -> tuple[str, ...]:
        """The units to print this value in, the natural one first."""
        return (self.BASE,)

    def _written(self) -> str:
        """The value in ten digits and the first unit that shows it exactly; else empty."""
        for unit in self._units():
            factor = Fraction(self.UNITS[unit]).limit_denominator(10**6)
            amount = Fraction(repr(float(self))) / factor
            number = plain(_WRITTEN.divide(Decimal(amount.numerator), Decimal(amount.denominator)))
            if scaled(number, self.UNITS[unit]) == float(self):
                return number + unit
        return ""

    def _rounded(self) -> str:
        unit = self._units()[0]
        amount = float(self) / self.UNITS[unit]
        return plain(Decimal(f"{amount:.4g}" if abs(amount) < 10000 else f"{amount:.0f}")) + unit

    @classmethod
    def _validate(cls, value: Any) -> Self:
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls.parse(value)
        raise ValueError(f"expected a {cls.NOUN} such as {cls.EXAMPLE}, got {value!r}")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        # Called only by pydantic, so this row stays free of third-party imports.
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls.exact, return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        units = "|".join(re.escape(u) for u in sorted(cls.UNITS, key=len, reverse=True))
        pattern = rf"^{_NUMBER}\s*({units})$"
        return {"type": "string", "pattern": pattern, "examples": cls.EXAMPLE.split(" or ")}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self!s})"


class Duration(Quantity):
    """Seconds."""

    UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
    BASE = "s"
    EXAMPLE = "200ms or 30s"
    NOUN = "duration"

    @property
    def ms(self) -> float:
        return float(self) * 1000

    def _units(self) -> tuple[str, ...]:
        seconds = abs(float(self))
        if seconds and seconds < 1:
            return ("ms", "us", "s")
        return ("m", "s") if seconds >= 60 and seconds % 60 == 0 else ("s", "ms")


class Ratio(Quantity):
    """A share between 0 and 1, written in per cent."""

    UNITS = {"%": 0.01}
    BASE = "%"
    EXAMPLE = "99.5%"
    NOUN = "percentage"

    def exact(self) -> str:
        return plain(Decimal(repr(float(self))).scaleb(2)) + "%"

    def _rounded(self) -> str:
        # Four digits would show 99.9999% as 100%: a claim that the figure does not make.
        return plain(Decimal(f"{float(self) * 100:.10g}")) + "%"


class Size(Quantity):
    """Bytes."""

    UNITS = {"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    BASE = "B"
    EXAMPLE = "64KB or 200MB"
    NOUN = "size"

    def _units(self) -> tuple[str, ...]:
        natural = next((u for u in ("GB", "MB", "KB") if float(self) >= self.UNITS[u]), "B")
        return (natural, "B")


class Throughput(Quantity):
    """Bytes per second."""

    UNITS = {f"{unit}/s": factor for unit, factor in Size.UNITS.items()}
    BASE = "B/s"
    EXAMPLE = "100KB/s"
    NOUN = "throughput"

    def _units(self) -> tuple[str, ...]:
        return tuple(f"{unit}/s" for unit in Size(float(self))._units())


class Rate(Quantity):
    """Arrivals or requests per second."""

    UNITS = {"/s": 1.0, "/min": 1 / 60, "/m": 1 / 60}
    BASE = "/s"
    EXAMPLE = "60/s"
    NOUN = "rate"

    def _units(self) -> tuple[str, ...]:
        return ("/s", "/min")
