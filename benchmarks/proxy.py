"""Bare TCP, the real Toxiproxy and the embedded proxy side by side; all figures go to proxy.json.

    python benchmarks/proxy.py                # under three minutes; prints a table
    python benchmarks/proxy.py --rounds 1     # a first look; writes nothing

Each server is a process of its own, as users run it, and is started afresh in each round; within a
round the three take turns. Kept is the median of the rounds. Measured, never judged.

The ends are checked too: bare TCP runs between the same two processes, so what it reaches is what
they can do. `headroom` is how far that lies above the quicker proxy; near 1 the ends are the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

import requests
from proxy_ends import Place, bulk, idle, paced, round_trips, set_ups, set_ups_a_second

ROOT = Path(__file__).parents[1]
SUMS = Path(__file__).with_name("proxy.json")
CONNECTIONS = 1000
DELAY = 50  # ms
LINKS, RATE = 16, 60  # so many proxies, each crossed so many times a second
QUIET = {**os.environ, "LOG_LEVEL": "error"}  # Toxiproxy logs each connection
Figures = dict[str, float]


class Route:
    """One way to the upstream: `pid` is the process between the ends, None on the bare one."""

    def __init__(self, echo: Place, source: Place, url: str = "", pid: int | None = None) -> None:
        self.echo, self.source, self.url, self.pid = echo, source, url, pid

    def open(self, name: str, upstream: Place) -> Place:
        wish = {"name": name, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{upstream[1]}"}
        answer = requests.post(f"{self.url}/proxies", json=wish, timeout=10)
        answer.raise_for_status()
        return "127.0.0.1", int(answer.json()["listen"].rpartition(":")[2])


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A child that is killed at the end; what it logs must not fill a pipe that nobody reads."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, env=QUIET
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def first_line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline()


@contextmanager
def bare(upstream: tuple[Place, Place]) -> Iterator[Route]:
    yield Route(*upstream)


@contextmanager
def embedded(upstream: tuple[Place, Place]) -> Iterator[Route]:
    with process(sys.executable, "-m", "chaoskit", "proxy", "--port", "0") as child:
        url = re.findall(r"http://[^:]+:\d+", first_line(child))[0]
        yield opened(url, child.pid, upstream)


@contextmanager
def toxiproxy(upstream: tuple[Place, Place]) -> Iterator[Route]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with process(original(), "-host", "127.0.0.1", "-port", str(port)) as child:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 20
        while not answers(url):
            if time.monotonic() > until:
                sys.exit("Toxiproxy did not answer within 20 s")
            time.sleep(0.02)
        yield opened(url, child.pid, upstream)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/version", timeout=5).ok
    except requests.ConnectionError:
        return False


def original() -> str:
    """Where the real server is; it is built if need be."""
    command = [sys.executable, "-m", "tests.proxy.original"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr.strip())
    return done.stdout.strip()


def opened(url: str, pid: int, upstream: tuple[Place, Place]) -> Route:
    route = Route(*upstream, url, pid)
    route.echo, route.source = (
        route.open(name, place) for name, place in zip(("echo", "source"), upstream, strict=True)
    )
    return route


def status(pid: int, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)
    assert found
    return int(found[1])


def seconds_of_processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: list[float], rank: int) -> float:
    return quantiles(values, n=100, method="inclusive")[rank - 1]


def echoes(route: Route) -> Figures:
    """The quickest of some slices: which core a scheduler chose for whom is no proxy's merit."""
    found = {}
    for size in (1, 1024):
        slices = [round_trips(route.echo, size, 300) for _ in range(12)]
        for rank in (50, 99):
            found[f"round_trip_{size}_p{rank}_us"] = 1e6 * min(
                percentile(times, rank) for times in slices
            )
    return found


def volumes(route: Route) -> Figures:
    return {f"bulk_{lines}_mb_s": bulk(route.source, lines, 1.0) for lines in (1, 10)}


def opening(route: Route) -> Figures:
    return {
        "set_up_p50_us": percentile(set_ups(route.echo, 300), 50) * 1e6,
        "set_ups_a_second": set_ups_a_second(route.echo, 8, 0.7),
    }


def memory(route: Route) -> Figures:
    if route.pid is None:
        return {}
    before = status(route.pid, "VmRSS")
    with idle(route.echo, CONNECTIONS):
        after = status(route.pid, "VmRSS")
    time.sleep(0.3)  # so many connections take a while to close, and nothing else is to notice
    return {
        "memory_idle_mb": before / 1024,
        "memory_1000_connections_mb": (after - before) / 1024,
    }


def accuracy(route: Route) -> Figures:
    if route.pid is None:
        return {}
    wish = {"type": "latency", "attributes": {"latency": DELAY}}
    requests.post(f"{route.url}/proxies/echo/toxics", json=wish, timeout=10).raise_for_status()
    errors = [found * 1000 - DELAY for found in round_trips(route.echo, 1, 50)]
    requests.post(f"{route.url}/reset", timeout=10).raise_for_status()
    return {
        "latency_50_error_mean_ms": mean(errors),
        "latency_50_error_p99_ms": percentile(errors, 99),
    }


def effort(route: Route, upstream: tuple[Place, Place]) -> Figures:
    """The share of one core that a shop's traffic costs: each link crossed RATE times a second."""
    if route.pid is None:
        return {}
    places = [route.open(f"link{number}", upstream[0]) for number in range(LINKS)]
    before, began = seconds_of_processor(route.pid), time.perf_counter()
    paced(places, RATE, 1024, 2.0)
    used = seconds_of_processor(route.pid) - before
    return {"processor_16_links_60_s_percent": 100 * used / (time.perf_counter() - began)}


ROUTES = {"bare": bare, "toxiproxy": toxiproxy, "embedded": embedded}
Measure = Callable[[Route], Figures]


def one_round(upstream: tuple[Place, Place]) -> dict[str, Figures]:
    measures: list[Measure] = [memory, echoes, volumes, opening, accuracy]
    measures.append(lambda route: effort(route, upstream))
    found: dict[str, Figures] = {name: {} for name in ROUTES}
    with ExitStack() as stack:
        routes = {name: stack.enter_context(made(upstream)) for name, made in ROUTES.items()}
        for measure in measures:
            for name, route in routes.items():
                found[name].update(measure(route))
    return found


def middle(rounds: list[dict[str, Figures]]) -> dict[str, Figures]:
    return {
        name: {figure: median(each[name][figure] for each in rounds) for figure in rounds[0][name]}
        for name in ROUTES
    }


def compared(sums: dict[str, Figures]) -> Figures:
    """What the proxies add and keep, against bare TCP and against each other."""
    plain, theirs, ours = (sums[name] for name in ROUTES)
    found: Figures = {}
    for figure in plain:
        both = theirs[figure], ours[figure]
        if figure.startswith("round_trip"):
            added = [value - plain[figure] for value in both]
            found[f"added_{figure}_toxiproxy"], found[f"added_{figure}_embedded"] = added
            found[f"ratio_added_{figure}"] = added[1] / added[0]
        else:
            found[f"ratio_{figure}"] = both[1] / both[0]
        if figure.startswith("bulk") or figure == "set_ups_a_second":
            found[f"headroom_{figure}"] = plain[figure] / max(both)
    return found


def machine() -> dict[str, Any]:
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "toxiproxy": "2.12.0",
        # More than the cores while it runs: somebody else was at work, and tails are theirs too.
        "load_before": round(os.getloadavg()[0], 1),
    }


def table(sums: dict[str, Figures], versus: Figures) -> str:
    lines = [f"{'':36}" + "".join(f"{name:>12}" for name in ROUTES)]
    for figure in sums["embedded"]:
        values = (sums[name].get(figure) for name in ROUTES)
        cells = (f"{'-' if value is None else format(value, '.2f'):>12}" for value in values)
        lines.append(f"{figure:36}" + "".join(cells))
    return "\n".join([*lines, "", *(f"{name:46}{value:>14.2f}" for name, value in versus.items())])


def rounded(figures: Figures) -> Figures:
    return {name: round(value, 2) for name, value in figures.items()}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    wishes = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    facts, began = machine(), time.monotonic()
    with process(sys.executable, str(Path(__file__).with_name("proxy_ends.py"))) as ends:
        echo, source = (("127.0.0.1", int(port)) for port in first_line(ends).split())
        rounds = [one_round((echo, source)) for _ in range(wishes.rounds)]
    sums = middle(rounds)
    versus = compared(sums)
    print(table(sums, versus))
    print(f"\n{wishes.rounds} rounds in {time.monotonic() - began:.0f} s")
    if wishes.rounds > 1:
        kept = {
            "machine": facts,
            "rounds": wishes.rounds,
            "figures": {name: rounded(found) for name, found in sums.items()},
            "compared": rounded(versus),
        }
        SUMS.write_text(json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
