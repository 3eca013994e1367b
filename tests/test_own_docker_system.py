"""The three files of «A system of your own under `docker`» fit together, as chaoskit reads them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaoskit.document import load_system
from chaoskit.model.system import System
from chaoskit.ports import Json
from chaoskit.world.docker import DockerWorld, docker_description, docker_world
from chaoskit.world.docker.engine import Unasked
from chaoskit.world.docker.nodes import PROJECT, SERVICE
from chaoskit.world.docker.traffic import PROXY

PAGE = Path(__file__).parents[1] / "docs/system.md"
SECTION = PAGE.read_text().split("## A system of your own under `docker`\n")[1].split("\n## ")[0]
COMPOSE, PROXIES, DECLARED = re.findall(r"^```[^\n]+\n(.*?)^```", SECTION, re.M | re.S)
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]


class Composed(Unasked):
    """An engine on which that project is up: compose labels each container with its service."""

    def containers(self, labels: list[str], all_states: bool = True) -> list[Json]:
        wanted = dict(label.split("=") for label in labels)
        carried = [{SERVICE: name, PROJECT: "stall"} | s["labels"] for name, s in SERVICES.items()]
        return [{"Labels": labels} for labels in carried if wanted.items() <= labels.items()]


@pytest.fixture
def system(tmp_path: Path) -> System:
    (tmp_path / "system.yaml").write_text(DECLARED)
    return load_system(tmp_path / "system.yaml")


@pytest.fixture
def world(system: System) -> DockerWorld:
    return docker_world(docker_description(system, system.runtimes["docker"]), Composed())


def test_its_nodes_are_found_by_their_labels_and_the_instrument_is_none(
    system: System, world: DockerWorld
) -> None:
    assert sorted(world.nodes()) == sorted(system.nodes())
    assert SERVICES["toxiproxy"]["labels"] == {PROXY: system.system}


def test_its_links_go_through_the_proxies_that_are_there(system: System) -> None:
    proxies = {proxy["name"]: proxy for proxy in json.loads(PROXIES)}
    assert {name for link in system.links.values() for name in link.proxies} == set(proxies)
    assert {proxy["upstream"].partition(":")[0] for proxy in proxies.values()} <= set(SERVICES)
    ports = {proxy["listen"].rpartition(":")[2] for proxy in proxies.values()}
    asked = set(re.findall(r"//toxiproxy:(\d+)", json.dumps(SERVICES)))
    published = dict(door.split(":")[1:] for door in SERVICES["toxiproxy"]["ports"])
    entries = {url.rpartition(":")[2] for url in (system.entry.url, *system.entry.others)}
    assert {published[entry] for entry in entries} | asked == ports


def test_what_chaoskit_reaches_is_published_on_loopback_alone(system: System) -> None:
    doors = SERVICES["toxiproxy"]["ports"]
    assert all(door.startswith("127.0.0.1:") for door in doors)
    assert str(system.runtimes["docker"].proxies) == "http://127.0.0.1:8474"
    assert "127.0.0.1:8474:8474" in doors
