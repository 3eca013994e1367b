"""The adapter against a server that answers late, wrongly, or with HTML, as Toxiproxy does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.errors import InvalidInput, TargetError, Unreachable
from chaoskit.world.toxiproxy import ATTRIBUTES, ProxyServer, Toxic
from tests.world.standin import Standin, adapter, spoil, standin

DELAY = Toxic("mine", "latency", attributes={"latency": 80, "jitter": 0})


@pytest.fixture
def server() -> Iterator[Standin]:
    with standin("p1", "p2") as found:
        yield found


def test_two_servers_in_one_process_stay_apart() -> None:
    with standin("p") as one, standin("p") as two:
        first, second = adapter(one), adapter(two)
        first.add("p", DELAY)
        second.enable("p", False)
        assert [t["name"] for t in one.proxies["p"]["toxics"]] == ["mine"]
        assert (one.proxies["p"]["enabled"], two.proxies["p"]["enabled"]) == (True, False)
        assert two.proxies["p"]["toxics"] == []


def test_the_environments_http_proxy_is_not_asked(
    server: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert adapter(server).version() == "2.12.0"


def test_nobody_there_is_one_sentence_with_what_to_do() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 .*chaoskit system up") as refusal:
        ProxyServer("http://127.0.0.1:1").version()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("url", ["127.0.0.1:8474", "https://there:8474", "http://there"])
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="8474"):
        ProxyServer(url)


def test_a_503_is_asked_again_until_it_is_so(server: Standin) -> None:
    server.trouble = spoil("POST", 2, 503, "<html>Timeout</html>")
    adapter(server).add("p1", DELAY)
    assert server.proxies["p1"]["toxics"][0]["attributes"] == {"latency": 80, "jitter": 0}


def test_reading_that_a_door_is_open_is_not_enough_to_have_opened_it(server: Standin) -> None:
    """A disable may still be queued in the server: only an answered enable comes after it."""
    server.trouble = spoil("POST", 1, 503, "<html>Timeout</html>")
    adapter(server).enable("p1", True)
    assert server.requests.count("POST /proxies/p1") == 2


def test_a_server_that_hangs_costs_its_patience_and_no_more(server: Standin) -> None:
    let_go = threading.Event()
    server.trouble = lambda request: request.command == "POST" and let_go.wait(20)
    began = time.monotonic()
    try:
        with pytest.raises(TargetError, match=r"could not disable proxy 'p1' .*no clear answer"):
            adapter(server, patience=0.5).enable("p1", False)
        assert time.monotonic() - began < 5
    finally:
        let_go.set()


def test_what_the_server_lists_otherwise_is_an_error(server: Standin) -> None:
    def ignore(request: BaseHTTPRequestHandler) -> bool:
        for toxic in server.proxies["p1"]["toxics"]:
            toxic["attributes"] = {}
        return False

    server.trouble = ignore
    with pytest.raises(TargetError, match="says otherwise when read back"):
        adapter(server, patience=0.3).add("p1", DELAY)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, '{"error": "bind: address already in use"}', "address already in use"),
        (200, "<html>welcome</html>", "is that Toxiproxy's API"),
        (400, '{"error": "invalid toxic type"}', "invalid toxic type"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words_at_once(
    server: Standin, status: int, body: str, words: str
) -> None:
    server.trouble = spoil("POST", 1, status, body)
    with pytest.raises(TargetError, match=words):
        adapter(server, patience=30).enable("p1", False)


def test_a_proxy_that_is_gone_is_named(server: Standin) -> None:
    with pytest.raises(TargetError, match="restarted without its configuration"):
        adapter(server).enable("gone", True)
    adapter(server).remove("p1", "never-there")


@pytest.mark.parametrize(
    "toxic",
    [
        Toxic("t", "slicer"),
        Toxic("t", "slicer", attributes={"average_size": 0}),
        Toxic("t", "bandwidth"),
        Toxic("t", "bandwidth", attributes={"rate": 0}),
        Toxic("t", "latency", attributes={"latencey": 5}),
        Toxic("t", "latency", attributes={"latency": -5}),
        Toxic("t", "latency", attributes={"latency": 0.5}),  # type: ignore[dict-item]
        Toxic("t", "latency", attributes={"latency": True}),
        Toxic("t", "noop"),
        Toxic("t", "latency", stream="sideways"),
        Toxic("t", "latency", toxicity=7),
        Toxic("t", "latency", toxicity=0),
    ],
)
def test_what_the_server_would_swallow_or_die_of_is_never_sent(
    server: Standin, toxic: Toxic
) -> None:
    with pytest.raises(InvalidInput):
        adapter(server).add("p1", toxic)
    assert server.requests == []


NAMES = sorted({name for least in ATTRIBUTES.values() for name in least} | {"latencey"})


@given(
    st.sampled_from(sorted(ATTRIBUTES)),
    st.dictionaries(st.sampled_from(NAMES), st.integers(-2, 9), max_size=3),
)
def test_whatever_passes_has_no_harmful_default(kind: str, attributes: dict[str, int]) -> None:
    toxic = Toxic("t", kind, attributes=attributes)
    try:
        toxic.check()
    except InvalidInput:
        return
    assert set(attributes) <= set(ATTRIBUTES[kind])
    assert all(attributes.get(name, 0) >= least for name, least in ATTRIBUTES[kind].items())
