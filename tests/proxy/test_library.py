"""toxiproxy-python's own calls, and chaoskit's adapter, work against both servers unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists
from toxiproxy.server import Toxiproxy

from chaoskit.world.toxiproxy import ProxyServer, Toxic
from tests.proxy.peers import NOWHERE, Upstream, asked, connect, refused
from tests.proxy.servers import Server, door


@pytest.fixture
def library(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Its address belongs to the whole process: it is put back."""
    before = APIConsumer.host, APIConsumer.port
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client = Toxiproxy()
    client.update_api_consumer(*server.place)
    yield client
    client.update_api_consumer(*before)


def test_the_server(library: Any) -> None:
    assert library.running() is True
    assert b"2.12.0" in library.version()
    assert library.reset() is True
    assert library.proxies() == {}
    assert library.get_proxy("none") is None


def test_a_proxy_and_its_toxics(library: Any, echoing: Upstream) -> None:
    proxy = library.create(upstream=echoing.address, name="p")
    assert library.get_proxy("p").listen == proxy.listen
    with pytest.raises(ProxyExists):
        library.create(upstream=NOWHERE, name="p")
    proxy.add_toxic(type="latency", attributes={"latency": 50})
    assert proxy.get_toxic("latency_downstream").attributes["latency"] == 50
    assert proxy.get_toxic("none") is None
    with connect(door({"listen": proxy.listen})) as line:
        assert asked(line) >= 0.049
    with pytest.raises(ProxyExists):
        proxy.add_toxic(type="latency", attributes={"latency": 50})
    with pytest.raises(InvalidToxic):
        proxy.add_toxic(type="none")
    assert proxy.destroy_toxic("latency_downstream") is True
    with pytest.raises(NotFound):
        proxy.destroy_toxic("latency_downstream")
    assert proxy.toxics() == {}
    assert library.destroy(proxy) is True


def test_down_is_a_context(library: Any, echoing: Upstream) -> None:
    proxy = library.create(upstream=echoing.address, name="p")
    place = door({"listen": proxy.listen})
    with proxy.down():
        assert library.get_proxy("p").enabled is False
        with pytest.raises(ConnectionRefusedError):
            connect(place)
    with connect(place) as line:
        asked(line)


def test_populate_and_destroy_all(library: Any) -> None:
    wish = [{"name": name, "upstream": NOWHERE, "listen": "127.0.0.1:0"} for name in "ab"]
    assert [proxy.name for proxy in library.populate(wish)] == ["a", "b"]
    assert sorted(library.proxies()) == ["a", "b"]
    library.destroy_all()
    assert library.proxies() == {}


def test_populate_keeps_what_is_so_and_replaces_what_is_not(library: Any) -> None:
    wish = [{"name": "p", "upstream": NOWHERE, "listen": "127.0.0.1:0"}]
    wish[0]["listen"] = library.populate(wish)[0].listen
    library.get_proxy("p").add_toxic(type="latency", attributes={"latency": 1})
    assert library.populate(wish) == []
    assert list(library.get_proxy("p").toxics()) == ["latency_downstream"]
    wish[0]["upstream"] = "127.0.0.1:10"
    assert [proxy.upstream for proxy in library.populate(wish)] == ["127.0.0.1:10"]
    assert library.get_proxy("p").toxics() == {}


def test_a_proxy_by_hand(library: Any, echoing: Upstream) -> None:
    proxy = library.create(echoing.address, "p", listen="127.0.0.1:0", enabled=True)
    place = door({"listen": proxy.listen})
    proxy.disable()
    assert proxy.enabled is False
    assert refused(place)
    proxy.enable()
    assert proxy.enabled is True
    with connect(place) as line:
        asked(line)
    assert proxy.destroy() is True
    assert library.destroy("p") is False
    off = library.create(echoing.address, "off", listen=proxy.listen, enabled=False)
    assert (off.enabled, refused(place)) == (False, True)


def test_a_toxic_with_all_that_can_be_said(library: Any) -> None:
    proxy = library.create(upstream=NOWHERE, name="p")
    attributes = {"average_size": 9, "size_variation": 8, "delay": 7}
    wish = {"type": "slicer", "name": "s", "stream": "upstream", "toxicity": 0.5}
    proxy.add_toxic(**wish, attributes=attributes)
    found = proxy.toxics()["s"]
    assert {name: getattr(found, name) for name in wish} == wish
    assert found.attributes == attributes


def test_the_adapter_of_chaoskit(server: Server, echoing: Upstream) -> None:
    place = server.proxy(echoing.address)
    adapter = ProxyServer(server.url)
    assert adapter.version() == "2.12.0"
    delay = Toxic("ours", "latency", "upstream", attributes={"latency": 40})
    adapter.add("p", delay)
    adapter.add("p", delay)
    with connect(place) as line:
        assert asked(line) >= 0.039
    adapter.remove("p", "ours")
    adapter.remove("p", "ours")
    adapter.enable("p", False)
    shown = adapter.proxy("p")
    assert shown is not None
    assert (shown["enabled"], shown["toxics"]) == (False, [])
    adapter.enable("p", True)
