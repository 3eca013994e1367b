"""What only ours does, or does right where the original is known to be wrong."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest

from tests.proxy.peers import Upstream, asked, connect, ending, eventually, receive, upstream
from tests.proxy.servers import Server, door, embedded

NOWHERE = "127.0.0.1:9"


def live(server: Server, name: str = "p") -> int:
    count: int = server.done("GET", f"/proxies/{name}")["connections"]
    return count


def test_existing_connections_are_reset_too_on_both_sides(ours: Server) -> None:
    seen: list[str] = []

    def note(line: socket.socket) -> None:
        line.sendall(line.recv(10))
        seen.append(ending(line))

    with upstream(note) as noting, connect(ours.proxy(noting.address)) as line:
        asked(line)
        ours.toxic("reset_peer", "upstream", timeout=0)
        line.sendall(b"again")
        assert ending(line) == "reset"
        assert eventually(lambda: seen) == ["reset"]


def test_a_spared_connection_is_never_reset(ours: Server, echoing: Upstream) -> None:
    place = ours.proxy(echoing.address)
    ours.toxic("reset_peer", timeout=0, toxicity=0)
    with connect(place) as line:
        asked(line)
        line.shutdown(socket.SHUT_WR)
        assert ending(line) == "closed"


@pytest.fixture
def full() -> Any:
    """An upstream whose queue is full: to dial it takes until somebody gives up."""
    with ExitStack() as lines:
        door = lines.enter_context(socket.socket())
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for _ in range(4):
            line = lines.enter_context(socket.socket())
            line.setblocking(False)
            line.connect_ex(door.getsockname())
        yield f"127.0.0.1:{door.getsockname()[1]}"


def test_a_black_hole_holds_up_neither_the_door_nor_the_api(ours: Server, full: str) -> None:
    place = ours.proxy(full)
    with ExitStack() as lines:
        waiting = [lines.enter_context(connect(place)) for _ in range(20)]
        eventually(lambda: live(ours) == 20)
        began = time.monotonic()
        ours.toxic("latency", latency=1)
        ours.done("PATCH", "/proxies/p", {"enabled": False})
        ours.done("PATCH", "/proxies/p", {"enabled": True})
        ours.done("POST", "/reset")
        assert time.monotonic() - began < 4
        assert all(ending(line) in ("closed", "reset") for line in waiting)
        assert live(ours) == 0


def test_a_name_that_leads_nowhere_ends_the_connection(ours: Server) -> None:
    with connect(ours.proxy("nobody.invalid:1")) as line:
        assert ending(line) == "closed"
    eventually(lambda: live(ours) == 0)
    wanted = 'toxiproxy_proxy_dial_failures_total{proxy="p"'
    lines = ours.ask("GET", "/metrics").text.splitlines()
    assert any(line.startswith(wanted) and line.endswith(" 1") for line in lines)


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


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0.0.0.0", "", "[::]", "[::1]", "[0:0::1]"]
)
def test_populate_twice_is_populate_once(ours: Server, echoing: Upstream, host: str) -> None:
    if "::" in host and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    wish = [{"name": "p", "upstream": echoing.address, "listen": f"{host}:0"}]
    answer = ours.ask("POST", "/populate", wish)
    if host.startswith("[") and answer.status_code == 500:
        pytest.skip("no IPv6 here")
    shown = answer.json()["proxies"][0]
    ours.toxic("latency", latency=1)
    inside = ("::1" if "1]" in host else "127.0.0.1", door(shown)[1])
    with connect(inside) as line:
        asked(line)
        for listen in (f"{host}:0", f"{host}:{inside[1]}", shown["listen"]):
            wish[0]["listen"] = listen
            again = ours.done("POST", "/populate", wish)["proxies"][0]
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


def hit(server: Server, place: tuple[str, int], count: int) -> list[bool]:
    """Which of so many connections lose their data."""
    found = []
    for _ in range(count):
        with connect(place) as line:
            line.sendall(b"x")
            try:
                found.append(line.recv(1) != b"x")
            except ConnectionResetError:
                found.append(True)
    return found


def test_toxicity_comes_again_from_the_same_seed(echoing: Upstream) -> None:
    seen = []
    for seed in (1, 1, 2):
        with embedded(seed) as server:
            place = server.proxy(echoing.address)
            server.toxic("limit_data", bytes=0, toxicity=0.5)
            seen.append(hit(server, place, 40))
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]
    assert 8 <= sum(seen[0]) <= 32


def quickest(line: socket.socket) -> float:
    return min(asked(line) for _ in range(3))


def test_toxicity_is_drawn_once(ours: Server, echoing: Upstream) -> None:
    """Whatever else comes and goes, who is slow stays slow, who is not stays quick."""
    place = ours.proxy(echoing.address)
    ours.toxic("latency", latency=60, toxicity=0.5)
    with ExitStack() as lines:
        made = [lines.enter_context(connect(place)) for _ in range(12)]
        slow = [quickest(line) >= 0.059 for line in made]
        assert 0 < sum(slow) < 12
        ours.toxic("slicer", average_size=100)
        ours.done("PATCH", "/proxies/p/toxics/latency_downstream", {"attributes": {"jitter": 0}})
        spared = [line for line, is_slow in zip(made, slow, strict=True) if not is_slow]
        hurt = [line for line, is_slow in zip(made, slow, strict=True) if is_slow]
        assert all(asked(line) >= 0.059 for line in hurt)
        assert all(quickest(line) < 0.059 for line in spared)
        ours.done("PATCH", "/proxies/p/toxics/latency_downstream", {"toxicity": 1})
        assert all(asked(line) >= 0.059 for line in made)
        ours.done("PATCH", "/proxies/p/toxics/latency_downstream", {"toxicity": 0})
        assert all(quickest(line) < 0.059 for line in made)


def test_jitter_comes_again_from_the_same_seed(echoing: Upstream) -> None:
    seen = []
    for seed in (3, 3, 4):
        with embedded(seed) as server, connect(server.proxy(echoing.address)) as line:
            server.toxic("latency", latency=40, jitter=40)
            seen.append([asked(line) for _ in range(10)])
    first, again, other = seen
    assert apart(first, again) < apart(first, other)


def apart(one: list[float], other: list[float]) -> float:
    return sum(abs(here - there) for here, there in zip(one, other, strict=True))


def test_connections_are_counted(ours: Server, echoing: Upstream) -> None:
    place = ours.proxy(echoing.address)
    assert live(ours) == 0
    with connect(place) as one, connect(place) as other:
        asked(one)
        asked(other)
        assert live(ours) == 2
        text = ours.ask("GET", "/metrics").text
        assert f'toxiproxy_proxy_connections{{proxy="p",listener="127.0.0.1:{place[1]}"' in text
        counts = [row for row in text.splitlines() if row.startswith("toxiproxy_proxy_conn")]
        assert [row.rpartition(" ")[2] for row in counts] == ["2", "2"]
        assert 'received_bytes_total{direction="upstream"' in text
    eventually(lambda: live(ours) == 0)


def test_a_toxic_goes_away_by_itself(ours: Server, echoing: Upstream) -> None:
    with connect(ours.proxy(echoing.address)) as line:
        assert ours.toxic("latency", latency=60000, ttl=150)["ttl"] == 150
        began = time.monotonic()
        line.sendall(b"held")
        assert receive(line, 4) == b"held"
        assert 0.14 <= time.monotonic() - began < 5
        assert ours.done("GET", "/proxies/p/toxics") == []


def test_a_time_to_live_can_be_changed_and_taken_back(ours: Server) -> None:
    ours.proxy(NOWHERE)
    path = "/proxies/p/toxics/latency_downstream"
    ours.toxic("latency", latency=1, ttl=60000)
    assert ours.done("PATCH", path, {"ttl": 100})["ttl"] == 100
    assert "ttl" not in ours.done("PATCH", path, {"ttl": 0})
    time.sleep(0.2)  # longer than it had
    assert ours.ask("GET", path).status_code == 200
    ours.done("PATCH", path, {"ttl": 1})
    eventually(lambda: ours.ask("GET", path).status_code == 404)


def test_a_stall_ends_at_once(ours: Server, echoing: Upstream) -> None:
    """The original needs 15 s for this."""
    with connect(ours.proxy(echoing.address)) as line:
        ours.toxic("bandwidth", "upstream", rate=0)
        line.sendall(b"stuck" * 100_000)
        began = time.monotonic()
        ours.done("DELETE", "/proxies/p/toxics/bandwidth_upstream")
        assert receive(line, 500_000) == b"stuck" * 100_000
        assert time.monotonic() - began < 5


def test_a_raised_rate_acts_on_what_already_waits(ours: Server, echoing: Upstream) -> None:
    with connect(ours.proxy(echoing.address)) as line:
        ours.toxic("bandwidth", rate=1)
        line.sendall(b"w" * 60_000)
        change = {"attributes": {"rate": 1000}}
        ours.done("PATCH", "/proxies/p/toxics/bandwidth_downstream", change)
        began = time.monotonic()
        assert len(receive(line, 60_000)) == 60_000
        assert time.monotonic() - began < 10


def test_half_a_close_leaves_the_answer_its_way(ours: Server) -> None:
    def total(line: socket.socket) -> None:
        count = 0
        while piece := line.recv(1000):
            count += len(piece)
        line.sendall(b"%d" % count)

    with upstream(total) as totalling, connect(ours.proxy(totalling.address)) as line:
        line.sendall(b"12345")
        line.shutdown(socket.SHUT_WR)
        assert receive(line, 9) == b"5"


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


def test_no_byte_is_lost_while_toxics_come_and_go(ours: Server, echoing: Upstream) -> None:
    load = b"".join(b"%08d" % number for number in range(250_000))
    found = bytearray()
    turns = 0
    with connect(ours.proxy(echoing.address)) as line:
        ours.toxic("bandwidth", rate=2000)
        reader = threading.Thread(target=lambda: found.extend(receive(line, len(load))))
        sender = threading.Thread(target=line.sendall, args=(load,))
        reader.start()
        sender.start()
        while reader.is_alive():
            turns += 1
            for stream in ("upstream", "downstream"):
                come_and_go(ours, stream)
        sender.join()
        reader.join()
    assert bytes(found) == load
    assert turns > 1


def come_and_go(server: Server, stream: str) -> None:
    server.toxic("latency", stream, latency=20, jitter=20)
    server.toxic("slicer", stream, average_size=500, size_variation=100, delay=100)
    server.toxic("http", stream, status=500)
    server.toxic("slow_close", stream, delay=5)
    for kind in ("latency", "slow_close", "http", "slicer"):
        server.done("DELETE", f"/proxies/p/toxics/{kind}_{stream}")
