"""Servers that speak Toxiproxy's API: the embedded one in a thread, the real one as a process."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from chaoskit.proxy import FaultProxy
from tests.proxy.original import Absent, original
from tests.proxy.peers import eventually
from tests.stage import lacking


@dataclass
class Server:
    """One running server, and a client without the environment's proxies."""

    kind: str
    url: str
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def place(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        return host, int(port)

    def ask(self, method: str, path: str, content: Any = None, **more: Any) -> requests.Response:
        self.session.trust_env = False
        return self.session.request(method, self.url + path, json=content, timeout=10, **more)

    def done(self, method: str, path: str, content: Any = None) -> Any:
        """What the answer holds; the call must have succeeded."""
        answer = self.ask(method, path, content)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def refusal(self, method: str, path: str, content: Any = None) -> tuple[int, str]:
        """Status and message of an answer that says no."""
        answer = self.ask(method, path, content)
        found = answer.json()
        assert found["status"] == answer.status_code
        return answer.status_code, found["error"]

    def proxy(self, upstream: str, name: str = "p", **more: Any) -> tuple[str, int]:
        """A new proxy's door."""
        wish = {"name": name, "upstream": upstream, "listen": "127.0.0.1:0", **more}
        return door(self.done("POST", "/proxies", wish))

    def toxic(self, kind: str, stream: str = "downstream", name: str = "p", **more: Any) -> Any:
        """Add a toxic; `toxicity` and `ttl` stand apart from its attributes."""
        top = {key: more.pop(key) for key in ("toxicity", "ttl") if key in more}
        wish = {"type": kind, "stream": stream, "attributes": more, **top}
        return self.done("POST", f"/proxies/{name}/toxics", wish)

    def remove(self, toxic: str) -> None:
        """Take a toxic off the proxy `p`."""
        self.done("DELETE", f"/proxies/p/toxics/{toxic}")

    def clear(self) -> None:
        for name in self.done("GET", "/proxies"):
            self.done("DELETE", f"/proxies/{name}")


def door(proxy: Any) -> tuple[str, int]:
    host, _, port = proxy["listen"].rpartition(":")
    return host.strip("[]"), int(port)


@contextmanager
def embedded(seed: int | None = 7) -> Iterator[Server]:
    """Our own, on a loop in a thread; what its callbacks raise fails the test at the end."""
    loop = asyncio.new_event_loop()
    troubles: list[Any] = []
    loop.set_exception_handler(lambda _, trouble: troubles.append(trouble))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    proxy = FaultProxy(seed)
    try:
        asyncio.run_coroutine_threadsafe(proxy.start(port=0), loop).result(10)
        server = Server("embedded", proxy.url)
        with server.session:
            yield server
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
    assert troubles == []


@contextmanager
def toxiproxy() -> Iterator[Server]:
    """The original, on a free port; skipped where it cannot be had, under CI that is a failure."""
    binary = the_original("server")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [binary, "-host", "127.0.0.1", "-port", str(port), "-proxy-metrics"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server("toxiproxy", f"http://127.0.0.1:{port}")
    try:
        eventually(lambda: answers(server), 20)
        with server.session:
            yield server
    finally:
        process.kill()
        process.wait(10)


def the_original(part: str) -> str:
    """Where its `server` or its `cli` is."""
    try:
        return original(part)
    except Absent as error:
        lacking(str(error))


def answers(server: Server) -> bool:
    try:
        return server.ask("GET", "/version").ok
    except requests.ConnectionError:
        return False
