"""The layout of one sample: 16 bytes, little-endian, one for each planned request.

    start    f8   intended start, seconds on the system-wide monotonic clock
    latency  f4   seconds from the intended start to the end of the answer
    series   u2   index into the series names
    code     u2   outcome in the upper 2 bits, HTTP status (0: none) in the lower 14

Writers flush whole records; a reader cuts a torn tail. This module must never import numpy.
"""

from __future__ import annotations

import struct
from enum import IntEnum

RECORD = struct.Struct("<dfHH")
FIELDS = (("start", "<f8"), ("latency", "<f4"), ("series", "<u2"), ("code", "<u2"))
STATUS_MASK = 0x3FFF
# Bytes before the series index of a record.
SERIES_AT = struct.calcsize("<df")


class Outcome(IntEnum):
    """Every planned request is exactly one of these (DESIGN section 8)."""

    OK = 0
    DEGRADED = 1
    SHED = 2
    FAILED = 3


def pack(start: float, latency: float, series: int, outcome: Outcome, status: int) -> bytes:
    """One record; a status that does not fit 14 bits is stored as 0."""
    kept = status if 0 <= status <= STATUS_MASK else 0
    return RECORD.pack(start, latency, series, outcome << 14 | kept)
