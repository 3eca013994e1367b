"""The shop's own load script and ledger against a small server with a standby that freezes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chaoskit.document import load_experiment, load_system
from chaoskit.judge.ledger import examine
from chaoskit.ledger import HttpLedger, read_history
from chaoskit.load import LocustLoad
from chaoskit.model.experiment import LoadSpec
from chaoskit.model.ledger import LedgerSpec
from chaoskit.model.system import System
from chaoskit.run.clock import SystemClock
from chaoskit.units import Rate
from chaoskit.world.fake import FakeClock, FakeWorld

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "experiments" / "shop"


class Store(ThreadingHTTPServer):
    """Two copies of the baskets; a read is answered by the standby, which may be frozen."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.held: dict[str, dict[str, int]] = {"database1": {}, "database2": {}}
        self.frozen = False
        self.lock = threading.Lock()

    def put(self, customer: str, revision: int) -> None:
        with self.lock:
            self.held["database1"][customer] = revision
            self.follow()

    def follow(self) -> None:
        if not self.frozen:
            self.held["database2"] = dict(self.held["database1"])


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Store

    def do_PUT(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.put(self.path.rpartition("/")[2], content["revision"])
        self._answer(200, content)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, {})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/baskets":
            held = self.server.held[parse_qs(parts.query)["from"][0]]
            rows = [{"customer": c, "revision": n} for c, n in held.items()]
            self._answer(200, {"entries": [] if "after" in parts.query else rows, "next": "z"})
        elif parts.path.startswith("/baskets/"):
            revision = self.server.held["database2"].get(parts.path.rpartition("/")[2])
            self._answer(404 if revision is None else 200, {"revision": revision})
        else:
            self._answer(200, {})

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def declared() -> tuple[System, LedgerSpec]:
    """The shop's baskets, listed by the one server that is here."""
    system = load_system(SHOP / "system.yaml")
    spec = system.ledgers["baskets"]
    page = {"tier": None, "url": spec.read.path}
    return system, spec.model_copy(update={"read": spec.read.model_copy(update=page)})


def test_old_baskets_are_found_while_the_standby_is_frozen_and_not_before(
    store: Store, tmp_path: Path
) -> None:
    system, spec = declared()
    asked = LoadSpec(locustfile="baskets.py", rate=Rate(40))
    world = FakeWorld.of(system, FakeClock(), tmp_path / "world.json")
    ledger = HttpLedger("baskets", spec, world, system, store.url, SystemClock())
    load = LocustLoad(asked, SHOP / "baskets.py", store.url, system.outcomes, seed=7, ledger=spec)
    ledger.mark(tmp_path)
    load.prepare(tmp_path / "load")
    begin = time.monotonic() + 0.3
    load.start(tmp_path / "load", begin)
    try:
        time.sleep(2.5)
        store.frozen = True
        frozen = time.monotonic()
        time.sleep(2.5)
        store.frozen = False
        with store.lock:
            store.follow()
        thawed = time.monotonic()
        time.sleep(1.0)
    finally:
        load.stop(3.0)
    ledger.read_back()
    found, offenders = examine(read_history(tmp_path, "baskets", spec))
    assert found.acknowledged > 60
    assert found.looks > 60
    assert {c.found for c in found.copies} == {found.registers}
    assert {one.offence for one in offenders} == {"stale"}
    # The bound is a second; the oldest answer came shortly before the standby thawed.
    assert found.stalest is not None
    assert 1.0 < found.stalest <= thawed - frozen + 0.1
    assert all(frozen - 0.1 < (one.acknowledged or 0) < thawed for one in offenders)


@pytest.mark.parametrize("name", ["stale-standby", "lagging-standby"])
def test_what_asks_the_shop_for_old_baskets_is_valid(name: str) -> None:
    bound = load_experiment(ROOT / "benchmarks" / f"{name}.yaml")
    assert bound.locustfile == SHOP / "baskets.py"
