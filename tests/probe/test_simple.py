"""http, tcp and command probes: who answers, who does not and why, always in time."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from chaoskit.errors import InvalidInput, TargetError
from chaoskit.ports import Answer, NodeState
from chaoskit.world.fake import FakeWorld
from tests.probe.conftest import ADDRESS, Ask
from tests.probe.servers import free_port, http, mute


def test_http_of_a_url_and_of_one_beside_the_entry(ask: Ask, serve: Any) -> None:
    port = serve("127.0.0.1", 0, http(200, "all is well"))
    assert ask(http={"url": f"http://127.0.0.1:{port}/x"}) == Answer(True)
    assert ask(entry=f"http://127.0.0.1:{port}", http={"url": "/health"}).ok
    assert ask(http={"url": f"http://127.0.0.1:{port}/x", "contains": "is well"}).ok
    lacking = ask(http={"url": f"http://127.0.0.1:{port}/x", "contains": "better"})
    assert lacking.detail == f"http://127.0.0.1:{port}/x answered without 'better'"


def test_http_of_each_node_says_who_is_missing_and_why(ask: Ask, serve: Any) -> None:
    port = serve("db1", 0, http(200))
    spec = {"tier": "db", "port": port, "path": "/health"}
    assert ask(http=spec) == Answer(False, ("db1",), "db2 does not answer (Connection refused)")
    serve("db2", port, http(503))
    assert ask(http=spec) == Answer(False, ("db1",), "db2 answered 503 instead of 200")


@pytest.mark.parametrize(
    ("statuses", "verdicts"),
    [
        ((200, 200), {"one": False, "any": True, "all": True}),
        ((200, 503), {"one": True, "any": True, "all": False}),
        ((503, 503), {"one": False, "any": False, "all": False}),
    ],
)
def test_holders_decides_how_many_must_answer(
    ask: Ask, serve: Any, statuses: tuple[int, int], verdicts: dict[str, bool]
) -> None:
    port = serve("db1", 0, http(statuses[0]))
    serve("db2", port, http(statuses[1]))
    for holders, ok in verdicts.items():
        found = ask(http={"tier": "db", "port": port}, holders=holders)
        assert found.ok is ok
        assert bool(found.detail) is not ok


def test_two_holders_of_one_place_are_named(ask: Ask, serve: Any) -> None:
    port = serve("db1", 0, http(200))
    serve("db2", port, http(200))
    found = ask(http={"tier": "db", "port": port}, holders="one")
    assert found == Answer(False, ("db1", "db2"), "db1 and db2 answer, one node should")


def test_a_frozen_node_is_silent_in_time_and_does_not_hold_up_the_others(
    ask: Ask, serve: Any
) -> None:
    with mute(ADDRESS["db1"]) as port:
        serve("db2", port, http(200))
        begun = time.monotonic()
        found = ask(http={"tier": "db", "port": port}, timeout="300ms")
        assert time.monotonic() - begun < 1.0
    assert found == Answer(False, ("db2",), "db1 did not answer within 0.3s")


def test_a_frozen_node_still_accepts(ask: Ask) -> None:
    with mute(ADDRESS["db1"]) as port:
        assert ask(tcp={"tier": "db1", "port": port}).ok


def test_nonsense_and_redirects_are_no_health(ask: Ask, serve: Any) -> None:
    port = serve("db1", 0, lambda asked: b"220 smtp.example ESMTP\r\n")
    serve("db2", port, http(302))
    found = ask(http={"tier": "db", "port": port})
    assert found.detail == (
        "db1 does not speak HTTP (BadStatusLine); db2 answered 302 instead of 200"
    )


def test_the_environment_cannot_send_a_probe_through_a_proxy(
    ask: Ask, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = serve("127.0.0.1", 0, http(200))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert ask(http={"url": f"http://127.0.0.1:{port}/"}).ok


def test_tcp_of_a_host(ask: Ask, serve: Any) -> None:
    port = serve("127.0.0.1", 0, http(200))
    assert ask(tcp={"host": "127.0.0.1", "port": port}).ok
    refused = ask(tcp={"host": "127.0.0.1", "port": free_port()})
    assert refused == Answer(False, (), "127.0.0.1 does not answer (Connection refused)")


def test_a_world_that_fails_is_an_answer(ask: Ask, world: FakeWorld) -> None:
    world.fail_next("facts", TargetError("the engine does not answer"))
    found = ask(tcp={"tier": "db1", "port": 1})
    assert found == Answer(False, (), "db1 cannot be asked (the engine does not answer)", False)
    world.place("db1", None)
    assert ask(tcp={"tier": "db1", "port": 1}).detail == "db1 has no address"
    world.remove("db1")
    assert "not part of system 'shop'" in ask(tcp={"tier": "db1", "port": 1}).detail


def test_a_world_that_hangs_is_an_answer_too(ask: Ask, world: FakeWorld) -> None:
    world.fail_next("facts", "hang")
    found = ask(tcp={"tier": "db1", "port": 1}, timeout="100ms")
    assert found.detail == "db1 did not answer within 0.1s"
    world.release()


def run(code: str, **more: Any) -> dict[str, Any]:
    return {"run": [sys.executable, "-c", code], **more}


def test_commands_on_this_machine(ask: Ask) -> None:
    assert ask(command=run("print('ready')", contains="ready"), timeout="10s") == Answer(True)
    unready = ask(command=run("print('starting')", contains="ready"), timeout="10s")
    assert unready.detail.endswith("succeeded without saying 'ready'")
    failed = ask(command=run("print('a'); print('no quorum'); raise SystemExit(3)"), timeout="10s")
    assert failed.detail.endswith("exited with 3 and said: no quorum")
    assert failed.known


def test_a_command_that_cannot_start_tells_nothing(ask: Ask) -> None:
    gone = ask(command={"run": ["/nonexistent/ctl"]})
    said = "/nonexistent/ctl cannot be started (No such file or directory)"
    assert gone == Answer(False, (), said, known=False)
    by_a_shell = ask(command={"run": ["sh", "-c", "exec /nonexistent/ctl"]}, timeout="10s")
    assert not by_a_shell.known


def test_a_command_that_does_not_end_is_ended_with_its_children(ask: Ask, tmp_path: Any) -> None:
    alive = tmp_path / "alive"
    code = (
        "import os, time, pathlib\n"
        "os.fork()\n"
        f"while True: pathlib.Path({str(alive)!r}).touch(); time.sleep(0.01)"
    )
    found = ask(command=run(code), timeout="500ms")
    assert "within 0.5s" in found.detail
    until = time.monotonic() + 5
    while time.monotonic() < until:
        alive.unlink(missing_ok=True)
        time.sleep(0.2)
        if not alive.exists():
            return
    pytest.fail("a child of the command lives on")


def test_commands_inside_nodes(ask: Ask, world: FakeWorld) -> None:
    world.program("db1", lambda command: (0, "ok"))
    world.program("db2", lambda command: (1, f"cannot {command[0]}"))
    found = ask(command={"run": ["check"], "inside": "db"})
    assert found == Answer(False, ("db1",), "db2 exited with 1 and said: cannot check")
    world.node("db2").reach(NodeState.STOPPED)
    found = ask(command={"run": ["check"], "inside": "db"})
    assert found.detail.startswith("db2 cannot be asked (node 'db2' is stopped")
    assert found.known


@pytest.mark.parametrize(("holders", "known"), [("all", True), ("any", False), ("one", False)])
def test_of_a_running_node_that_cannot_be_asked_nothing_is_known(
    ask: Ask, world: FakeWorld, holders: str, known: bool
) -> None:
    """Whatever it would answer: db2 does not, so not all do."""

    def engine(command: tuple[str, ...]) -> tuple[int, str]:
        raise TargetError("the engine does not answer")

    world.program("db1", engine)
    world.program("db2", lambda command: (1, "no"))
    found = ask(command={"run": ["check"], "inside": "db"}, holders=holders)
    assert (found.ok, found.known) == (False, known)
    assert "db1 cannot be asked (the engine does not answer)" in found.detail


@pytest.mark.parametrize(
    "spec",
    [
        {"http": {"tier": "nowhere"}},
        {"tcp": {"tier": "nowhere", "port": 1}},
        {"command": {"run": ["true"], "inside": "nowhere"}},
        {"redis": {"tier": "cache", "sentinels": "nowhere", "master": "shop"}},
        {"patroni": {"tier": "nowhere"}},
    ],
)
def test_a_probe_of_what_does_not_exist_is_refused(ask: Ask, spec: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"'nowhere'.*tiers: db, cache, sentinel"):
        ask(**spec)


def test_a_probe_of_both_or_neither_is_refused(ask: Ask) -> None:
    with pytest.raises(InvalidInput, match="exactly one of 'url' and 'tier'"):
        ask(http={"url": "/x", "tier": "db"})
    with pytest.raises(InvalidInput, match="exactly one of 'host' and 'tier'"):
        ask(tcp={"port": 1})


@pytest.mark.parametrize("url", ["ftp://shop/x", "http://shop:eighty/", "https:///x"])
def test_a_url_that_nobody_can_ask_is_refused_before(ask: Ask, url: str) -> None:
    with pytest.raises(InvalidInput, match="probe 'it' cannot ask"):
        ask(http={"url": url})
