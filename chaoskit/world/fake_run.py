"""Time, load and probes that are only thought of, so that ten minutes are tested in moments.

    clock = FakeClock()
    clock.at(30, lambda: world.crash("web1"))      # thirty seconds after it was made
    load = FakeLoad(clock, rate=60, series={"browse": 3, "checkout": 1}, answer=answer)

Nothing here must ever read the real time or send a request.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chaoskit.errors import LoadError
from chaoskit.model.samples import RECORD, Outcome, pack
from chaoskit.model.surge import Pace, Surge
from chaoskit.model.timeline import LoadFacts
from chaoskit.ports import Answer, UnderWay

# Greater than any process id of Linux, so that nobody can end a bystander by it.
NO_PROCESS = 2**22 + 1
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

Respond = Callable[[float, str], tuple[float, Outcome, int]]


class FakeClock:
    """A clock that moves only when somebody sleeps on it.

    `now` begins at `start` seconds. Where calls run in other threads, `breath` (real seconds)
    is slept at each sleep, so that they get their turn.
    """

    def __init__(self, start: float = 1000.0, breath: float = 0.0) -> None:
        self.start, self.breath = start, breath
        self._now = start
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()
        self._lock = threading.RLock()

    def now(self) -> float:
        return self._now

    def wall(self) -> str:
        moment = EPOCH + timedelta(seconds=self._now - self.start)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def at(self, seconds: float, happens: Callable[[], object]) -> None:
        """Call `happens` when `seconds` have passed since the clock was made."""
        with self._lock:
            heapq.heappush(self._due, (self.start + seconds, next(self._count), happens))

    def sleep(self, seconds: float) -> None:
        """Move on; whatever falls due on the way happens in order, at its own time."""
        with self._lock:
            until = self._now + max(seconds, 0.0)
            while self._due and self._due[0][0] <= until:
                moment, _, happens = heapq.heappop(self._due)
                self._now = max(self._now, moment)
                happens()
            self._now = max(self._now, until)
        if self.breath:
            time.sleep(self.breath)


class FakeLoad:
    """A load generator that makes its samples up; see `ports.Load`.

    Arrival k is due at begin + k/`rate`; its series goes round in the proportions of `series`.
    `answer(t, series)` gives latency in seconds, outcome and status of the arrival intended at
    `t` (on the clock); it is asked once `t` has passed, so it may look at a fake world. A
    sample is flushed when its answer would have come. `pretend` replaces what it says of itself.
    With `surge` it follows that in the fault phase.
    """

    def __init__(
        self,
        clock: FakeClock,
        rate: float,
        series: Mapping[str, int] | None = None,
        answer: Respond = lambda t, series: (0.01, Outcome.OK, 200),
        surge: Surge | None = None,
    ) -> None:
        mix = series or {"all": 1}
        self.names = tuple(mix)
        self._turns = [name for name, weight in mix.items() for _ in range(weight)]
        self._clock, self._rate, self._answer = clock, rate, answer
        self._surge = surge
        self._pace: Pace | None = None
        self._folder: Path | None = None
        self._planned = 0
        self._open: list[tuple[float, bytes]] = []
        self._failure: str | None = None
        self._ended: float | None = None
        self.pretend: LoadFacts | None = None

    def prepare(self, folder: Path) -> tuple[int, ...]:
        self.check()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "worker-0.names").write_text("".join(f"{name}\n" for name in self.names))
        self._folder = folder
        return (NO_PROCESS,)

    def start(self, folder: Path, begin: float) -> None:
        self.prepare(folder)
        self._pace = Pace(begin, self._rate)

    def surge(self, at: float) -> None:
        if self._surge is not None and self._pace is not None:
            self._pace.surge(self._surge, at)

    def calm(self, at: float) -> None:
        if self._pace is not None:
            self._pace.calm(at)

    def fail(self, message: str) -> None:
        """From now on the generator is dead, with `message`."""
        self._failure = message

    def check(self) -> None:
        if self._failure is not None:
            raise LoadError(self._failure)

    def read(self) -> tuple[bytes, tuple[str, ...]]:
        self._arrive()
        now = self._clock.now() if self._ended is None else float("inf")
        flushed = b"".join(record for done, record in self._open if done <= now)
        self._open = [(done, record) for done, record in self._open if done > now]
        if flushed and self._folder is not None:
            with open(self._folder / "worker-0.bin", "ab") as kept:
                kept.write(flushed)
        return flushed, self.names

    def under_way(self) -> UnderWay:
        if self._pace is None:
            return UnderWay()
        self._arrive()
        now = self._clock.now()
        late = (record for done, record in self._open if done > now and self._ended is None)
        return UnderWay(now, tuple(RECORD.unpack(record)[0] for record in late))

    def facts(self) -> LoadFacts:
        return self.pretend or LoadFacts(planned=self._planned, sent=self._planned)

    def stop(self, grace: float = 5.0) -> None:
        self._arrive()
        if self._ended is None:
            self._ended = self._clock.now()
            self._open = [self._last(*each, self._ended + grace) for each in self._open]

    @staticmethod
    def _last(done: float, record: bytes, end: float) -> tuple[float, bytes]:
        """What is answered only after the `end` has failed."""
        start, _, series, _ = RECORD.unpack(record)
        return done, record if done <= end else pack(start, end - start, series, Outcome.FAILED, 0)

    def _arrive(self) -> None:
        """Everything that was due until now is answered."""
        if self._pace is None or self._ended is not None or self._failure is not None:
            return
        while (due := self._pace.due(self._planned)) <= self._clock.now():
            name = self._turns[self._planned % len(self._turns)]
            latency, outcome, status = self._answer(due, name)
            record = pack(due, latency, self.names.index(name), outcome, status)
            self._open.append((due + latency, record))
            self._planned += 1


class FakeProbe:
    """A probe that answers what `answer` gives; see `ports.Probe`."""

    def __init__(self, name: str, answer: Callable[[], Answer] = lambda: Answer(True)) -> None:
        self.name, self._answer = name, answer

    def ask(self) -> Answer:
        return self._answer()
