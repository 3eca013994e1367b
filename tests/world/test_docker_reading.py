"""What is read out of the engine's and the kernel's words: pure functions, no engine needed."""

from __future__ import annotations

import copy
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import Unreachable
from chaoskit.model.system import RuntimeSpec, System
from chaoskit.ports import NodeState
from chaoskit.world.docker import docker_description, open_docker, reopen_docker
from chaoskit.world.docker.capabilities import capabilities
from chaoskit.world.docker.fingerprint import node_fingerprint
from chaoskit.world.docker.nodes import address_of, node_name, state_of
from chaoskit.world.docker.traffic import peers
from tests.world.standin import standin

CONTAINER: dict[str, Any] = {
    "Id": "4866ab6b93fa39c0",
    "State": {
        "Status": "running", "Running": True, "Paused": False, "Restarting": False,
        "ExitCode": 0, "Pid": 7, "StartedAt": "2026-01-01T00:00:00Z",
    },
    "RestartCount": 0,
    "Config": {"Labels": {"chaoskit.system": "shop", "com.docker.compose.config-hash": "1"}},
    "HostConfig": {"RestartPolicy": {"Name": "always"}, "Memory": 0, "PidsLimit": None},
    "NetworkSettings": {
        "Networks": {
            "shop": {
                "Aliases": ["web1", "4866ab6b93fa"], "IPAddress": "10.77.0.21",
                "IPAMConfig": {"IPv4Address": "10.77.0.21"},
            }
        }
    },
}  # fmt: skip


def container(**state: Any) -> dict[str, Any]:
    made = copy.deepcopy(CONTAINER)
    made["State"].update(state)
    return made


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, NodeState.RUNNING),
        ({"Paused": True}, NodeState.FROZEN),
        ({"Restarting": True, "ExitCode": 137}, NodeState.STOPPED),
        ({"Running": False, "ExitCode": 137}, NodeState.KILLED),
        ({"Running": False, "ExitCode": 143}, NodeState.STOPPED),
        ({"Running": False, "ExitCode": 0}, NodeState.STOPPED),
    ],
)
def test_the_state_of_a_container(state: dict[str, Any], expected: NodeState) -> None:
    assert state_of(container(**state)) is expected


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"com.docker.compose.service": "web1"}, "web1"),
        ({"com.docker.compose.service": "web", "chaoskit.node": "web1"}, "web1"),
        ({"com.docker.compose.service": "web", "com.docker.compose.oneoff": "True"}, None),
        ({}, None),
    ],
)
def test_the_name_of_a_container(labels: dict[str, str], name: str | None) -> None:
    assert node_name(labels) == name


def test_a_container_that_is_down_has_no_address() -> None:
    down = container(Running=False)
    down["NetworkSettings"]["Networks"]["shop"]["IPAddress"] = ""
    assert (address_of(CONTAINER), address_of(down)) == ("10.77.0.21", None)


def test_what_changes_by_nature_is_not_in_the_fingerprint() -> None:
    before = node_fingerprint(CONTAINER)
    later = container(Pid=99, StartedAt="2026-02-02T00:00:00Z")
    later["RestartCount"], later["Id"] = 3, "deadbeef0000"
    later["NetworkSettings"]["Networks"]["shop"]["Aliases"] = ["deadbeef0000", "web1"]
    later["HostConfig"]["PidsLimit"] = 0
    assert node_fingerprint(later) == before


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("State", "Paused"), True),
        (("State", "Running"), False),
        (("HostConfig", "RestartPolicy"), {"Name": "no"}),
        (("HostConfig", "Memory"), 1000),
        (("NetworkSettings", "Networks"), {}),
        (("NetworkSettings", "Networks", "shop", "Aliases"), ["4866ab6b93fa"]),
        (("NetworkSettings", "Networks", "shop", "IPAMConfig"), None),
    ],
)
def test_what_a_fault_could_leave_behind_is_in_it(path: tuple[str, ...], value: Any) -> None:
    changed = container()
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert node_fingerprint(changed) != node_fingerprint(CONTAINER)


def test_killed_and_stopped_are_one_to_the_fingerprint() -> None:
    killed, stopped = container(Running=False, ExitCode=137), container(Running=False)
    assert node_fingerprint(killed) == node_fingerprint(stopped)


@pytest.mark.parametrize(
    ("family", "here", "table"),
    [(socket.AF_INET, "127.0.0.1", "tcp"), (socket.AF_INET6, "::", "tcp6")],
)
def test_peers_are_read_from_the_kernels_own_table(
    family: socket.AddressFamily, here: str, table: str
) -> None:
    with socket.socket(family) as door, socket.socket() as client:
        door.bind((here, 0))
        door.listen()
        port = door.getsockname()[1]
        client.connect(("127.0.0.1", port))
        with door.accept()[0]:
            found = peers(Path(f"/proc/net/{table}").read_text(), frozenset({port}))
            assert found == (f"127.0.0.1:{client.getsockname()[1]}",)
            assert peers(Path(f"/proc/net/{table}").read_text(), frozenset()) == ()


def test_a_description_is_made_from_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.5:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", "keys")
    system = System.model_validate(
        {
            "system": "shop",
            "entry": {"url": "http://127.0.0.1:18080"},
            "tiers": {
                "web": {"layer": "application", "nodes": ["web1", "web2"],
                        "alive": "http:8080/health"},
                "etcd": {"layer": "database", "nodes": ["etcd1"]},
            },
            "links": {"gateway -> web": {"proxies": ["gateway-web1", "gateway-web2"]}},
        }
    )  # fmt: skip
    spec = RuntimeSpec(project="shop", proxies="http://127.0.0.1:18474")
    assert docker_description(system, spec) == {
        "runtime": "docker",
        "system": "shop",
        "project": "shop",
        "engine": {
            "host": "tcp://10.0.0.5:2376", "certs": str(Path("keys").absolute()), "verify": True,
        },
        "proxies": "http://127.0.0.1:18474",
        "links": {"gateway -> web": ["gateway-web1", "gateway-web2"]},
        "pings": {"web1": "http:8080/health", "web2": "http:8080/health"},
        "tiers": {"web1": "web", "web2": "web", "etcd1": "etcd"},
    }  # fmt: skip


def test_an_engine_that_is_away_is_one_sentence_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    description = {"runtime": "docker", "system": "shop"}
    with pytest.raises(Unreachable, match=r"at tcp://127\.0\.0\.1:1 .*docker info") as refusal:
        open_docker(description)
    assert len(str(refusal.value)) < 200
    (missing,) = capabilities(description)
    assert not missing.ok
    assert "kill" in missing.faults


@pytest.mark.parametrize("host", ["tcp://127.0.0.1:1", "unix:///nowhere", "what://is/that"])
def test_reopened_without_an_engine_a_link_is_lifted_and_a_node_says_why_not(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    latency = {"kind": "latency", "delay": 0.08, "jitter": 0.0}
    with standin("web-cache1") as proxies:
        links = {"web -> cache": ["web-cache1"]}
        description = {"runtime": "docker", "system": "shop", "links": links}
        world = reopen_docker(description | {"proxies": proxies.url})
        link = world.link("web -> cache")
        was = link.survey()
        link.impose("0-0", latency)
        assert link.observe("0-0", latency).listed
        assert link.observe("0-0", latency).connections is None
        link.lift("0-0", latency, was)
        assert not link.observe("0-0", latency).listed
        with pytest.raises(Unreachable, match=f"no Docker engine answers at {re.escape(host)} "):
            world.node("web1")
        world.close()


def test_the_engine_that_a_description_names_is_asked_from_any_shell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = System.model_validate(
        {
            "system": "shop",
            "entry": {"url": "http://127.0.0.1:1"},
            "tiers": {"web": {"layer": "application", "nodes": ["web1"]}},
        }
    )
    monkeypatch.setenv("DOCKER_HOST", "unix:///of-the-run")
    described = docker_description(system, RuntimeSpec())
    monkeypatch.setenv("DOCKER_HOST", "unix:///of-the-shell")
    with pytest.raises(Unreachable, match="answers at unix:///of-the-run "):
        open_docker(described)
    with pytest.raises(Unreachable, match="answers at unix:///of-the-run "):
        reopen_docker(described).node("web1")
    # An older journal names no engine, and is put back as it was then.
    del described["engine"]
    with pytest.raises(Unreachable, match="answers at unix:///of-the-shell "):
        reopen_docker(described).node("web1")
