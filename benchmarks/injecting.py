"""One load with faults of known size on the link from the clients to the gateway, piece by piece.

In each round every fault is in force once, for one piece of time and in a random order, and one
piece is left alone; the load is never paused. It must never leave a toxic behind.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from continuous import Course, sent
from link import Link, Toxic

from chaoskit.judge.samples import Array

LINK = "client -> gateway"
NOTHING = "nothing"
SLOW = 0.02  # of the requests are delayed where a p99 is to grow
# Healthy before the first fault (seconds): what a p99 is, must be known before it is raised.
FIRST = 60.0
# A toxic outlasts its piece by so much, so that its last requests meet it like the others; and
# then nothing happens for a moment, so that a piece owes nothing to the one before it.
MARGIN, REST = 0.5, 0.6


@dataclass(frozen=True)
class Fault:
    """A toxic for given healthy latencies; for `lasts` seconds, or for a whole piece."""

    toxic: Callable[[Array], Toxic]
    lasts: float | None = None


def failing(share: float) -> Fault:
    """So many of the requests are answered with 500."""
    return Fault(lambda _: {"type": "http", "attributes": {"status": 500, "share": share}})


def slower_tail(factor: float) -> Fault:
    """A few requests wait so long that the p99 of all becomes so many times what it was."""

    def toxic(healthy: Array) -> Toxic:
        wait = round(1000 * delay(healthy, factor))
        return {"type": "http", "attributes": {"delay": wait, "share": SLOW}}

    return Fault(toxic)


def delay(healthy: Array, factor: float) -> float:
    """Seconds by which a share SLOW must wait so that 1 % take `factor` times the p99."""
    aim = factor * float(np.quantile(healthy, 0.99))
    others = (1 - SLOW) * float((healthy > aim).mean())
    return aim - float(np.quantile(healthy, 1 - (0.01 - others) / SLOW))


# Called like those of planted.py.
FAULTS: Mapping[str, Fault] = {
    "errors +1 %": failing(0.01),
    "errors +5 %": failing(0.05),
    "p99 x1.5": slower_tail(1.5),
    "p99 x3": slower_tail(3),
    "2 s outage": Fault(lambda _: {"type": "reset_peer", "stream": "upstream"}, 2),
    # Answers are held; when the toxic goes they go on at once.
    "3 s stall": Fault(lambda _: {"type": "latency", "attributes": {"latency": 3_600_000}}, 3),
}


def estimated(windows: int, seconds: float) -> float:
    """Seconds that all pieces take together."""
    pieces = math.ceil(FIRST / seconds) + windows * (1 + len(FAULTS))
    held = windows * sum(fault.lasts is None for fault in FAULTS.values())
    return pieces * (seconds + REST) + held * MARGIN


def inject(course: Course, link: Link, windows: int, seconds: float) -> None:
    """All pieces, one after the other; each is in the journal once it is over."""
    random, began = np.random.default_rng(1), time.monotonic()
    for _ in range(math.ceil(FIRST / seconds)):
        leave(course, seconds)
    for number in range(1, windows + 1):
        healthy = latencies(course)
        for name in random.permutation([NOTHING, *FAULTS]):
            if name == NOTHING:
                leave(course, seconds)
            else:
                hold(course, link, str(name), healthy, seconds, random)
        minutes = (time.monotonic() - began) / 60
        print(f"round {number} of {windows} after {minutes:.1f} min", flush=True)


def leave(course: Course, seconds: float) -> None:
    """A piece in which nothing is done."""
    begin = time.monotonic()
    course.wait(begin + seconds)
    course.journal.append("piece", fault=NOTHING, begin=begin, end=begin + seconds)
    course.wait(time.monotonic() + REST)


def hold(
    course: Course, link: Link, name: str, healthy: Array, seconds: float,
    random: np.random.Generator,
) -> None:  # fmt: skip
    """A piece with the fault in force: all through, or at a moment of its first part."""
    fault, begin = FAULTS[name], time.monotonic()
    toxic = fault.toxic(healthy)
    if fault.lasts is not None:
        course.wait(begin + random.uniform(0, (seconds - fault.lasts) / 2))
    # A name of its own: the proxy draws by name and connection, and would choose alike each time.
    with link.holding(f"benchmark-{round(1000 * begin)}", toxic, (fault.lasts or seconds) + MARGIN):
        on = time.monotonic()
        begin = on if fault.lasts is None else begin
        course.wait(on + (seconds + MARGIN if fault.lasts is None else fault.lasts))
        off = time.monotonic()
    course.wait(begin + seconds)
    course.journal.append(
        "piece", fault=name, begin=begin, end=begin + seconds, on=on, off=off, toxic=toxic
    )
    course.wait(time.monotonic() + REST)


def latencies(course: Course) -> Array:
    """Those of all healthy pieces so far, in seconds."""
    records, every = course.journal.records(), course.samples
    healthy = [r for r in records if r["kind"] == "piece" and r["fault"] == NOTHING]
    return np.concatenate([every.between(r["begin"], r["end"]).latency for r in healthy])


def record(experiment: Path, reports: Path, windows: int, seconds: float) -> Path:
    """One load with all faults; its directory. What was recorded is kept, however it ends."""
    minutes = estimated(windows, seconds) / 60
    print(f"{windows} rounds of {1 + len(FAULTS)} pieces: about {minutes:.0f} minutes", flush=True)
    with sent("injected", experiment, reports) as course:
        print(f"kept in {course.folder}", flush=True)
        link = Link(str(course.spec.proxies), course.plan.system.proxies_of(LINK))
        inject(course, link, windows, seconds)
    return course.folder
