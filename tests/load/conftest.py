"""A local target with every kind of answer, and a way to run a load script against it."""

from __future__ import annotations

import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chaoskit.load import LocustLoad
from chaoskit.model.experiment import LoadSpec
from chaoskit.model.ledger import LedgerSpec
from chaoskit.model.samples import FIELDS, STATUS_MASK, Outcome
from chaoskit.model.system import OutcomeRule, Outcomes
from chaoskit.model.timeline import LoadFacts
from chaoskit.units import Duration, Rate

# From ready to the first arrival, in seconds.
LEAD = 0.2

ANSWERS: dict[str, tuple[int, dict[str, str]]] = {
    "/degraded": (200, {"X-Degraded": "stale"}),
    "/otherwise": (200, {"X-Degraded": "no"}),
    "/shed": (429, {"Retry-After": "1"}),
    "/throttled": (429, {}),
    "/error": (500, {}),
    "/missing": (404, {}),
    "/sour": (500, {"X-Degraded": "stale"}),
    "/moved": (302, {"Location": "/later"}),
}
# Seconds before the answer begins, and bytes that it comes in, one every tenth of a second.
LATE = {"/moved": 0.15, "/later": 0.15}
DRIPS = {"/slowly": 5, "/endless": 12}

BODIES = {
    "/register": b'{"basket": {"sequence": 7}}',
    "/cached": b'{"stock": {"source": "cache"}}',
}


class Target(ThreadingHTTPServer):
    """Answers by path; `thaw` cleared freezes every answer, `hits` counts requests by path."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.thaw = threading.Event()
        self.thaw.set()
        self.hits: Counter[str] = Counter()
        self.order: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is part of the tests."""


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Target

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.hits[path] += 1
        self.server.order.append(path)
        if path == "/close":
            self.close_connection = True
        elif path == "/hang":
            self.close_connection = True
            time.sleep(1.2)
        elif path == "/drip":
            self.close_connection = True
            self._drip(15, of=100)
        elif path in DRIPS:
            self._drip(DRIPS[path], of=DRIPS[path])
        else:
            time.sleep(LATE.get(path, 0))
            self.server.thaw.wait(10)
            self._answer(*ANSWERS.get(path, (200, {})), BODIES.get(path, b"ok"))
            # Unannounced, as a server does with a connection that was idle for too long.
            self.close_connection = path == "/bye"

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, count: int, of: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(of))
        self.end_headers()
        for _ in range(count):
            self.wfile.write(b".")
            self.wfile.flush()
            time.sleep(0.1)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def target() -> Iterator[Target]:
    server = Target()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.thaw.set()
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class Samples:
    """What a course of load left."""

    rows: Any
    names: tuple[str, ...]
    facts: LoadFacts

    def of(self, name: str) -> Any:
        return self.rows[self.rows["series"] == self.names.index(name)]

    def outcomes(self, name: str) -> set[Outcome]:
        return {Outcome(int(code) >> 14) for code in self.of(name)["code"]}

    def statuses(self, name: str) -> set[int]:
        return {int(code) & STATUS_MASK for code in self.of(name)["code"]}


@dataclass
class Course:
    """One load, ready to run: `begin` is the monotonic time of the first arrival."""

    load: LocustLoad
    folder: Path
    begin: float = 0.0

    def start(self) -> None:
        self.load.prepare(self.folder)
        self.begin = time.monotonic() + LEAD
        self.load.start(self.folder, self.begin)
        self.until(0)

    def until(self, seconds: float) -> None:
        """Wait for the schedule to reach `seconds` after the first arrival."""
        time.sleep(max(self.begin + seconds - time.monotonic(), 0))

    def end(self, grace: float = 3.0) -> Samples:
        self.load.stop(grace)
        records, names = self.load.read()
        return Samples(np.frombuffer(records, dtype=list(FIELDS)), names, self.load.facts())

    def for_seconds(self, seconds: float) -> Samples:
        self.start()
        self.until(seconds)
        return self.end()


MakeCourse = Callable[..., Course]


@pytest.fixture
def course(tmp_path: Path, target: Target) -> Iterator[MakeCourse]:
    made: list[Course] = []

    def make(
        script: str,
        *,
        rate: float = 50,
        host: str = "",
        seed: int = 7,
        ledger: LedgerSpec | None = None,
        degraded: tuple[OutcomeRule, ...] = (OutcomeRule(header="X-Degraded", value="stale"),),
        **spec: Any,
    ) -> Course:
        folder = tmp_path / f"run-{len(made)}"
        folder.mkdir()
        path = folder / "load.py"
        path.write_text(textwrap.dedent(script), encoding="utf-8")
        spec.setdefault("timeout", Duration(2))
        asked = LoadSpec(locustfile="load.py", rate=Rate(rate), **spec)
        rules = Outcomes(degraded=degraded)
        load = LocustLoad(asked, path, host or target.url, rules, seed=seed, ledger=ledger)
        made.append(Course(load, folder / "load"))
        return made[-1]

    yield make
    for one in made:
        one.load.stop(0)
