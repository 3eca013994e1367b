"""A small HTTP server with two copies of a ledger, and a fake system that it belongs to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest


@dataclass
class Copies:
    """What each copy answers: ids by serial number from 1; a number instead is a bare status."""

    url: str = ""
    held: dict[str, Any] = field(default_factory=lambda: {"one": [], "two": []})
    down: set[str] = field(default_factory=set)
    page: int = 3
    stock: Any = 100
    asked: list[str] = field(default_factory=list)
    before_answer: Callable[[str], object] = lambda path: None

    def grow(self, path: str) -> None:
        """Somebody writes to `two` once in each round of questions."""
        if "from=one" in path:
            self.held["two"].append(f"x{len(self.asked)}")

    def answer(self, path: str) -> tuple[int, Any]:
        self.asked.append(path)
        self.before_answer(path)
        query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        if path.startswith("/stock"):
            return 200, {"sum": {"total": self.stock}}
        if query["from"] in self.down:
            return 503, {}
        held = self.held[query["from"]]
        if not isinstance(held, list):
            return (held, {}) if isinstance(held, int) else (200, held)
        after = int(query.get("after", 0))
        listed = [{"serial": n, "order": entry(i)} for n, i in enumerate(held, 1) if n > after]
        listed = listed[: self.page]
        return 200, {"list": listed, "next": listed[-1]["serial"] if listed else after}


def entry(held: Any) -> dict[str, Any]:
    """An id alone, or a register as id and sequence."""
    return {"id": held} if isinstance(held, str) else dict(zip(("id", "n"), held, strict=True))


@pytest.fixture
def copies() -> Iterator[Copies]:
    made = Copies()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = made.answer(self.path)
            body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()
