"""Every call about toxics, reset and metrics: status codes, shapes, effects. Both servers."""

from __future__ import annotations

import pytest

from tests.proxy.peers import NOWHERE, Upstream, asked, connect, eventually
from tests.proxy.servers import Server, door

LATENCY = {"type": "latency", "attributes": {"latency": 5}}


def test_a_toxic_with_its_defaults(server: Server) -> None:
    server.proxy(NOWHERE)
    answer = server.ask("POST", "/proxies/p/toxics", LATENCY)
    expected = {
        "attributes": {"latency": 5, "jitter": 0},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1,
    }
    assert (answer.status_code, answer.json()) == (200, expected)
    assert server.done("GET", "/proxies/p/toxics") == [expected]
    assert server.done("GET", "/proxies/p/toxics/latency_downstream") == expected
    assert server.done("GET", "/proxies/p")["toxics"] == [expected]
    same = (409, "toxic already exists")
    assert server.refusal("POST", "/proxies/p/toxics", LATENCY) == same


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("latency", {"latency": 1, "jitter": 2}),
        ("bandwidth", {"rate": 3}),
        ("slow_close", {"delay": 4}),
        ("timeout", {"timeout": 5}),
        ("reset_peer", {"timeout": 6}),
        ("slicer", {"average_size": 9, "size_variation": 8, "delay": 7}),
        ("limit_data", {"bytes": 10}),
    ],
)
def test_every_type_keeps_its_attributes(
    server: Server, kind: str, attributes: dict[str, int]
) -> None:
    server.proxy(NOWHERE)
    made = server.toxic(kind, "upstream", **attributes)
    assert (made["name"], made["attributes"]) == (f"{kind}_upstream", attributes)


@pytest.mark.parametrize("verb", ["PATCH", "POST"])
def test_a_toxic_changes_in_part(server: Server, verb: str) -> None:
    server.proxy(NOWHERE)
    server.toxic("latency", latency=5, jitter=1)
    path = "/proxies/p/toxics/latency_downstream"
    changed = server.done(verb, path, {"attributes": {"latency": 6}})
    assert changed["attributes"] == {"latency": 6, "jitter": 1}
    changed = server.done(verb, path, {"toxicity": 0.5})
    assert (changed["toxicity"], changed["attributes"]["latency"]) == (0.5, 6)
    assert server.done("GET", path) == changed


def test_toxics_are_listed_upstream_first_and_taken_away_one_by_one(server: Server) -> None:
    server.proxy(NOWHERE)
    server.toxic("latency", latency=1)
    server.toxic("bandwidth", rate=1)
    server.toxic("latency", "upstream", latency=1)
    names = [toxic["name"] for toxic in server.done("GET", "/proxies/p/toxics")]
    assert names == ["latency_upstream", "latency_downstream", "bandwidth_downstream"]
    answer = server.ask("DELETE", "/proxies/p/toxics/latency_downstream")
    assert (answer.status_code, answer.content) == (204, b"")
    names = [toxic["name"] for toxic in server.done("GET", "/proxies/p/toxics")]
    assert names == ["latency_upstream", "bandwidth_downstream"]


def test_reset_enables_everything_and_forgets_toxics(server: Server, echoing: Upstream) -> None:
    server.proxy(echoing.address, name="a")
    server.proxy(NOWHERE, name="b")
    server.toxic("latency", name="a", latency=9999)
    server.done("PATCH", "/proxies/b", {"enabled": False})
    with connect(door(server.done("GET", "/proxies/a"))) as line:
        assert server.ask("POST", "/reset").status_code == 204
        assert asked(line) < 5
    found = server.done("GET", "/proxies")
    assert [(proxy["enabled"], proxy["toxics"]) for proxy in found.values()] == [(True, [])] * 2


def test_metrics_count_bytes_both_ways(server: Server, echoing: Upstream) -> None:
    with connect(server.proxy(echoing.address)) as line:
        asked(line, b"x" * 1234)
    wanted = [
        f'toxiproxy_proxy_{what}_bytes_total{{direction="{direction}"'
        for what in ("received", "sent")
        for direction in ("upstream", "downstream")
    ]

    def counted() -> bool:
        text = server.ask("GET", "/metrics").text
        lines = [line for line in text.splitlines() if line.endswith(" 1234")]
        return len(lines) == 4 and all(sorted_has(lines, start) for start in wanted)

    eventually(counted)


def sorted_has(lines: list[str], start: str) -> bool:
    name, direction = start.split("{")
    return any(line.startswith(name) and direction in line for line in lines)
