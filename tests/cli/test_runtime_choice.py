"""Which runtime `--runtime auto` takes, and that it says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.cli.opening import choose_runtime, describe, read_spec
from chaoskit.document import load_system
from chaoskit.errors import InvalidInput
from chaoskit.model.system import System

TEXT = """
system: pair
entry: {url: "http://127.0.0.1:8080", others: ["http://127.0.0.1:8081"]}
tiers: {web: {layer: application, nodes: [web1, web2]}}
links: {client -> web: {proxies: [client-web]}}
probes: {front: {http: {url: /health}}}
runtimes:
"""
DOCKER = "  docker: {project: pair, state: docker.json}\n"
LOCAL = """  local:
    state: local.json
    links: {client -> web: {proxies: [client-web1, client-web2]}}
    probes: {front: {http: {tier: web}, holders: first}}
"""


def system(folder: Path, *runtimes: str) -> System:
    (folder / "system.yaml").write_text(TEXT + "".join(runtimes))
    return load_system(folder / "system.yaml")


@pytest.fixture
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


@pytest.mark.usefixtures("_no_engine")
def test_without_an_engine_it_is_local(tmp_path: Path) -> None:
    choice = choose_runtime(system(tmp_path, DOCKER, LOCAL), tmp_path, "auto")
    assert str(choice) == "local (no container engine answers)"


@pytest.mark.docker
def test_an_engine_that_answers_comes_first(tmp_path: Path) -> None:
    choice = choose_runtime(system(tmp_path, DOCKER, LOCAL), tmp_path, "auto")
    assert str(choice) == "docker (a container engine answers)"


@pytest.mark.docker
def test_a_system_that_is_up_on_local_alone_is_found_there(tmp_path: Path) -> None:
    both = system(tmp_path, DOCKER, LOCAL)
    (tmp_path / "local.json").write_text("{}")
    assert choose_runtime(both, tmp_path, "auto").runtime == "local"
    (tmp_path / "docker.json").write_text("{}")
    assert choose_runtime(both, tmp_path, "auto").runtime == "docker"


@pytest.mark.usefixtures("_no_engine")
def test_the_only_runtime_and_the_one_asked_for_are_taken_as_they_are(tmp_path: Path) -> None:
    only = system(tmp_path, DOCKER)
    assert choose_runtime(only, tmp_path, "auto").runtime == "docker"
    both = system(tmp_path, DOCKER, LOCAL)
    assert str(choose_runtime(both, tmp_path, "docker")) == "docker"
    with pytest.raises(InvalidInput, match="declares no runtime 'local'"):
        choose_runtime(only, tmp_path, "local")


def test_a_runtime_replaces_links_and_probes_of_the_same_name(tmp_path: Path) -> None:
    both = system(tmp_path, DOCKER, LOCAL)
    assert both.on("docker") == both
    laid = both.on("local")
    assert laid.links["client -> web"].proxies == ("client-web1", "client-web2")
    assert laid.probes["front"].holders == "first"


def test_the_state_file_wins_over_what_is_declared(tmp_path: Path) -> None:
    local = system(tmp_path, LOCAL)
    assert read_spec(local, tmp_path, "local")[1] == (
        "http://127.0.0.1:8080",
        "http://127.0.0.1:8081",
    )
    (tmp_path / "local.json").write_text(
        '{"entries": ["http://127.7.7.7:80"], "supervisor": "/run/s.sock", "ports": {"80": 81},'
        ' "addresses": {"web1": "127.7.7.1"}}'
    )
    spec, entries = read_spec(local, tmp_path, "local")
    assert entries == ("http://127.7.7.7:80",)
    assert (spec.supervisor, dict(spec.ports)) == ("/run/s.sock", {80: 81})
    assert spec.addresses["web1"] == "127.7.7.1"


def test_the_supervisors_socket_counts_from_the_systems_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = system(tmp_path, "  local: {state: local.json, supervisor: run/s.sock}\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    # As it is journalled, so that `revert` finds it from anywhere.
    spec, _ = read_spec(declared, Path(".."), "local")
    assert describe(declared, spec, "local")["supervisor"] == str(tmp_path / "run" / "s.sock")
    (tmp_path / "local.json").write_text('{"supervisor": "state/s.sock"}')
    spec, _ = read_spec(declared, Path(".."), "local")
    assert spec.supervisor == str(tmp_path / "state" / "s.sock")


@pytest.mark.parametrize("text", ["{", "[]", '{"ports": 7}', '{"entries": 7}'])
def test_a_torn_state_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    local = system(tmp_path, LOCAL)
    (tmp_path / "local.json").write_text(text)
    with pytest.raises(InvalidInput, match=r"local\.json: cannot be understood \(.+\); bring"):
        read_spec(local, tmp_path, "local")


@pytest.mark.parametrize("place", ["links", "probes"])
def test_what_a_runtime_replaces_is_checked_too(tmp_path: Path, place: str) -> None:
    wrong = {
        "links": "client -> wub: {proxies: [p]}",
        "probes": "front: {http: {tier: wub}}",
    }[place]
    (tmp_path / "system.yaml").write_text(f"{TEXT}  local: {{{place}: {{{wrong}}}}}\n")
    with pytest.raises(InvalidInput, match=r"system\.yaml:\d+:\d+: .*wub"):
        load_system(tmp_path / "system.yaml")
