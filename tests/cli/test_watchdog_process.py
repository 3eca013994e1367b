"""The watchdog's own process, when a part of its world goes away while it watches."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from chaoskit.run.clock import SystemClock
from chaoskit.run.history import outstanding
from chaoskit.run.journal import NAME, read_records
from chaoskit.world import reopen_world
from tests.run.leftovers import LINK, leave
from tests.world.standin import standin


class Answers(BaseHTTPRequestHandler):
    """An engine that has no containers."""

    def do_GET(self) -> None:
        asked = "version" in self.path
        body = json.dumps({"ApiVersion": "1.43", "Version": "24"} if asked else []).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"  # a client of such a socket has no address

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@contextmanager
def engine(path: Path) -> Iterator[None]:
    """An engine behind a socket; on the way out it is gone, and nothing listens."""
    with socketserver.ThreadingUnixStreamServer(str(path), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()
    path.unlink()


def test_a_watchdog_whose_engine_went_away_lifts_what_the_proxies_hold(tmp_path: Path) -> None:
    sock = tmp_path / "engine.sock"
    environment = os.environ | {
        "DOCKER_HOST": f"unix://{sock}", "CHAOSKIT_STATE": str(tmp_path / "state"),
    }  # fmt: skip
    with standin("c1") as proxies:
        world = reopen_world(
            {
                "runtime": "docker", "system": "shop", "project": "shop", "tiers": {},
                "proxies": proxies.url, "links": {LINK: ["c1"]}, "pings": {},
            }
        )  # fmt: skip
        folder = leave(tmp_path / "run-1", world, SystemClock(), ("latency", LINK), ("cut", LINK))
        with engine(sock):
            watchdog = subprocess.Popen(
                [sys.executable, "-m", "chaoskit.cli.watchdog", str(folder)], env=environment,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert watchdog.stdout is not None
            assert watchdog.stdout.readline() == "ready\n"
        watchdog.communicate(timeout=60)  # its end of the pipe closes: the runner is dead
        assert proxies.proxies["c1"]["toxics"] == []
        assert proxies.proxies["c1"]["enabled"]
    assert watchdog.returncode == 0
    records = read_records(folder / NAME)
    assert outstanding(records) == []
    assert {r["by"] for r in records if r["kind"] == "reverted"} == {"watchdog"}
