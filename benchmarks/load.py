"""How much load one machine can send, how late it is, and what taking samples costs; load.json.

    python benchmarks/load.py            # under two minutes; wants a quiet machine
    python benchmarks/load.py --quick    # a first look; writes nothing

The target is a trivial server on loopback, which shares the machine with the generator. A rate is
sustained when every arrival was sent and the generator did not call itself saturated. The cost of
samples is Locust by itself beside Locust with chaoskit's recorder, in turns; kept is the median.
Measured, never judged.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from chaoskit.load import LocustLoad
from chaoskit.model.experiment import LoadSpec
from chaoskit.model.system import Outcomes

SUMS = Path(__file__).with_name("load.json")
ENDS = Path(__file__).with_name("load_ends.py")
RATES = (500, 1000, 2000, 3000, 4000)
SCRIPT = """\
from locust import FastHttpUser, task


class Caller(FastHttpUser):
    @task
    def call(self):
        self.client.get("/", name="call")
"""


@contextmanager
def server() -> Iterator[str]:
    """The URL of the trivial server."""
    command = (sys.executable, str(ENDS), "serve")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield f"http://127.0.0.1:{int(child.stdout.readline())}"
        finally:
            child.kill()


def open_loop(host: str, rate: int, seconds: float, folder: Path) -> dict[str, Any]:
    """One course of load at `rate`, as a run makes it."""
    script = folder / "script.py"
    script.write_text(SCRIPT)
    spec = LoadSpec.model_validate({"locustfile": "script.py", "rate": f"{rate}/s"})
    load = LocustLoad(spec, script, host, Outcomes(), seed=1)
    place = folder / str(rate)
    (process,) = load.prepare(place)
    begin = time.monotonic() + 0.5
    load.start(place, begin)
    before = processor(process)
    time.sleep(max(0.0, begin + seconds - time.monotonic()))
    used = processor(process) - before
    load.stop()
    facts = load.facts()
    return {
        "rate": rate,
        "planned": facts.planned,
        "unsent": facts.unsent,
        "saturated": facts.saturated,
        "lateness_p95_ms": round(1000 * (facts.lateness_p95 or 0), 2),
        "lateness_p99_ms": round(1000 * facts.lateness_p99, 2),
        "processor_us": round(1e6 * used / max(1, facts.sent)),
    }


def processor(process: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def closed_loop(host: str, seconds: float, folder: Path | None) -> dict[str, float]:
    """Locust by itself, or with the recorder that writes into `folder`."""
    words = [sys.executable, str(ENDS), "loop", host, str(seconds)]
    words += [] if folder is None else [str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        "requests_a_second": found["requests"] / seconds,
        "processor_us": 1e6 * found["processor_seconds"] / found["requests"],
    }


def overhead(host: str, seconds: float, rounds: int, folder: Path) -> dict[str, Any]:
    bare, sampled = [], []
    for number in range(rounds):
        place = folder / f"round-{number}"
        place.mkdir()
        bare.append(closed_loop(host, seconds, None))
        sampled.append(closed_loop(host, seconds, place))
    found = {
        name: {key: round(median(one[key] for one in rows), 1) for key in rows[0]}
        for name, rows in (("bare", bare), ("sampled", sampled))
    }
    more = found["sampled"]["processor_us"] / found["bare"]["processor_us"] - 1
    return {"rounds": rounds, **found, "more_processor_percent": round(100 * more, 1)}


def sustained(courses: list[dict[str, Any]]) -> dict[str, Any] | None:
    kept = [one for one in courses if not one["unsent"] and not one["saturated"]]
    return max(kept, key=lambda one: one["rate"], default=None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    seconds, rounds = (2.0, 1) if quick else (8.0, 3)
    machine = {
        "cores": os.cpu_count(), "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as made, server() as host:
        folder = Path(made)
        courses = [open_loop(host, rate, seconds, folder) for rate in RATES]
        samples = overhead(host, seconds / 2, rounds, folder)
    found = {
        "machine": machine, "seconds": seconds, "courses": courses,
        "sustained": sustained(courses), "samples": samples,
    }  # fmt: skip
    if not quick:
        SUMS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
