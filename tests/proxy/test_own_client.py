"""Toxiproxy's own command-line client: each of its commands works against both servers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.proxy.peers import NOWHERE, Upstream, asked, connect, eventually, refused
from tests.proxy.servers import Server, door, the_original

Client = Callable[..., str]
SECRETLY = {"NO_PROXY": "127.0.0.1"}  # whatever the environment's proxy is


@pytest.fixture(scope="session")
def program() -> str:
    return the_original("cli")


@pytest.fixture
def client(server: Server, program: str) -> Client:
    """Runs one command that must succeed; what it prints."""

    def run(*words: str) -> str:
        done = asked_of(program, server, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def asked_of(program: str, server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    command = [program, "--host", server.url, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, env=SECRETLY)


def create(client: Client, server: Server, upstream: str) -> tuple[str, int]:
    made = client("create", "--listen", "127.0.0.1:0", "--upstream", upstream, "p")
    assert made == "Created new proxy p\n"
    return door(server.done("GET", "/proxies/p"))


def test_a_proxy_is_created_listed_and_deleted(
    client: Client, server: Server, echoing: Upstream
) -> None:
    place = create(client, server, echoing.address)
    with connect(place) as line:
        asked(line)
    shown = client("list")
    assert all(text in shown for text in ("p\t", f"{place[1]}", echoing.address, "enabled", "0"))
    assert client("delete", "p") == "Deleted proxy p\n"
    assert client("list") == ""
    assert refused(place)


def test_a_proxy_is_toggled(client: Client, server: Server, echoing: Upstream) -> None:
    place = create(client, server, echoing.address)
    assert client("toggle", "p") == "Proxy p is now disabled\n"
    assert refused(place)
    assert client("toggle", "p") == "Proxy p is now enabled\n"
    with connect(place) as line:
        asked(line)


def test_a_toxic_is_added_shown_changed_and_removed(
    client: Client, server: Server, echoing: Upstream
) -> None:
    with connect(create(client, server, echoing.address)) as line:
        words = ("--type", "latency", "--toxicName", "slow", "--upstream")
        added = client("toxic", "add", *words, "-a", "latency=80", "-a", "jitter=1", "p")
        assert added == "Added upstream latency toxic 'slow' on proxy 'p'\n"
        assert asked(line) >= 0.078
        shown = client("inspect", "p")
        expected = ("slow\ttype=latency\tstream=upstream\ttoxicity=1.00", "jitter=1", "latency=80")
        assert all(text in shown for text in expected)
        changed = client("toxic", "update", "--toxicName", "slow", "-a", "latency=150", "p")
        assert changed == "Updated toxic 'slow' on proxy 'p'\n"
        assert asked(line) >= 0.148
        client("toxic", "update", "--toxicName", "slow", "--toxicity", "0.25", "p")
        assert "toxicity=0.25" in client("inspect", "p")
        removed = client("toxic", "remove", "--toxicName", "slow", "p")
        assert removed == "Removed toxic 'slow' on proxy 'p'\n"
        eventually(lambda: asked(line) < 0.078)
        assert client("inspect", "p") == ""


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("latency", ["latency=1", "jitter=2"]),
        ("bandwidth", ["rate=3"]),
        ("slow_close", ["delay=4"]),
        ("timeout", ["timeout=5"]),
        ("reset_peer", ["timeout=6"]),
        ("slicer", ["average_size=9", "size_variation=8", "delay=7"]),
        ("limit_data", ["bytes=1000000"]),
    ],
)
def test_every_type_is_understood(
    client: Client, server: Server, kind: str, attributes: list[str]
) -> None:
    server.proxy(NOWHERE)
    given = [word for pair in attributes for word in ("-a", pair)]
    assert "downstream" in client("toxic", "add", "-t", kind, *given, "p")
    found = server.done("GET", f"/proxies/p/toxics/{kind}_downstream")["attributes"]
    assert found == {name: int(value) for name, _, value in (a.partition("=") for a in attributes)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("inspect", "none"), "proxy not found"),
        (("create", "-l", "127.0.0.1:0", "-u", NOWHERE, "p"), "proxy already exists"),
        (("toxic", "add", "-t", "none", "p"), "invalid toxic type"),
        (("toxic", "remove", "-n", "none", "p"), "toxic not found"),
    ],
)
def test_its_user_sees_why_something_failed(
    server: Server, program: str, words: tuple[str, ...], said: str
) -> None:
    server.proxy(NOWHERE)
    done = asked_of(program, server, *words)
    assert (done.returncode, said in done.stderr) == (1, True), done.stdout + done.stderr
