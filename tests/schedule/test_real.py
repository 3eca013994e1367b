"""`chaoskit schedule once` with nothing put in its place: a real experiment on real processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from chaoskit.cli import main
from chaoskit.document import load_schedule
from chaoskit.run.history import read_timeline
from chaoskit.run.state import StateRoot
from chaoskit.schedule import outside
from chaoskit.schedule.log import Log
from tests.local_stage import LocalStage, free_address, local_stage
from tests.schedule.desk import FakeClock
from tests.stage import DIRECT, eventually

PORT = 8080
SYSTEM = """\
system: {system}
entry: {{url: "{entry}"}}
tiers:
  web: {{layer: application, nodes: [web1, web2], redundancy: {{min: 1}}, alive: "http:8080/"}}
runtimes:
  local: {{state: state.json}}
"""
# So little is claimed that this is about the schedule and not about the machine.
EXPERIMENT = """\
experiment: web-loss
hypothesis: One web server is enough
load: {locustfile: load.py, rate: 20/s}
steady_state: [success >= 50%]
phases: {baseline: 2s, fault: 2s, recovery: {within: 3s, hold: 1s}}
faults:
  - kill: {node: web2}
"""
LOAD = """\
from locust import HttpUser, task


class Visitor(HttpUser):
    @task
    def home(self):
        self.client.get("/")
"""
SCHEDULE = """\
schedule: small
entries:
  - {name: daily, run: [web-loss.yaml], cron: "0 8 * * *"}
"""
CODES = {"held": 0, "inconclusive": 3}  # the second where the machine stalled


@pytest.fixture
def made() -> Iterator[LocalStage]:
    """A supervisord of its own, for two web servers."""
    with local_stage() as found:
        yield found


def write(folder: Path, made: LocalStage) -> None:
    """The servers, each with an address of its own, and the files that are about them."""
    addresses = {"web1": made.address, "web2": free_address()}
    (made.folder / "pages").mkdir()
    for name, address in addresses.items():
        serve = f"-m http.server {PORT} --bind {address} --directory {made.folder}/pages"
        made.program(name, f"{sys.executable} {serve}")
    made.start()
    for address in addresses.values():
        eventually(lambda at=address: answers(f"http://{at}:{PORT}"), what="a web server")
    entry = f"http://{made.address}:{PORT}"
    (folder / "system.yaml").write_text(SYSTEM.format(system=made.system, entry=entry))
    (folder / "state.json").write_text(json.dumps(made.description() | {"addresses": addresses}))
    (folder / "web-loss.yaml").write_text(EXPERIMENT)
    (folder / "load.py").write_text(LOAD)
    (folder / "schedule.yaml").write_text(SCHEDULE)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1, proxies=DIRECT).ok
    except requests.ConnectionError:
        return False


@pytest.mark.local
def test_a_real_experiment_is_run_when_it_is_due(
    made: LocalStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, made)
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(outside, "RealClock", FakeClock)
    before = made.outer("web2")
    with pytest.raises(SystemExit) as ended:
        main(["schedule", "once"])

    (folder,) = (tmp_path / "reports" / "web-loss").glob("*/")
    verdict = json.loads((folder / "verdict.json").read_text())
    assert ended.value.code == CODES[verdict["status"]]
    records = Log(StateRoot().path, load_schedule(tmp_path).path).records()
    assert [one["kind"] for one in records] == ["adopted", "begun", "ended"]
    assert records[-1]["code"] == ended.value.code

    found = read_timeline(folder)
    (injection,) = found.injections
    assert (injection.fault, injection.point, injection.proven) == ("kill", "web2", True)
    assert found.restored
    assert made.outer("web2") not in (0, before)
