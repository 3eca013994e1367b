"""A stand-in for Toxiproxy's API, in memory, that can be made to answer wrongly."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chaoskit.world.toxiproxy import ProxyServer

Trouble = Callable[[BaseHTTPRequestHandler], bool]


class Standin(ThreadingHTTPServer):
    """Toxiproxy's API in memory. `trouble` sees each request first and may spoil its answer."""

    daemon_threads = True

    def __init__(self, *proxies: str) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.proxies: dict[str, dict[str, Any]] = {
            name: {"name": name, "listen": "[::]:1", "upstream": "up:1", "enabled": True,
                   "toxics": [], "Logger": {}}
            for name in proxies
        }  # fmt: skip
        self.requests: list[str] = []
        self.trouble: Trouble = lambda request: False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Standin

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        if self._taken():
            return
        if self.path == "/version":
            self.say(200, {"version": "2.12.0"})
        else:
            self._proxy(lambda proxy: self.say(200, proxy))

    def do_POST(self) -> None:
        wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._taken():
            self._proxy(lambda proxy: self._change(proxy, wish))

    def do_DELETE(self) -> None:
        if self._taken():
            return
        proxy = self.server.proxies[self.path.split("/")[2]]
        left = [t for t in proxy["toxics"] if t["name"] != self.path.split("/")[4]]
        found, proxy["toxics"] = len(left) < len(proxy["toxics"]), left
        self.say(204 if found else 404, None)

    def _change(self, proxy: dict[str, Any], wish: dict[str, Any]) -> None:
        if "enabled" in wish:
            proxy["enabled"] = wish["enabled"]
        else:
            proxy["toxics"].append(wish)
        self.say(200, wish)

    def _proxy(self, then: Callable[[dict[str, Any]], None]) -> None:
        found = self.server.proxies.get(self.path.split("/")[2])
        if found is None:
            self.say(404, {"error": "proxy not found"})
        else:
            then(found)

    def _taken(self) -> bool:
        self.server.requests.append(f"{self.command} {self.path}")
        return self.server.trouble(self)

    def say(self, status: int, content: Any) -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(0 if status == 204 else len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)


@contextmanager
def standin(*proxies: str) -> Iterator[Standin]:
    with Standin(*proxies) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def adapter(server: Standin, patience: float = 1.5) -> ProxyServer:
    return ProxyServer(server.url, timeout=0.3, patience=patience)


def spoil(verb: str, times: int, status: int, body: str) -> Trouble:
    """The first `times` requests of `verb` are answered so, and nothing is done."""
    left = [times]

    def trouble(request: BaseHTTPRequestHandler) -> bool:
        if request.command != verb or not left[0]:
            return False
        left[0] -= 1
        assert isinstance(request, Answering)
        request.say(status, body)
        return True

    return trouble
