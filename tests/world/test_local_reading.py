"""What is read out of supervisord's and the kernel's words: no supervisord needed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import InvalidInput, TargetError, Unreachable
from chaoskit.model.system import RuntimeSpec, System
from chaoskit.ports import NodeState
from chaoskit.world import open_world
from chaoskit.world.local import local_description
from chaoskit.world.local.capabilities import capabilities
from chaoskit.world.local.commands import environment_of
from chaoskit.world.local.processes import Process, everyone, look
from chaoskit.world.local.programs import Program
from chaoskit.world.local.supervisor import Supervisor
from chaoskit.world.local.traffic import LocalTraffic, peers
from chaoskit.world.local.trees import Tree, destroy, freeze, tree_of
from tests.local_stage import state
from tests.stage import eventually


@pytest.fixture
def sleeper() -> Iterator[Process]:
    """A process of ours, recorded as it is now."""
    with subprocess.Popen(["sleep", "60"], env={"SHOP_COLOUR": "blue=green"}) as process:
        seen = look(process.pid)
        assert seen is not None
        try:
            yield seen
        finally:
            process.kill()


def program(word: str, status: int = 0, letters: str = "") -> Program:
    members = tuple(Process(1000 + n, 1, 1, 1, 1, letter) for n, letter in enumerate(letters))
    said = {"statename": word, "exitstatus": status, "start": 7, "pid": 1000 if letters else 0}
    return Program(said, members[0] if members else None, Tree(members))


@pytest.mark.parametrize(
    ("word", "status", "letters", "expected"),
    [
        ("RUNNING", 0, "S", NodeState.RUNNING),
        ("RUNNING", 0, "SRZ", NodeState.RUNNING),
        ("RUNNING", 0, "TTS", NodeState.RUNNING),
        ("RUNNING", 0, "TTZ", NodeState.FROZEN),
        ("RUNNING", 0, "Z", NodeState.STOPPED),
        ("RUNNING", 0, "", NodeState.STOPPED),
        ("STARTING", 0, "S", NodeState.STOPPED),
        ("STOPPING", 0, "S", NodeState.RUNNING),
        ("STOPPING", 0, "T", NodeState.FROZEN),
        ("BACKOFF", 0, "", NodeState.STOPPED),
        ("FATAL", 0, "", NodeState.STOPPED),
        ("EXITED", 0, "", NodeState.STOPPED),
        ("EXITED", 143, "", NodeState.STOPPED),
        ("EXITED", -1, "", NodeState.KILLED),
        ("STOPPED", -1, "", NodeState.KILLED),
        ("STOPPED", 0, "", NodeState.STOPPED),
    ],
)
def test_the_state_of_a_program(word: str, status: int, letters: str, expected: NodeState) -> None:
    assert program(word, status, letters).state is expected


def test_it_is_down_once_nobody_is_left_and_no_policy_is_at_work() -> None:
    assert program("STOPPED", -1).down
    assert not program("BACKOFF").down
    assert not program("STOPPED", -1, "S").down
    assert not program("RUNNING").down
    assert program("EXITED", -1).exit_code == 137
    assert program("EXITED", 3).exit_code == 3
    assert program("RUNNING", 0, "S").exit_code is None


def test_a_process_with_another_start_time_is_not_signalled(sleeper: Process) -> None:
    reused = replace(sleeper, started=sleeper.started - 1)
    assert reused.send(signal.SIGKILL) is False
    assert freeze([reused]).members == ()
    destroy([reused], 1.0)
    assert tree_of([reused]).members == ()
    assert state(sleeper.pid) == "S"
    assert sleeper.send(signal.SIGSTOP) is True
    eventually(lambda: state(sleeper.pid) == "T", what="the stop")


@pytest.mark.parametrize("pid", [0, 1, -1, os.getpid()], ids=["all", "init", "any", "own"])
def test_nobody_signals_everybody_or_himself(pid: int) -> None:
    with pytest.raises(TargetError, match="no process of a node"):
        Process(pid, 1, 1, 1, 1, "S").send(signal.SIGKILL)


def test_a_tree_that_holds_chaoskit_itself_is_refused() -> None:
    above = look(os.getppid())
    assert above is not None
    with pytest.raises(TargetError, match="chaoskit itself"):
        freeze([above])


def test_a_name_with_brackets_and_spaces_is_no_trouble(tmp_path: Path) -> None:
    odd = tmp_path / "a) S 1 (b"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([odd, "60"]) as process:
        eventually(lambda: ") S 1 (" in Path(f"/proc/{process.pid}/stat").read_text())
        seen = look(process.pid)
        process.kill()
    assert seen is not None
    assert (seen.parent, seen.pid in everyone()) == (os.getpid(), seen.alive and False)


def test_the_environment_is_what_it_was_started_with(sleeper: Process) -> None:
    eventually(lambda: "SHOP_COLOUR" in environment_of(sleeper), what="the exec")
    assert environment_of(sleeper)["SHOP_COLOUR"] == "blue=green"
    assert environment_of(replace(sleeper, pid=2**22 + 1)).keys() == {"PATH"}


def test_connections_are_told_apart_by_address_and_port() -> None:
    with socket.create_server(("127.0.0.2", 0)) as door, socket.socket() as client:
        port = door.getsockname()[1]
        client.connect(("127.0.0.2", port))
        with closing(door.accept()[0]):
            mine = (f"127.0.0.1:{client.getsockname()[1]}",)
            count = LocalTraffic().sessions
            assert count([f"127.0.0.2:{port}"]) == mine
            assert count([f"[::]:{port}"]) == count([f":{port}"]) == mine
            assert count([f"127.0.0.3:{port}"], patient=False) == ()
            assert count([], patient=False) == ()
    assert peers("", frozenset()) == ()


def description(**more: Any) -> dict[str, Any]:
    return {"runtime": "local", "system": "shop", "links": {}, "tiers": {}, **more}


def test_a_description_is_made_from_the_models_and_is_plain_json() -> None:
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
    spec = RuntimeSpec(
        project="shop2",
        proxies="http://127.0.10.1:8474",
        supervisor="/run/shop/s.sock",
        addresses={"web1": "127.0.10.21"},
        ports={8080: 18080},
    )
    assert local_description(system, spec) == {
        "runtime": "local",
        "system": "shop",
        "project": "shop2",
        "supervisor": "/run/shop/s.sock",
        "proxies": "http://127.0.10.1:8474",
        "links": {"gateway -> web": ["gateway-web1", "gateway-web2"]},
        "pings": {"web1": "http:8080/health", "web2": "http:8080/health"},
        "tiers": {"web1": "web", "web2": "web", "etcd1": "etcd"},
        "addresses": {"web1": "127.0.10.21"},
        "ports": {"8080": 18080},
    }


def test_a_description_without_a_supervisord_says_what_to_do() -> None:
    with pytest.raises(InvalidInput, match="chaoskit system up --runtime local"):
        open_world(description(supervisor=None))
    (missing,) = capabilities(description(supervisor=None))
    assert not missing.ok
    assert "kill" in missing.faults


@pytest.mark.parametrize("length", [0, 200])
def test_a_socket_that_is_not_there_is_one_sentence(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("s" * (length or 1))
    with pytest.raises(Unreachable, match=r"no supervisord answers at .*chaoskit system up") as no:
        open_world(description(supervisor=str(path)))
    assert "\n" not in str(no.value)


def test_a_socket_that_nobody_serves_any_more_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(Unreachable, match=r"refused.*chaoskit system up"):
        Supervisor(str(path)).pid()


def test_somebody_else_behind_the_socket_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "s"
    script = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n"
        "while True: c = s.accept()[0]; c.recv(4096); c.sendall(sys.argv[2].encode()); c.close()"
    )
    for answer in ("SSH-2.0\r\n", "HTTP/1.1 200 OK\r\n\r\nhello", "HTTP/1.1 401 No\r\n\r\n"):
        path.unlink(missing_ok=True)
        with subprocess.Popen([sys.executable, "-c", script, path, answer]) as other:
            eventually(path.exists, what="the socket")
            with pytest.raises(TargetError, match=r"system up") as refusal:
                eventually(lambda: Supervisor(str(path), timeout=1.0).pid())
            other.kill()
        assert "\n" not in str(refusal.value)
