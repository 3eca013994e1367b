"""The webhook of a run: told of begin and end, never named, and never in the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chaoskit.cli.announcing import VARIABLE, Announcer
from chaoskit.cli.screen import Ended, Screen
from chaoskit.errors import ChaoskitError
from chaoskit.run.web import post
from tests.cli.test_screen import STAMP


class Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append(json.loads(said)["text"])  # type: ignore[attr-defined]
        self.send_response(404 if "refused" in self.path else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


@pytest.fixture
def webhook() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.heard = []  # type: ignore[attr-defined]
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        yield server
        server.shutdown()
        serving.join()


def url(webhook: ThreadingHTTPServer, path: str = "/hook?token=s3cret") -> str:
    return f"http://127.0.0.1:{webhook.server_port}{path}"


def test_begin_and_end_are_announced(
    webhook: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, url(webhook))
    complaints: list[str] = []
    announcer = Announcer(complaints.append)
    announcer.begins("cache-loss", "shop")
    announcer.ended(Ended("cache-loss", "violated", 1, False, reasons=("browse p95 < 900ms",)))
    begun, ended = webhook.heard  # type: ignore[attr-defined]
    assert begun.startswith("chaoskit: cache-loss begins on shop, from ")
    # As Slack reads it: a bare `<` would begin a link.
    assert ended == "chaoskit: cache-loss ended: VIOLATED, exit code 1\n• browse p95 &lt; 900ms"
    assert complaints == []


def test_secrets_of_the_documents_do_not_leave(
    webhook: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, url(webhook))
    one = Ended("cache-loss", "not run", 5, False, reasons=("http://s3cret@web is away",))
    Announcer(pytest.fail).ended(one, lambda text: text.replace("s3cret", "***"))
    _, said = webhook.heard[0].splitlines()  # type: ignore[attr-defined]
    assert said == "• http://***@web is away"


def test_without_a_webhook_nothing_is_posted(
    webhook: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    Announcer(pytest.fail).begins("cache-loss", "shop")
    assert webhook.heard == []  # type: ignore[attr-defined]


def test_a_webhook_that_refuses_is_told_once_and_never_named(
    webhook: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, url(webhook, "/refused?token=s3cret"))
    complaints: list[str] = []
    announcer = Announcer(complaints.append)
    announcer.begins("cache-loss", "shop")
    announcer.ended(Ended("cache-loss", "held", 0, False))
    (complaint,) = complaints
    assert complaint == (
        f"{VARIABLE}: the webhook did not take it: status 404; runs are not announced any more"
    )
    assert len(webhook.heard) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/s3cret", "http://x:port/s3cret", "s3cret"])
def test_what_cannot_be_reached_is_told_without_its_address(address: str) -> None:
    with pytest.raises(ChaoskitError, match="the webhook does not answer") as caught:
        post(address, "text", timeout=2.0)
    assert "s3cret" not in str(caught.value)


def test_in_a_pipeline_complaints_are_stamped_too(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(ci=True) as screen:
        screen.complain("not so")
    said = capsys.readouterr().err
    assert STAMP.match(said)
    assert said.endswith("chaoskit: not so\n")
