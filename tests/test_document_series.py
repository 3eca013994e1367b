"""Names in expectations: of requests as the load script tells them, and of probes."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from chaoskit.document import load_experiment
from chaoskit.document.series import request_names
from chaoskit.errors import DocumentError

ROOT = Path(__file__).parents[1]
SYSTEM = """\
system: shop
entry: {url: "http://127.0.0.1:8080"}
tiers: {web: {layer: application, nodes: [web1]}}
probes:
  web-port: {tcp: {tier: web, port: 8080}}
  browse: {tcp: {tier: web, port: 8080}}
runtimes: {local: {probes: {standby: {tcp: {tier: web, port: 1}}}}}
"""
EXPERIMENT = """\
experiment: named
hypothesis: It holds
load: {locustfile: load.py, rate: 60/s}
steady_state:
  - success >= 99%
  - CLAIM
phases: {baseline: 60s, fault: 60s, recovery: {within: 20s}}
"""
PLAIN = """
    from locust import FastHttpUser, task

    class Customer(FastHttpUser):
        @task
        def look(self):
            self.client.get("/items", name="browse")
            self.client.get("/basket")
"""


def said_of(tmp_path: Path, claim: str, script: str = PLAIN) -> list[str]:
    (tmp_path / "system.yaml").write_text(SYSTEM)
    (tmp_path / "load.py").write_text(dedent(script))
    path = tmp_path / "named.yaml"
    path.write_text(EXPERIMENT.replace("CLAIM", claim))
    try:
        load_experiment(path)
    except DocumentError as error:
        return [str(p).removeprefix(f"{path}:") for p in error.problems]
    return []


@pytest.mark.parametrize("name", ["/basket", "look", "web-port", "standby", "all"])
def test_a_request_a_task_and_a_probe_are_known(tmp_path: Path, name: str) -> None:
    assert said_of(tmp_path, f"{name} success >= 99%") == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("web-prot", "did you mean 'web-port'?"),
        ("/baskte", "did you mean '/basket'?"),
        ("checkout", "requests and probes: /basket, browse, standby, web-port"),
    ],
)
def test_another_name_is_told_at_its_place(tmp_path: Path, name: str, hint: str) -> None:
    said = f"6:5: there is no request and no probe '{name}' ({hint})"
    assert said_of(tmp_path, f"{name} success >= 99%") == [said]


def test_a_request_and_a_probe_of_one_name_are_told(tmp_path: Path) -> None:
    said = "6:5: 'browse' is a request of load.py and a probe (rename one of them)"
    assert said_of(tmp_path, "browse success >= 99%") == [said]


@pytest.mark.parametrize(
    "more",
    [
        'self.client.get(f"/item/{1}")',
        "self.client.get('/x', name=NAMES[0])",
        'self.client.get("/" + "x")',
        'self.client.request("GET", self.path)',
        "events.request.fire(name=made_up)",
        "send(self.client)",
        'self.rest("GET", "/checkout")',
        'self.client.request_name = "x"',
        "name = 1; self.client.get('/', name=name)",
    ],
)
def test_where_reading_does_not_tell_all_names_none_is_refused(tmp_path: Path, more: str) -> None:
    assert said_of(tmp_path, "checkout success >= 99%", PLAIN + f"            {more}\n") == []


@pytest.mark.parametrize(
    "script",
    ["", "class User: pass", "def (", "from mine import User\n" + dedent(PLAIN), "from . import x"],
)
def test_a_script_that_tells_no_name_refuses_none(tmp_path: Path, script: str) -> None:
    assert said_of(tmp_path, "checkout success >= 99%", script) == []


def test_names_that_a_function_is_given_are_known() -> None:
    names = request_names(ROOT / "experiments" / "shop" / "load.py")
    assert names is not None
    assert names.sure == {"browse", "checkout"}
