"""What ours refuses, and how its API answers whatever it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proxy.peers import NOWHERE, connect
from tests.proxy.servers import Server


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"type": "latency", "attributes": {"latancy": 5}}, "latancy"),
        ({"type": "latency", "attributes": {"latency": -5}}, "attributes.latency"),
        ({"type": "latency", "attributes": {"latency": True}}, "attributes.latency"),
        ({"type": "latency", "attributes": [5]}, "attributes"),
        ({"type": "latency", "toxicity": 7}, "toxicity"),
        ({"type": "latency", "toxicity": -0.1}, "toxicity"),
        ({"type": "latency", "toxcity": 0.1}, "toxcity"),
        ({"type": "latency", "ttl": -1}, "ttl"),
        ({"type": "latency", "ttl": "1s"}, "ttl"),
        ({"type": "slicer"}, "average_size"),
        ({"type": "slicer", "attributes": {"average_size": 0}}, "average_size"),
        ({"type": "slicer", "attributes": {"average_size": 5, "size_variation": 5}}, "variation"),
        ({"type": "http", "attributes": {"status": 42}}, "status"),
        ({"type": "http", "attributes": {"share": 2}}, "share"),
        ({"type": "http", "attributes": {"header": "X"}}, "header"),
        ({"type": "http", "attributes": {"header": {"A\r\nB": "1"}}}, "header"),
        ({"type": "http", "attributes": {"header": {"Content-Length": "1"}}}, "Content-Length"),
        ({"type": "http", "attributes": {"body": 5}}, "body"),
        (["latency"], "object"),
    ],
)
def test_what_would_be_ignored_is_refused(ours: Server, wish: Any, said: str) -> None:
    ours.proxy(NOWHERE)
    answer = ours.ask("POST", "/proxies/p/toxics", wish)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert ours.done("GET", "/proxies/p/toxics") == []


def test_a_refused_change_changes_nothing(ours: Server) -> None:
    ours.proxy(NOWHERE)
    before = ours.toxic("slicer", average_size=10)
    path = "/proxies/p/toxics/slicer_downstream"
    for wish in (
        {"attributes": {"average_size": 20, "size_variation": 20}},
        {"attributes": {"average_size": 20}, "toxicity": 2},
        {"type": "latency"},
        {"stream": "upstream"},
    ):
        assert ours.ask("PATCH", path, wish).status_code == 400
    assert ours.done("GET", path) == before


@pytest.mark.parametrize(
    "wish",
    [
        {"enable": False},
        {"upstream": "nowhere"},
        {"listen": "127.0.0.1:99999"},
        {"listen": "127.0.0.1"},
        {"name": "other"},
    ],
)
def test_a_proxy_refuses_what_it_cannot_be(ours: Server, wish: Any) -> None:
    ours.proxy(NOWHERE)
    before = ours.done("GET", "/proxies/p")
    assert ours.ask("PATCH", "/proxies/p", wish).status_code == 400
    assert ours.done("GET", "/proxies/p") == before


def test_every_request_is_answered_with_json(ours: Server) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/proxies", 405)):
        answer = ours.ask(method, path)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
    for raw, status in (
        (b"nonsense\r\n\r\n", 400),
        (b"GET /version HTTP/1.1\r\nA" + b"a" * 40_000 + b": b\r\n\r\n", 431),
        (b"POST /populate HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST /populate HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
    ):
        with connect(ours.place) as line:
            line.sendall(raw)
            try:
                found = line.makefile("rb").read()
            except ConnectionResetError:  # it was told while it was still sending
                continue
            assert found.startswith(b"HTTP/1.1 %d " % status)
            assert b'"status":%d' % status in found


def test_chunked_requests_and_kept_connections(ours: Server) -> None:
    body = b'{"name":"p","upstream":"127.0.0.1:9","listen":"127.0.0.1:0"}'
    request = b"POST /proxies HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    with connect(ours.place) as line, line.makefile("rb") as answers:
        line.sendall(request + chunks + b"0\r\n\r\n" + b"GET /version HTTP/1.0\r\n\r\n")
        found = answers.read()
    assert found.startswith(b"HTTP/1.1 201 Created\r\n")
    assert b"2.12.0" in found


def test_a_head_is_refused_and_nothing_follows_what_it_must_not_have(ours: Server) -> None:
    with connect(ours.place) as line, line.makefile("rb") as answers:
        line.sendall(b"HEAD /version HTTP/1.1\r\n\r\n" + b"GET /version HTTP/1.1\r\n\r\n")
        found = answers.read()
    assert found.startswith(b"HTTP/1.1 405 ")
    assert b"Connection: close\r\n" in found
    assert found.count(b"HTTP/1.1 ") == 1
