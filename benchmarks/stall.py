"""A node that stands still for 3 s: as we measure it, as the gateway logged it, as Locust tells it.

    python benchmarks/stall.py            # brings the local shop up; under five minutes

The gateways of the shop write down no requests, so one more is started from the same file: a real
HAProxy before the same web nodes, with a log. Its times are the truth: it receives every request
and is never paused. In each round it gets our load, then plain Locust's users at the same rate, and
each time web1 is paused for 3 s. Kept are the p99 of all requests of each round; stall.json.
Measured, never judged.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from continuous import HEALTHY, brought_up

from chaoskit.document import Bound, load_experiment
from chaoskit.load import LocustLoad
from chaoskit.run.feed import stored_samples

SUMS = Path(__file__).with_name("stall.json")
PAUSE = f"{sys.executable} -m chaoskit inject pause --node web1 --for 3s --runtime local --system"
USERS = 12
# Seconds of a course before its pause is ordered, which takes a moment itself.
BEFORE = 5.0
LOGGED = re.compile(r"^request (\d+)$", re.M)
PLAIN = """\
import load
from locust import constant_throughput

Customer = load.Customer
Customer.wait_time = constant_throughput({each})
"""


@dataclass(frozen=True)
class Bench:
    """What every course of load needs; `seconds` is how long it lasts."""

    bound: Bound
    url: str
    log: Path
    pause: Sequence[str]
    seconds: float
    folder: Path

    @property
    def rate(self) -> float:
        return float(self.bound.experiment.load.rate)


@contextmanager
def gateway(folder: Path, net: str, made: Path) -> Iterator[tuple[str, Path]]:
    """URL and log of one more gateway, as that of the shop in `folder` is written."""
    text = (folder / "gateway1" / "files" / "gateway.cfg").read_text()
    url, log = "", made / "gateway.log"
    for address in re.findall(r"bind (\S+)", text):
        place = f"127.0.0.1:{free_port()}"
        text, url = text.replace(f"bind {address}", f"bind {place}"), url or f"http://{place}"
    # Ta: milliseconds from the request's first byte to the last of its answer.
    text = text.replace("local0 notice", "local0 info")
    text = text.replace("frontend shop\n", 'frontend shop\n  log-format "request %Ta"\n')
    (made / "gateway.cfg").write_text(text)
    words = [folder / "bin" / "haproxy", "-db", "-f", made / "gateway.cfg"]
    with log.open("w") as file:
        server = subprocess.Popen(words, stdout=file, env={**os.environ, "SHOP_NET": net})
    try:
        time.sleep(2.0)  # until its checks know who is there
        yield url, log
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def ours(bench: Bench, number: int) -> float:
    """The p99 of all requests of one course of our load, in seconds."""
    experiment, place = bench.bound.experiment, bench.folder / f"ours-{number}"
    load = LocustLoad(
        experiment.load, bench.bound.locustfile, bench.url, bench.bound.system.outcomes, seed=number
    )
    load.prepare(place / "load")
    begin = time.monotonic() + 0.5
    load.start(place / "load", begin)
    try:
        paused(bench, begin)
    finally:
        load.stop()
    return float(np.quantile(stored_samples(place).latency, 0.99))


def plain(bench: Bench, number: int) -> float:
    """The same as Locust tells it of its own users, who wait for their answers."""
    place = bench.folder / f"plain-{number}"
    place.mkdir()
    (place / "script.py").write_text(PLAIN.format(each=bench.rate / USERS))
    words = [
        "-f", "script.py", "--headless", "--users", USERS, "--spawn-rate", USERS, "--only-summary",
        "--run-time", f"{bench.seconds:g}s", "--host", bench.url, "--csv", "plain",
    ]  # fmt: skip
    paths = {"PYTHONPATH": str(bench.bound.locustfile.parent)}
    with (place / "log").open("w") as log:
        locust = subprocess.Popen(
            [sys.executable, "-m", "locust", *map(str, words)], cwd=place, stdout=log, stderr=log,
            env={**os.environ, **paths},
        )  # fmt: skip
    try:
        paused(bench, time.monotonic())
    finally:
        locust.wait()
    with (place / "plain_stats.csv").open() as file:
        every = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
    return float(every["99%"]) / 1000


def paused(bench: Bench, begin: float) -> None:
    """Hold out until the course is over, with the pause in it."""
    time.sleep(max(0.0, begin + BEFORE - time.monotonic()))
    subprocess.run(bench.pause, check=True, stdout=subprocess.DEVNULL)
    time.sleep(max(0.0, begin + bench.seconds - time.monotonic()))


def measured(bench: Bench, number: int) -> dict[str, float]:
    """One round, in milliseconds; `off` in percent of the truth."""
    before = len(logged(bench))
    mine = ours(bench, number)
    truth = float(np.quantile(logged(bench)[before:], 0.99)) / 1000
    locust = plain(bench, number)
    found = {"truth": 1000 * truth, "ours": 1000 * mine, "locust": 1000 * locust}
    found["off"] = 100 * (mine / truth - 1)
    print(" ".join(f"{name} {value:.1f}" for name, value in found.items()), flush=True)
    return {name: round(value, 1) for name, value in found.items()}


def logged(bench: Bench) -> list[int]:
    """Milliseconds of each request so far."""
    return [int(found) for found in LOGGED.findall(bench.log.read_text())]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each course; default: 20")
    parser.add_argument("--experiment", type=Path, default=HEALTHY, help="whose load is sent")
    parser.add_argument("--pause", help="a command that pauses the node for 3 s")
    wishes = parser.parse_args()
    bound = load_experiment(wishes.experiment)
    spec, _ = brought_up(bound)
    state = bound.system_path.parent / str(bound.system.runtimes["local"].state)
    net = spec.addresses["gateway1"].rpartition(".")[0]
    pause = shlex.split(wishes.pause) if wishes.pause else [*shlex.split(PAUSE), bound.system_path]
    with tempfile.TemporaryDirectory() as made, \
         gateway(state.with_suffix(""), net, Path(made)) as (url, log):  # fmt: skip
        bench = Bench(bound, url, log, pause, wishes.seconds, Path(made))
        rounds: list[Any] = [measured(bench, number) for number in range(wishes.rounds)]
    found = {"rate": bound.experiment.load.rate, "seconds": wishes.seconds, "p99_ms": rounds}
    SUMS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
