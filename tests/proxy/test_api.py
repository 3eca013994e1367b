"""Every call about the server and its proxies: status codes, shapes, effects. Both servers."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.proxy.peers import NOWHERE, Upstream, asked, connect, ending, refused
from tests.proxy.servers import Server, door

LATENCY = {"type": "latency", "attributes": {"latency": 5}}


def test_version(server: Server) -> None:
    assert server.done("GET", "/version")["version"] == "2.12.0"


def test_a_new_proxy_is_shown_as_it_listens(server: Server) -> None:
    assert server.done("GET", "/proxies") == {}
    wish = {"name": "p", "upstream": NOWHERE, "listen": "127.0.0.1:0"}
    answer = server.ask("POST", "/proxies", wish)
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    made = answer.json()
    assert {key: made[key] for key in ("name", "upstream", "enabled", "toxics")} == {
        "name": "p", "upstream": NOWHERE, "enabled": True, "toxics": [],
    }  # fmt: skip
    assert door(made)[0] == "127.0.0.1"
    assert door(made)[1] > 0
    assert server.done("GET", "/proxies/p") == made
    assert server.done("GET", "/proxies") == {"p": made}
    connect(door(made)).close()


def test_a_proxy_may_be_made_disabled(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    wish = {"name": "p", "upstream": NOWHERE, "listen": listen, "enabled": False}
    made = server.done("POST", "/proxies", wish)
    assert (made["enabled"], made["listen"]) == (False, listen)
    assert refused(door(made))


@pytest.mark.parametrize(
    ("method", "path", "content", "expected"),
    [
        ("POST", "/proxies", {"upstream": NOWHERE}, (400, "missing required field: name")),
        ("POST", "/proxies", {"name": "x"}, (400, "missing required field: upstream")),
        ("POST", "/proxies", {"name": "p", "upstream": NOWHERE}, (409, "proxy already exists")),
        ("GET", "/proxies/none", None, (404, "proxy not found")),
        ("PATCH", "/proxies/none", {}, (404, "proxy not found")),
        ("DELETE", "/proxies/none", None, (404, "proxy not found")),
        ("GET", "/proxies/none/toxics", None, (404, "proxy not found")),
        ("POST", "/proxies/none/toxics", LATENCY, (404, "proxy not found")),
        ("GET", "/proxies/p/toxics/none", None, (404, "toxic not found")),
        ("PATCH", "/proxies/p/toxics/none", {}, (404, "toxic not found")),
        ("DELETE", "/proxies/p/toxics/none", None, (404, "toxic not found")),
        ("POST", "/proxies/p/toxics", {"type": "nix"}, (400, "invalid toxic type")),
        (
            "POST", "/proxies/p/toxics", {**LATENCY, "stream": "sideways"},
            (400, "stream was invalid, can be either upstream or downstream"),
        ),
        ("POST", "/populate", [{"name": "x"}],
         (400, "missing required field: upstream at proxy 1")),
        ("POST", "/populate", [{"upstream": "x"}],
         (400, "missing required field: name at proxy 1")),
    ],
)  # fmt: skip
def test_refusals(
    server: Server, method: str, path: str, content: Any, expected: tuple[int, str]
) -> None:
    server.proxy(NOWHERE)
    assert server.refusal(method, path, content) == expected


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/proxies", {"name": 3, "upstream": NOWHERE}),
        ("PATCH", "/proxies/p", {"enabled": "yes"}),
        ("POST", "/populate", {}),
        ("POST", "/proxies/p/toxics", {**LATENCY, "attributes": {"latency": "5"}}),
        ("POST", "/proxies/p/toxics", {**LATENCY, "attributes": {"latency": 5.5}}),
        ("POST", "/proxies/p/toxics", {**LATENCY, "toxicity": "all"}),
    ],
)
def test_wrong_types_are_bad_bodies(server: Server, method: str, path: str, content: Any) -> None:
    server.proxy(NOWHERE)
    status, error = server.refusal(method, path, content)
    assert status == 400
    assert error.startswith("bad request body: ")


@pytest.mark.parametrize("body", [b"", b"{", b"nothing"])
def test_a_body_that_is_no_json_is_a_bad_body(server: Server, body: bytes) -> None:
    answer = server.session.post(f"{server.url}/proxies", data=body, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("bad request body: ")


def test_an_address_in_use_is_a_500_and_nothing_is_made(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        wish = {"name": "p", "upstream": NOWHERE, "listen": listen}
        expected = (500, f"listen tcp {listen}: bind: address already in use")
        assert server.refusal("POST", "/proxies", wish) == expected
    assert server.done("GET", "/proxies") == {}


def test_unknown_paths_methods_and_browsers_are_turned_away(server: Server) -> None:
    assert server.ask("GET", "/nothing").status_code == 404
    assert server.ask("PUT", "/proxies").status_code == 405
    browser = {"User-Agent": "Mozilla/5.0"}
    assert server.ask("GET", "/version", headers=browser).status_code == 403


@pytest.mark.parametrize("verb", ["PATCH", "POST"])
def test_disabling_ends_connections_and_keeps_toxics(
    server: Server, echoing: Upstream, verb: str
) -> None:
    place = server.proxy(echoing.address)
    server.toxic("latency", latency=1)
    with connect(place) as line:
        asked(line)
        shown = server.done(verb, "/proxies/p", {"enabled": False})
        assert shown["enabled"] is False
        assert [toxic["name"] for toxic in shown["toxics"]] == ["latency_downstream"]
        assert ending(line) in ("closed", "reset")
    assert refused(place)
    shown = server.done(verb, "/proxies/p", {"enabled": True})
    assert door(shown) == place
    assert len(shown["toxics"]) == 1
    with connect(place) as line:
        asked(line)


def test_another_upstream_ends_connections(server: Server, echoing: Upstream) -> None:
    place = server.proxy(NOWHERE)
    shown = server.done("PATCH", "/proxies/p", {"upstream": echoing.address})
    assert (shown["upstream"], door(shown)) == (echoing.address, place)
    with connect(place) as line:
        asked(line)
        server.done("PATCH", "/proxies/p", {"upstream": NOWHERE})
        assert ending(line) in ("closed", "reset")


def test_an_unchanged_address_keeps_connections(server: Server, echoing: Upstream) -> None:
    place = server.proxy(echoing.address)
    with connect(place) as line:
        asked(line)
        wish = {"upstream": echoing.address, "listen": f"localhost:{place[1]}", "enabled": True}
        assert server.done("PATCH", "/proxies/p", wish)["enabled"] is True
        asked(line)


def test_deleting_closes_the_door(server: Server, echoing: Upstream) -> None:
    place = server.proxy(echoing.address)
    with connect(place) as line:
        asked(line)
        assert server.ask("DELETE", "/proxies/p").status_code == 204
        assert ending(line) in ("closed", "reset")
    assert refused(place)
    assert server.ask("GET", "/proxies/p").status_code == 404


def test_names_with_signs_are_found(server: Server) -> None:
    server.proxy(NOWHERE, name="web -> db:1")
    assert server.done("GET", "/proxies/web%20-%3E%20db:1")["name"] == "web -> db:1"


def test_populate_adds_keeps_and_replaces(server: Server, echoing: Upstream) -> None:
    wish = [
        {"name": "a", "upstream": echoing.address, "listen": "127.0.0.1:0"},
        {"name": "b", "upstream": NOWHERE, "listen": "127.0.0.1:0", "enabled": False},
    ]
    answer = server.ask("POST", "/populate", wish)
    assert answer.status_code == 201
    made = answer.json()["proxies"]
    assert [(proxy["name"], proxy["enabled"]) for proxy in made] == [("a", True), ("b", False)]
    server.toxic("latency", name="a", latency=1)
    with connect(door(made[0])) as line:
        asked(line)
        wish[0]["listen"] = made[0]["listen"]
        again = server.done("POST", "/populate", wish[:1])["proxies"]
        assert len(again[0]["toxics"]) == 1
        asked(line)
        wish[0]["upstream"] = NOWHERE
        again = server.done("POST", "/populate", wish[:1])["proxies"]
        assert again[0]["toxics"] == []
        assert ending(line) in ("closed", "reset")


def test_populate_says_what_it_did_before_it_failed(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        wish = [
            {"name": "a", "upstream": NOWHERE, "listen": "127.0.0.1:0"},
            {"name": "b", "upstream": NOWHERE, "listen": listen},
        ]
        answer = server.ask("POST", "/populate", wish)
    assert answer.status_code == 500
    found = answer.json()
    assert found["status"] == 500
    assert "address already in use" in found["error"]
    assert [proxy["name"] for proxy in found["proxies"]] == ["a"]
    assert list(server.done("GET", "/proxies")) == ["a"]
