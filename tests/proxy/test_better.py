"""What only ours does, or does right where the original is known to be wrong."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest

from tests.proxy.peers import Upstream, asked, connect, ending, eventually, receive, upstream
from tests.proxy.servers import Server


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


def test_what_waits_is_not_let_go_by_what_happens_beside_it(
    ours: Server, echoing: Upstream
) -> None:
    with connect(ours.proxy(echoing.address)) as line:
        ours.toxic("latency", latency=300)
        began = time.monotonic()
        line.sendall(b"held")
        time.sleep(0.05)  # it is on its way now
        ours.toxic("slicer", average_size=100)
        ours.done("DELETE", "/proxies/p/toxics/slicer_downstream")
        change = {"attributes": {"latency": 400}}
        ours.done("PATCH", "/proxies/p/toxics/latency_downstream", change)
        assert receive(line, 4) == b"held"
        assert time.monotonic() - began >= 0.399


def test_a_reset_on_its_way_comes_at_once_when_it_is_taken_away(
    ours: Server, echoing: Upstream
) -> None:
    with connect(ours.proxy(echoing.address)) as line:
        ours.toxic("reset_peer", "upstream", timeout=60_000)
        line.sendall(b"ask")
        crossed = 'received_bytes_total{direction="upstream"'
        eventually(
            lambda: any(
                crossed in row and row.endswith(" 3")
                for row in ours.ask("GET", "/metrics").text.splitlines()
            )
        )
        ours.remove("reset_peer_upstream")
        assert ending(line) == "reset"


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
