"""The parent's side of the load: one or several processes that send one schedule together.

It must never import locust or gevent (gevent replaces parts of the interpreter). What it hands
out are records and names, whoever wrote them: workers elsewhere would need only another Worker.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path

from chaoskit.errors import LoadError
from chaoskit.load.order import Order
from chaoskit.load.together import together
from chaoskit.load.worker import Worker, renumbered
from chaoskit.model.experiment import LoadSpec
from chaoskit.model.ledger import LedgerSpec
from chaoskit.model.system import Outcomes
from chaoskit.model.timeline import LoadFacts
from chaoskit.ports import UnderWay

READY_WITHIN = 30.0


class LocustLoad:
    """Open-loop load from a Locust script. Implements `ports.Load`.

    A script whose client fails over finds all entries, `host` first, as `self.entries`. `ledger`
    says which requests are written down.
    """

    def __init__(
        self,
        spec: LoadSpec,
        locustfile: Path,
        host: str,
        outcomes: Outcomes,
        *,
        seed: int,
        others: tuple[str, ...] = (),
        ledger: LedgerSpec | None = None,
        python: str = sys.executable,
    ) -> None:
        self._spec = spec
        self._script = locustfile.absolute()
        self._host = host.rstrip("/")
        self._entries = (self._host, *(other.rstrip("/") for other in others))
        self._outcomes = outcomes
        self._ledger = ledger
        self._seed = seed
        self._python = python
        self._workers: tuple[Worker, ...] = ()
        self._series: dict[str, int] = {}
        self._began = False

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids; none before it is prepared."""
        return tuple(worker.pid for worker in self._workers)

    @property
    def pid(self) -> int | None:
        """The first process's id; None before it is prepared."""
        return next(iter(self.pids), None)

    def start(self, folder: Path, begin: float) -> None:
        """Make it send from `begin` on.

        Without an earlier `prepare` this does it first, which must be over before `begin`.
        Raises LoadError with the script's own message, or when it is not ready in time.
        """
        if self._began:
            raise LoadError("this load was started before; make a new one for each run")
        if not self._workers:
            self.prepare(folder, min(begin - time.monotonic(), READY_WITHIN))
        self._began = True
        if time.monotonic() >= begin:
            self.stop(0.0)
            raise LoadError("the first arrival was due before the load generator could begin")
        self._tell(f"begin {begin!r}")
        self.check()

    def prepare(self, folder: Path, within: float = READY_WITHIN) -> tuple[int, ...]:
        """Start its processes and wait until each has loaded the script: one second, or more.

        Nothing is sent yet. Returns the process ids; raises LoadError as `start` does.
        """
        if self._workers:
            raise LoadError("this load was started before; make a new one for each run")
        if not self._script.is_file():
            raise LoadError(f"{self._script}: no such load script; look at `load: locustfile`")
        folder.mkdir(parents=True, exist_ok=True)
        limit = time.monotonic() + max(within, 0.0)
        with ExitStack() as otherwise:
            otherwise.callback(self.stop, 0.0)
            for number in range(self._spec.workers):
                order = self._order(folder.absolute(), number)
                self._workers += (Worker(self._python, order),)
            for worker in self._workers:
                worker.await_ready(max(limit - time.monotonic(), 0.0))
            otherwise.pop_all()
        return self.pids

    def surge(self, at: float) -> None:
        """The fault phase begins `at` (monotonic seconds): a declared surge counts from there."""
        self._tell(f"surge {at!r}")

    def calm(self, at: float) -> None:
        """The fault phase ends `at`: from there on the load has its own rate again."""
        self._tell(f"calm {at!r}")

    def check(self) -> None:
        """Raises LoadError when a process of it ended by itself."""
        for worker in self._workers:
            worker.check()

    def read(self) -> tuple[bytes, tuple[str, ...]]:
        """Whole records since the last call, and every series name so far."""
        read = [self._renumber(*worker.read()) for worker in self._workers]
        return b"".join(read), tuple(self._series)

    def _renumber(self, chunk: bytearray, names: tuple[str, ...]) -> bytes:
        known = [self._series.setdefault(name, len(self._series)) for name in names]
        # Most often there is one worker, whose numbers are everybody's.
        same = known == list(range(len(known)))
        return bytes(chunk) if same else renumbered(chunk, known)

    def under_way(self) -> UnderWay:
        """What its processes last said to be without an answer; at most a quarter second old."""
        said = [worker.under_way() for worker in self._workers] or [UnderWay()]
        starts = tuple(start for one in said for start in one.starts)
        return UnderWay(min(one.told for one in said), starts)

    def facts(self) -> LoadFacts:
        """What its processes last wrote of themselves, together; at most about a second old."""
        if not self._workers:
            return LoadFacts()
        facts = together([worker.facts() for worker in self._workers])
        ends = dict.fromkeys(why for worker in self._workers if (why := worker.bad_end()))
        # What hung at the end is missing from the samples: without it a run looks too good.
        doubts = (*facts.doubts, *(f"the load's last samples are missing: {why}" for why in ends))
        return facts.model_copy(update={"pace": str(self._spec), "doubts": doubts})

    def stop(self, grace: float = 5.0) -> None:
        """End it within `grace` seconds: what is in flight by then has failed.

        Asked again, while it is ending, the shorter time counts.
        """
        limit = time.monotonic() + grace
        for worker in self._workers:
            worker.ask_to_stop(grace)
        for worker in self._workers:
            worker.reap(max(limit - time.monotonic(), 0.0))

    def _order(self, folder: Path, worker: int) -> Order:
        return Order(
            folder=str(folder),
            locustfile=str(self._script),
            host=self._host,
            entries=self._entries,
            rate=float(self._spec.rate),
            timeout=float(self._spec.timeout),
            arrivals=self._spec.arrivals,
            surge=self._spec.surge,
            in_flight=self._spec.places,
            enough=self._spec.places_for_timeouts,
            worker=worker,
            workers=self._spec.workers,
            outcomes=self._outcomes,
            ledger=self._ledger,
            seed=self._seed,
        )

    def _tell(self, line: str) -> None:
        for worker in self._workers:
            worker.tell(line)
