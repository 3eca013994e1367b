"""The http toxic: what clients and the upstream see of plain HTTP/1.1, and of everything else."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.proxy.peers import Upstream, asked, connect, eventually, receive, upstream
from tests.proxy.servers import Server, embedded

ASK = b"GET / HTTP/1.1\r\n\r\n"


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
            return
        self._answer(b"upstream " + self.path.encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(body.decode())  # type: ignore[attr-defined]
        self._answer(body)

    do_HEAD = do_GET

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Shopping(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    seen: list[str]


@pytest.fixture
def shop() -> Iterator[Shopping]:
    with Shopping(("127.0.0.1", 0), Shop) as server:
        server.seen = []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def place(shop: Shopping, ours: Server) -> Iterator[tuple[str, int]]:
    yield ours.proxy(f"127.0.0.1:{shop.server_port}")
    # The shop waits for its connections at the end: they end with their proxy.
    ours.clear()


@contextmanager
def client(place: tuple[str, int]) -> Iterator[http.client.HTTPConnection]:
    with closing(http.client.HTTPConnection(*place, timeout=10)) as line:
        yield line


def fetch(
    line: http.client.HTTPConnection, path: str = "/a", method: str = "GET", body: Any = None
) -> tuple[int, bytes]:
    line.request(method, path, body)
    answer = line.getresponse()
    return answer.status, answer.read()


def test_a_status_is_answered_without_the_upstream(
    ours: Server, shop: Shopping, place: tuple[str, int]
) -> None:
    with client(place) as line:
        assert fetch(line) == (200, b"upstream /a")
        header = {"Retry-After": "7", "Content-Type": "text/x-fault"}
        ours.toxic("http", status=503, body="away", header=header)
        for _ in range(3):  # on one connection, kept alive
            line.request("GET", "/b")
            answer = line.getresponse()
            assert (answer.status, answer.read()) == (503, b"away")
            assert answer.headers["Retry-After"] == "7"
            assert answer.headers["Content-Type"] == "text/x-fault"
        assert fetch(line, "/c", "POST", b"x" * 200_000) == (503, b"away")
        assert fetch(line, "/d", "HEAD") == (503, b"")
        ours.done("DELETE", "/proxies/p/toxics/http_downstream")
        assert fetch(line, "/e") == (200, b"upstream /e")
    assert shop.seen == ["/a", "/e"]


def test_a_share_of_the_requests_is_hit_and_the_others_pass(
    ours: Server, shop: Shopping, place: tuple[str, int]
) -> None:
    ours.toxic("http", status=500, share=0.5)
    with client(place) as line:
        answers = [fetch(line, f"/{number}") for number in range(60)]
    passed = [path for path, (status, _) in zip(range(60), answers, strict=True) if status == 200]
    assert 10 <= len(passed) <= 50
    assert shop.seen == [f"/{number}" for number in passed]
    assert all(answers[number][1] == f"upstream /{number}".encode() for number in passed)
    text = ours.ask("GET", "/metrics").text
    hits = [row for row in text.splitlines() if row.startswith("toxiproxy_toxic_http_hits{")]
    assert hits[0].endswith(f" {60 - len(passed)}")


def test_the_share_comes_again_from_the_same_seed(shop: Shopping) -> None:
    seen = []
    for _ in range(2):
        with embedded(5) as server:
            place = server.proxy(f"127.0.0.1:{shop.server_port}")
            server.toxic("http", status=500, share=0.5)
            with client(place) as line:
                seen.append([fetch(line)[0] for _ in range(30)])
    assert seen[0] == seen[1]
    assert set(seen[0]) == {200, 500}


def test_a_delay_holds_the_answer(ours: Server, place: tuple[str, int]) -> None:
    ours.toxic("http", delay=120)
    with client(place) as line:
        for _ in range(2):
            began = time.monotonic()
            assert fetch(line) == (200, b"upstream /a")
            assert time.monotonic() - began >= 0.119
        ours.done("PATCH", "/proxies/p/toxics/http_downstream", {"attributes": {"status": 504}})
        began = time.monotonic()
        assert fetch(line)[0] == 504
        assert time.monotonic() - began >= 0.119


@pytest.mark.parametrize("path", ["/a", "/chunked"])
def test_the_upstreams_answer_is_rewritten(
    ours: Server, shop: Shopping, place: tuple[str, int], path: str
) -> None:
    ours.toxic("http", body='{"wrong": true}', header={"X-Fault": "1"})
    with client(place) as line:
        for _ in range(2):
            line.request("GET", path)
            answer = line.getresponse()
            assert (answer.status, answer.read()) == (200, b'{"wrong": true}')
            assert answer.headers["X-Fault"] == "1"
    assert shop.seen == [path, path]


def test_bodies_of_every_framing_pass(ours: Server, place: tuple[str, int]) -> None:
    ours.toxic("http", share=0)
    with client(place) as line:
        for _ in range(2):
            assert fetch(line, "/chunked") == (200, b"onetwo")
            assert fetch(line, "/p", "POST", b"y" * 300_000) == (200, b"y" * 300_000)
            assert fetch(line, "/h", "HEAD") == (200, b"")


def test_pipelined_answers_keep_their_order(ours: Server, place: tuple[str, int]) -> None:
    ours.toxic("http", status=418, delay=30, share=0.5)
    asking = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(30))
    with connect(place) as line, line.makefile("rb") as answers:
        line.sendall(asking)
        paths = []
        for number in range(30):
            status = int(answers.readline().split()[1])
            length = 0
            while (row := answers.readline()).strip():
                if row.lower().startswith(b"content-length:"):
                    length = int(row.split(b":")[1])
            body = answers.read(length)
            if status == 200:
                assert body == b"upstream /%d" % number
            paths.append(status)
    assert set(paths) == {200, 418}


def test_a_client_that_asks_for_the_end_gets_it(ours: Server, place: tuple[str, int]) -> None:
    ours.toxic("http", status=503)
    with connect(place) as line, line.makefile("rb") as answers:
        line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        found = answers.read()
    assert found.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"Connection: close\r\n" in found


def test_what_is_not_http_passes_untouched(ours: Server, echoing: Upstream) -> None:
    with connect(ours.proxy(echoing.address)) as line:
        ours.toxic("http", status=503)
        for text in (b"PING\r\n", b"\x00\x01\xff", b"POSTAL", b"G", b"REDIS GET a\r\n"):
            if text != b"G":  # the beginning of a method waits for what follows
                asked(line, text)
        line.sendall(b"G")
        line.sendall(b"ibberish\r\n")
        assert receive(line, 11) == b"Gibberish\r\n"
        line.sendall(b"GET cache:1\r\n")
        assert receive(line, 13) == b"GET cache:1\r\n"


def test_a_request_in_pieces_is_one_request(ours: Server, place: tuple[str, int]) -> None:
    ours.toxic("http", status=503)
    with connect(place) as line:
        for byte in b"GET / HTTP/1.1\r\nHost: a\r\n\r\n":
            line.sendall(bytes([byte]))
        assert receive(line, 12) == b"HTTP/1.1 503"


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 abc What\r\n\r\nrest",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nfive!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.",
        b"+PONG\r\n",
    ],
)
def test_an_answer_that_cannot_be_read_passes_untouched(ours: Server, said: bytes) -> None:
    def say(line: socket.socket) -> None:
        receive(line, len(ASK))
        line.sendall(said)

    with upstream(say) as saying, connect(ours.proxy(saying.address)) as line:
        ours.toxic("http", delay=1)
        line.sendall(ASK)
        assert receive(line, 1000) == said


def test_a_request_that_cannot_be_read_passes_untouched(ours: Server, echoing: Upstream) -> None:
    place = ours.proxy(echoing.address)
    ours.toxic("http", status=500)
    for field in (b"Content-Length: five", b"Content-Length: 1, 2", b"no field"):
        with connect(place) as line:
            asked(line, b"POST / HTTP/1.1\r\n" + field + b"\r\n\r\nbody")


def test_after_an_upgrade_nothing_is_touched(ours: Server) -> None:
    def switch(line: socket.socket) -> None:
        receive(line, len(b"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n"))
        line.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        while piece := line.recv(1000):
            line.sendall(piece)

    with upstream(switch) as switching, connect(ours.proxy(switching.address)) as line:
        ours.toxic("http", status=503, share=0)
        line.sendall(b"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n")
        assert receive(line, 36).startswith(b"HTTP/1.1 101")
        ours.done("PATCH", "/proxies/p/toxics/http_downstream", {"attributes": {"share": 1}})
        asked(line, b"GET / HTTP/1.1\r\n\r\n")


def test_a_removal_lets_go_the_delayed_answer(ours: Server, place: tuple[str, int]) -> None:
    ours.toxic("http", delay=60000)
    with connect(place) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(lambda: received(ours) > 0)
        ours.done("DELETE", "/proxies/p/toxics/http_downstream")
        assert receive(line, 12) == b"HTTP/1.1 200"


def received(server: Server) -> int:
    """Bytes that came from the upstream."""
    rows = server.ask("GET", "/metrics").text.splitlines()
    start = 'toxiproxy_proxy_received_bytes_total{direction="downstream"'
    return int(next(row for row in rows if row.startswith(start)).rpartition(" ")[2])
