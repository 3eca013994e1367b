"""`chaoskit proxy` as a process: ready line, configuration, seed, prompt end."""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.proxy.peers import Upstream, asked, connect, ending
from tests.proxy.servers import Server, door

COMMAND = [sys.executable, "-W", "error", "-m", "chaoskit", "proxy", "--port", "0"]


@contextmanager
def command(*more: str) -> Iterator[tuple[subprocess.Popen[str], Server, str]]:
    with subprocess.Popen(
        [*COMMAND, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            ready = process.stdout.readline()
            found = re.match(r"proxy ready at (http://\S+): ", ready)
            assert found, ready + process.stderr.read() if process.stderr else ready
            server = Server("command", found[1])
            with server.session:
                yield process, server, ready
        finally:
            process.kill()


def failed(*more: str) -> tuple[int, str]:
    done = subprocess.run([*COMMAND, *more], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stderr


def test_it_opens_its_configuration_and_ends_promptly(tmp_path: Path, echoing: Upstream) -> None:
    config = tmp_path / "proxies.json"
    wish = [{"name": "p", "upstream": echoing.address, "listen": "127.0.0.1:0"}]
    config.write_text(json.dumps(wish))
    with command("--config", str(config), "--seed", "11") as (process, server, ready):
        assert ready.endswith(": 1 proxy, seed 11\n")
        assert server.url.startswith("http://127.0.0.1:")
        with connect(door(server.done("GET", "/proxies/p"))) as line:
            asked(line)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert ending(line) in ("closed", "reset")
            assert process.wait(10) == 0
            assert time.monotonic() - began < 5
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_an_idle_api_client_does_not_delay_the_end() -> None:
    with command() as (process, server, _), connect(server.place) as line:
        line.sendall(b"GET /version HTTP/1.1\r\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert ending(line) in ("closed", "reset")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("{}", "expected a list"),
        ('[{"name": "p"}]', "upstream at proxy 1"),
        ('[{"name": "p", "upstream": "a:1", "listen": "127.0.0.1"}]', "listen"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, content: str, said: str) -> None:
    config = tmp_path / "proxies.json"
    config.write_text(content)
    code, error = failed("--config", str(config))
    assert (code, said in error) == (2, True), error


def test_an_address_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, error = failed("--port", str(taken.getsockname()[1]))
    assert code == 5
    assert "address already in use" in error
    assert "--port" in error


@pytest.mark.parametrize("host", ["127.0.0.1", "127.77.3.71"])
def test_killed_with_live_connections_it_comes_up_again_at_once(
    tmp_path: Path, echoing: Upstream, host: str
) -> None:
    """As a process keeper restarts it: same configuration, same addresses, no waiting."""
    wish = [
        {"name": name, "upstream": echoing.address, "listen": f"{host}:{free_port(host)}"}
        for name in ("a", "b")
    ]
    config = tmp_path / "proxies.json"
    config.write_text(json.dumps(wish))
    words = ("--host", host, "--port", str(free_port(host)), "--config", str(config))
    shown = []
    for _ in range(3):
        with command(*words) as (process, server, _), ExitStack() as lines:
            shown.append(server.done("GET", "/proxies"))
            for proxy in shown[-1].values():
                made = [lines.enter_context(connect(door(proxy))) for _ in range(5)]
                for line in made:
                    asked(line)
                made[0].close()  # on this side it waits out its time
            server.toxic("latency", name="a", latency=5)
            process.kill()
            process.wait(10)
    assert [proxy["listen"] for proxy in shown[0].values()] == [proxy["listen"] for proxy in wish]
    for again in shown[1:]:
        assert again == shown[0]


def free_port(host: str) -> int:
    with socket.create_server((host, 0)) as found:
        port: int = found.getsockname()[1]
        return port


def test_it_allows_itself_as_many_connections_as_it_may() -> None:
    """1024 descriptors, the usual limit, would be 500 connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] // 2, before[1]))
    with ExitStack() as after:
        after.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        process, _, _ = after.enter_context(command())
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        found = re.search(r"Max open files\s+(\d+)\s+(\d+)", limits)
        assert found
        assert found[1] == found[2]
