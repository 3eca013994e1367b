"""Probes of a value: what is asked for, what counts as ok, and what is never health."""

from __future__ import annotations

import builtins
import sys
from typing import Any
from urllib.parse import unquote

import pytest
from pydantic import ValidationError

from chaoskit.errors import InvalidInput, TargetError
from chaoskit.model.condition import Condition
from chaoskit.model.probes import ProbeSpec
from chaoskit.ports import Answer, NodeState
from chaoskit.world.fake import FakeWorld
from tests.probe.conftest import Ask
from tests.probe.servers import Reply, bulk, free_port, http_json, postgres


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("< 5", ("4", "4.9\n", "-1e3"), ("5", "6", "", "four", "NaN")),
        (">= 1", ("1", " 2 "), ("0.999", "t")),
        ("== 1", ("1", "1.0", "+1"), ("1.1", "one")),
        ("== PONG", ("PONG", "PONG\r\n"), ("pong", "")),
    ],
)
def test_a_condition(text: str, yes: tuple[str, ...], no: tuple[str, ...]) -> None:
    condition = Condition.parse(text)
    assert str(condition) == text
    assert all(map(condition.met_by, yes))
    assert not any(map(condition.met_by, no))


@pytest.mark.parametrize("text", ["5", "= 5", "<", "< five", ">> 1", "!= 3"])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match=r"an operator and a value|compares numbers"):
        Condition.parse(text)


def test_a_command_that_prints_a_number(ask: Ask) -> None:
    def lag(seconds: float, expect: str) -> Answer:
        run = [sys.executable, "-c", f"print({seconds})"]
        return ask(command={"run": run, "expect": expect}, timeout="10s")

    assert lag(1.5, "< 5").ok
    assert lag(7, "< 5").detail.endswith("answered '7', which is not < 5")


def test_a_value_of_a_redis(ask: Ask, serve: Any) -> None:
    port = serve("cache1", 0, lambda asked: bulk("7") if b"LLEN" in asked else b"-ERR no\r\n")
    spec = {"tier": "cache1", "port": port, "run": ["LLEN", "orders"]}
    assert ask(redis_value={**spec, "expect": "< 10"}) == Answer(True, ("cache1",))
    full = ask(redis_value={**spec, "expect": "< 5"})
    assert full == Answer(False, (), "cache1 answered '7', which is not < 5")
    refused = ask(redis_value={**spec, "run": ["PING"], "expect": "== PONG"})
    assert refused.detail == "cache1 answered the error 'ERR no'"


def test_a_line_of_what_a_redis_tells_of_itself(ask: Ask, serve: Any) -> None:
    told = bulk("# Replication\r\nrole:master\r\nconnected_slaves:2")
    port = serve("127.0.0.1", 0, lambda asked: told)
    spec = {"host": "127.0.0.1", "port": port, "run": ["INFO", "replication"], "expect": ">= 1"}
    assert ask(redis_value={**spec, "field": "connected_slaves"}).ok
    lacking = ask(redis_value={**spec, "field": "slaves"})
    assert lacking.detail == "127.0.0.1 answered without the field 'slaves'"


def test_a_redis_without_the_key_is_not_ok(ask: Ask, serve: Any) -> None:
    port = serve("127.0.0.1", 0, lambda asked: b"$-1\r\n")
    spec = {"host": "127.0.0.1", "port": port, "run": ["GET", "x"], "expect": "< 10"}
    assert ask(redis_value=spec).detail == "127.0.0.1 answered nothing"


def test_a_probe_never_writes_to_a_redis() -> None:
    spec = {"host": "x", "run": ["SET", "a", "1"], "expect": "== OK"}
    with pytest.raises(ValidationError, match="a probe only reads: 'run' begins with one of"):
        ProbeSpec.model_validate({"redis_value": spec})


SCALAR = {"status": "success", "data": {"resultType": "scalar", "result": [1.5, "2"]}}


def vector(*values: str, **labels: str) -> Reply:
    result = [{"metric": {"__name__": "up", **labels}, "value": [1.5, value]} for value in values]
    return http_json(200, {"status": "success", "data": {"resultType": "vector", "result": result}})


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (vector("1", "1"), ""),
        (vector("1", "0", job="web"), "answered '0', which is not >= 1, for job=web"),
        (vector("NaN", "0"), "answered '0', which is not >= 1"),
        (http_json(200, SCALAR), ""),
    ],
)
def test_a_query_of_prometheus(ask: Ask, serve: Any, reply: Reply, said: str) -> None:
    port = serve("127.0.0.1", 0, reply)
    found = ask(prometheus={"url": f"http://127.0.0.1:{port}", "query": "up", "expect": ">= 1"})
    assert found == Answer(not said, (), said and f"Prometheus {said}")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (vector(), "answered without a value"),
        (vector("NaN", "1"), "answered 'NaN', which is not >= 1"),
        (http_json(400, {"status": "error", "error": "no"}), "answered the error 'no'"),
        (http_json(200, [1]), "answered 200 with what is no result of an instant query"),
        (http_json(404, "no"), "answered 404 with what is no result of an instant query"),
    ],
)  # fmt: skip
def test_a_prometheus_without_a_value_tells_nothing(
    ask: Ask, serve: Any, reply: Reply, said: str
) -> None:
    port = serve("127.0.0.1", 0, reply)
    found = ask(prometheus={"url": f"http://127.0.0.1:{port}", "query": "up", "expect": ">= 1"})
    assert found == Answer(False, (), f"Prometheus {said}", known=False)


def test_the_query_reaches_prometheus_as_it_was_written(ask: Ask, serve: Any) -> None:
    seen: list[str] = []

    def heard(asked: bytes) -> bytes:
        seen.append(unquote(asked.split()[1].decode()).replace("+", " "))
        return vector("1")(asked)

    port = serve("127.0.0.1", 0, heard)
    url = f"http://127.0.0.1:{port}/prefix/"
    assert ask(prometheus={"url": url, "query": 'min(up{job="web"}) > 0', "expect": ">= 1"}).ok
    assert seen == ['/prefix/api/v1/query?query=min(up{job="web"}) > 0']


def test_a_prometheus_that_is_gone_tells_nothing(ask: Ask) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    found = ask(prometheus={"url": url, "query": "up", "expect": ">= 1"})
    assert found == Answer(False, (), "Prometheus does not answer (Connection refused)", False)


def test_the_state_of_a_node_as_its_world_tells_it(ask: Ask, world: FakeWorld) -> None:
    assert ask(state={"node": "db1", "is": "running"}) == Answer(True, ("db1",))
    world.node("db1").reach(NodeState.FROZEN)
    assert ask(state={"node": "db1"}).detail == "db1 is frozen instead of running"
    assert ask(state={"node": "db", "is": "running"}, holders="one") == Answer(True, ("db2",))
    world.remove("db2")
    assert not ask(state={"node": "db2"}).ok


def test_a_runtime_that_cannot_say_the_state_tells_nothing(ask: Ask, world: FakeWorld) -> None:
    world.fail_next("facts", TargetError("the engine does not answer"))
    said = "db1 cannot be asked (the engine does not answer)"
    assert ask(state={"node": "db1"}) == Answer(False, (), said, known=False)
    world.fail_next("facts", "hang")
    found = ask(state={"node": "db1"}, timeout="100ms")
    assert found == Answer(False, (), "db1 did not answer within 0.1s", known=False)
    world.release()


def test_a_value_of_a_postgres(ask: Ask) -> None:
    with postgres(b"3.5") as database:
        spec = {"tier": "db1", "port": database.port, "user": "me", "database": "shop"}
        asked = {**spec, "query": "select lag()", "password": "secret"}
        assert ask(sql={**asked, "expect": "< 5"}) == Answer(True, ("db1",))
        found = ask(sql={**asked, "expect": "< 3"})
        assert found == Answer(False, (), "db1 answered '3.5', which is not < 3")
    assert database.queries == ["select lag()", "select lag()"]
    said = database.startups[0]
    assert (said["user"], said["database"]) == ("me", "shop")
    assert "default_transaction_read_only=on" in said["options"]
    assert "statement_timeout=2000" in said["options"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "the database answered without a row"),
        (ValueError("no such table"), "the database answered the error 'ERROR:  no such table'"),
        ("mute", "the database did not answer within 0.5s"),
    ],
)
def test_what_a_postgres_says_instead(ask: Ask, value: Any, said: str) -> None:
    with postgres(value) as database:
        url = f"postgresql://me@{database.address}:{database.port}/shop"
        found = ask(sql={"url": url, "query": "select 1", "expect": "< 5"}, timeout="500ms")
    assert found == Answer(False, (), said)


def test_a_postgres_that_is_gone_is_not_ok(ask: Ask) -> None:
    url = f"postgresql://me@127.0.0.1:{free_port()}/shop"
    found = ask(sql={"url": url, "query": "select 1", "expect": "< 5"})
    assert not found.ok
    assert "Connection refused" in found.detail


def test_a_password_is_in_no_file(ask: Ask) -> None:
    spec = {"sql": {"tier": "db", "password": "hunter2", "query": "select 1", "expect": "== 1"}}
    assert "hunter2" not in ProbeSpec.model_validate(spec).model_dump_json()
    url = {"sql": {"url": "postgresql://a:b@c/d", "query": "select 1", "expect": "== 1"}}
    with pytest.raises(ValidationError, match="a password in 'url' would be shown"):
        ProbeSpec.model_validate(url)


def test_without_its_driver_the_message_says_what_to_install(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def lacking(name: str, *rest: Any, **more: Any) -> Any:
        if name == "psycopg":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(InvalidInput, match=r"probe 'it' .* pip install 'chaoskit\[sql\]'"):
        ask(sql={"tier": "db", "query": "select 1", "expect": "== 1"})
