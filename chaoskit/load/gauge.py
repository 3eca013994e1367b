"""What the generator measures of itself: lateness, its share of a core, and what went wrong.

It must stay cheap: it runs on the one thread that also sends the requests.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable

from chaoskit.model.timeline import LoadFacts

LATE = 0.1
BUSY_SHARE = 0.9
BUSY_SECONDS = 3.0
MOST_NOTES = 20
_FLOOR = 1e-5
_PER_DECADE = 100
_BUCKETS = 8 * _PER_DECADE


class Lateness:
    """Seconds between intended and real start, in logarithmic buckets (2.3 % wide)."""

    def __init__(self) -> None:
        self._counts = [0] * (_BUCKETS + 1)

    def add(self, seconds: float) -> None:
        place = math.log10(seconds / _FLOOR) * _PER_DECADE if seconds > _FLOOR else 0.0
        self._counts[min(math.ceil(place), _BUCKETS)] += 1

    def quantile(self, share: float) -> float:
        """The upper edge of the bucket that holds the quantile; 0 without arrivals."""
        wanted, seen = share * sum(self._counts), 0
        for place, number in enumerate(self._counts):
            seen += number
            if number and seen >= wanted:
                return float(_FLOOR * 10 ** (place / _PER_DECADE)) if place else 0.0
        return 0.0


class Notes:
    """Sentences for the report: each kind once, with the first wording and how often it came."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def add(self, kind: str, sentence: str) -> None:
        if kind not in self._first and len(self._first) >= MOST_NOTES:
            kind, sentence = "(more)", "more kinds of warnings, see load.log"
        self._first.setdefault(kind, sentence)
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def sentences(self) -> Iterable[str]:
        for kind, sentence in self._first.items():
            often = self._counts[kind]
            yield f"{sentence} ({often} times)" if often > 1 else sentence


class Gauge:
    """Counts arrivals and notices when this process is the bottleneck."""

    def __init__(self) -> None:
        self.planned = self.sent = self.unsent = 0
        self.lateness = Lateness()
        self.notes = Notes()
        self._busy_for = 0.0
        self._busiest = 0.0
        self._looked = os.times()

    def look(self) -> None:
        """Measure the share of one core since the last look."""
        was, self._looked = self._looked, os.times()
        passed = self._looked.elapsed - was.elapsed
        if passed <= 0:
            return
        used = self._looked.user + self._looked.system - was.user - was.system
        self._busy_for = self._busy_for + passed if used / passed > BUSY_SHARE else 0.0
        self._busiest = max(self._busiest, self._busy_for)

    def facts(self) -> LoadFacts:
        late, lasting = self.lateness.quantile(0.99), self.lateness.quantile(0.95)
        saturation, stalls = [], []
        if self._busiest >= BUSY_SECONDS:
            saturation.append(
                f"the load generator used a whole core for {self._busiest:.0f} s: lower the rate "
                "or use FastHttpUser"
            )
        if lasting > LATE:
            saturation.append(
                f"the load generator sent 5 % of the arrivals over {lasting * 1000:.0f} ms late"
            )
        elif late > LATE:
            stalls.append(
                f"the load generator stalled: it sent 1 % of them over {late * 1000:.0f} ms late"
            )
        return LoadFacts(
            planned=self.planned,
            sent=self.sent,
            unsent=self.unsent,
            lateness_p99=late,
            lateness_p95=lasting,
            saturated=bool(saturation),
            warnings=(*saturation, *stalls, *self.notes.sentences()),
        )
