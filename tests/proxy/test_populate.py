"""Populate and reset on ours: once or twice is the same, for every way to write an address."""

from __future__ import annotations

import socket

import pytest

from tests.proxy.peers import NOWHERE, Upstream, asked, connect
from tests.proxy.servers import Server, door


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "", "[::]"])
def test_populate_twice_is_populate_once(ours: Server, echoing: Upstream, host: str) -> None:
    twice(ours, echoing, host, "127.0.0.1")


@pytest.mark.parametrize("host", ["[::1]", "[0:0::1]"])
def test_populate_twice_on_the_other_loopback(ours: Server, echoing: Upstream, host: str) -> None:
    if has_ipv6():
        twice(ours, echoing, host, "::1")
        return
    wish = [{"name": "p", "upstream": echoing.address, "listen": f"{host}:0"}]
    status, error = ours.refusal("POST", "/populate", wish)
    assert (status, "listen tcp [::1]:0: bind: " in error) == (500, True)


def test_without_ipv6_every_address_is_those_of_ipv4_and_stays_so(
    ours: Server, echoing: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "IPV6_V6ONLY", 12345)  # as a kernel without IPv6: no such option
    twice(ours, echoing, "", "127.0.0.1")


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def twice(server: Server, echoing: Upstream, host: str, inside: str) -> None:
    """Toxics and connections outlive a second populate, however the address is written."""
    wish = [{"name": "p", "upstream": echoing.address, "listen": f"{host}:0"}]
    shown = server.done("POST", "/populate", wish)["proxies"][0]
    server.toxic("latency", latency=1)
    port = door(shown)[1]
    with connect((inside, port)) as line:
        asked(line)
        for listen in (f"{host}:0", f"{host}:{port}", shown["listen"]):
            wish[0]["listen"] = listen
            again = server.done("POST", "/populate", wish)["proxies"][0]
            assert (again["listen"], len(again["toxics"])) == (shown["listen"], 1)
        asked(line)


def test_populate_enables_again_what_was_disabled(ours: Server) -> None:
    place = ours.proxy(NOWHERE)
    ours.toxic("latency", latency=1)
    ours.done("PATCH", "/proxies/p", {"enabled": False})
    wish = [{"name": "p", "upstream": NOWHERE, "listen": f"127.0.0.1:{place[1]}"}]
    shown = ours.done("POST", "/populate", wish)["proxies"][0]
    assert (shown["enabled"], len(shown["toxics"])) == (True, 1)
    wish[0]["enabled"] = False
    assert ours.done("POST", "/populate", wish)["proxies"][0]["enabled"] is False


def test_reset_goes_on_past_a_proxy_that_cannot_start(ours: Server) -> None:
    for name in ("a", "b"):
        ours.proxy(NOWHERE, name=name)
        ours.toxic("latency", name=name, latency=1)
        ours.done("PATCH", f"/proxies/{name}", {"enabled": False})
    with socket.create_server(door(ours.done("GET", "/proxies/a"))):
        answer = ours.ask("POST", "/reset")
    assert (answer.status_code, "in use" in answer.json()["error"]) == (500, True)
    found = ours.done("GET", "/proxies")
    assert [found[name]["enabled"] for name in ("a", "b")] == [False, True]
    assert [found[name]["toxics"] for name in ("a", "b")] == [[], []]
