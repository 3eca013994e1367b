"""What the generator measures of itself: lateness, its share of a core, and what went wrong.

It must stay cheap: it runs on the one thread that also sends the requests.
"""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterable

from chaoskit.load.order import Order
from chaoskit.model.timeline import BURST, LoadFacts, Stall

LATE = 0.1
BUSY_SHARE = 0.9
BUSY_SECONDS = 3.0
MOST_NOTES = 20
MOST_STALLS = 20
# Late arrivals that were due within a second of each other are of one stall.
_APART = 1.0
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


class Stalls:
    """When what was sent more than BURST late was due: spans, the last of them widens in need."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float, float]] = []

    def add(self, start: float, late: float) -> None:
        """A request that was due at `start` was sent `late` seconds after it."""
        if late <= BURST:
            return
        begin, end, most = self._spans[-1] if self._spans else (math.inf, -math.inf, 0.0)
        if begin - _APART <= start <= end + _APART or len(self._spans) >= MOST_STALLS:
            self._spans[-1] = min(begin, start), max(end, start), max(most, late)
        else:
            self._spans.append((start, start, late))

    def told(self) -> tuple[Stall, ...]:
        return tuple(Stall(begin=begin, end=end, late=most) for begin, end, most in self._spans)


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

    def drop(self, kind: str) -> None:
        """What was said has turned out not to be so."""
        self._first.pop(kind, None)
        self._counts.pop(kind, None)

    def sentences(self) -> Iterable[str]:
        for kind, sentence in self._first.items():
            often = self._counts[kind]
            yield f"{sentence} ({often} times)" if often > 1 else sentence


class Gauge:
    """Counts arrivals and notices when this process is the bottleneck, and by what."""

    def __init__(self, order: Order) -> None:
        self.planned = self.sent = self.unsent = 0
        self.lateness = Lateness()
        self.stalls = Stalls()
        self.notes = Notes()
        self.lost: Counter[str] = Counter()
        # Of each task whether the requests it sent so far were called like it.
        self._alike: defaultdict[str, set[bool]] = defaultdict(set)
        self._order = order
        self.begin()

    def begin(self) -> None:
        """What is measured counts from now: loading the script is no load."""
        self._busy_for = self._busiest = self._highest = 0.0
        self._began = self._looked = os.times()

    def issued(self, task: str, name: str, start: float, late: float) -> None:
        """A `task` asks for `name`, which was due at `start`, `late` seconds after it."""
        self._alike[task].add(name == task)
        self.stalls.add(start, late)

    def look(self) -> None:
        """Measure the share of one core since the last look."""
        was, self._looked = self._looked, os.times()
        if (passed := self._looked.elapsed - was.elapsed) <= 0:
            return
        share = _used(was, self._looked) / passed
        self._highest = max(self._highest, share)
        self._busy_for = self._busy_for + passed if share > BUSY_SHARE else 0.0
        self._busiest = max(self._busiest, self._busy_for)

    def facts(self) -> LoadFacts:
        causes = tuple(self._causes())
        passed = self._looked.elapsed - self._began.elapsed
        return LoadFacts(
            planned=self.planned,
            sent=self.sent,
            unsent=self.unsent,
            lateness_p99=self.lateness.quantile(0.99),
            lateness_p95=self.lateness.quantile(0.95),
            stalls=self.stalls.told(),
            lost={task: n for task, n in self.lost.items() if self._alike.get(task) != {True}},
            cpu=_used(self._began, self._looked) / passed if passed > 0 else None,
            cpu_highest=self._highest if passed > 0 else None,
            saturated=bool(causes),
            causes=causes,
            warnings=(*causes, *self._stalls(), *self._places(), *self.notes.sentences()),
        )

    def _causes(self) -> Iterable[str]:
        """Why its figures say nothing of the target, each with the remedy for that cause."""
        busy = self._busiest >= BUSY_SECONDS
        if busy:
            yield (
                f"the load generator used a whole core for {self._busiest:.0f} s: lower the rate, "
                "use FastHttpUser, or give it more processes with `workers`"
            )
        if (lasting := self.lateness.quantile(0.95)) > LATE:
            why = "" if busy else self._not_busy()
            yield f"the load generator sent 5 % of arrivals over {lasting * 1000:.0f} ms late{why}"

    def _not_busy(self) -> str:
        return (
            f", although it used {self._highest:.0%} of a core at most: something else keeps the "
            "machine busy, or a task blocks without a request"
        )

    def _stalls(self) -> Iterable[str]:
        late, lasting = self.lateness.quantile(0.99), self.lateness.quantile(0.95)
        if lasting <= LATE < late:
            yield f"the load generator stalled: it sent 1 % of them over {late * 1000:.0f} ms late"

    def _places(self) -> Iterable[str]:
        order = self._order
        if not self.unsent:
            return
        unsent = f"{self.unsent} arrivals were not sent: {order.places} were waiting already"
        if order.in_flight < order.enough:
            yield (
                f"{unsent}, fewer than can wait when answers take their timeout: raise in_flight "
                f"to {order.enough}"
            )
        else:
            yield f"{unsent}, each for longer than its timeout; lower the rate, or look why"


def _used(since: os.times_result, until: os.times_result) -> float:
    """Seconds of processor time between two looks."""
    return until.user + until.system - since.user - since.system
