"""A system that is there and not ours: what it lacks is said, and nothing that cannot help."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.cli.opening import open_system
from chaoskit.document import load_system
from chaoskit.errors import Unreachable
from chaoskit.ports import Json
from chaoskit.run.target import Target
from chaoskit.world.docker import DockerWorld, docker_description, docker_world
from chaoskit.world.docker.engine import Unasked
from chaoskit.world.docker.nodes import PROJECT, SERVICE
from tests.world.test_docker_reading import container as running

SYSTEM = """\
system: pair
entry: {url: "http://127.0.0.1:8080"}
tiers: {web: {layer: application, nodes: [web1, web2]}}
runtimes:
  docker: {project: mine%s}
"""
WANTED = "chaoskit.system=pair and com.docker.compose.project=mine"


class Engine(Unasked):
    """An engine that lists these containers, each known by its labels."""

    def __init__(self, *labels: dict[str, str]) -> None:
        super().__init__()
        self.entries = [{"Id": str(n), "Labels": one} for n, one in enumerate(labels)]

    def containers(self, labels: list[str], all_states: bool = True) -> list[Json]:
        wanted = [tuple(label.split("=")) for label in labels]
        return [e for e in self.entries if all(e["Labels"].get(k) == v for k, v in wanted)]

    def inspect(self, container: str) -> Json:
        return running() | {"Config": {"Labels": self.entries[int(container)]["Labels"]}}


def service(name: str, **labels: str) -> dict[str, str]:
    named = {f"chaoskit.{key}": value for key, value in labels.items()}
    return {PROJECT: "mine", SERVICE: name} | named


@pytest.fixture
def up_by(tmp_path: Path) -> Path:
    (tmp_path / "system.yaml").write_text(SYSTEM % ", up: [./up.sh]")
    return tmp_path


def world(folder: Path, *labels: dict[str, str]) -> DockerWorld:
    system = load_system(folder / "system.yaml")
    return docker_world(docker_description(system, system.runtimes["docker"]), Engine(*labels))


def refusal(folder: Path, monkeypatch: pytest.MonkeyPatch, *labels: dict[str, str]) -> str:
    monkeypatch.setattr("chaoskit.world.open_world", lambda _: world(folder, *labels))
    with pytest.raises(Unreachable) as refused:
        open_system(load_system(folder / "system.yaml"), folder)
    return str(refused.value)


def test_a_project_without_labels_is_told_which_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "system.yaml").write_text(SYSTEM % "")
    said = refusal(tmp_path, monkeypatch, service("web1"), service("web2"))
    assert f"a container called 'web1' exists, but does not carry {WANTED}" in said
    assert "system up" not in said
    assert "runtimes.docker names no 'up' command" in said


def test_one_that_chaoskit_can_bring_up_says_how(
    up_by: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refusal(up_by, monkeypatch)
    assert f"there is no container for node 'web1' that carries {WANTED}" in said
    assert said.endswith("try: chaoskit system up --runtime docker")


def test_what_one_service_lacks_is_missing_to_full_strength(up_by: Path) -> None:
    found = world(up_by, service("web1", system="pair"), service("web2"))
    (missing,) = Target(load_system(up_by / "system.yaml"), found).missing()
    assert missing.startswith("web2: a container called 'web2' exists, but does not carry")
