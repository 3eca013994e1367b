"""The system's own alerts: what is new since the step began, and silence said as silence."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chaoskit.gameday.alerts import NoAnswer, firing
from tests.gameday.desk import GAMEDAY, Stage, desk, until


class Alerting:
    """A server that answers with `answer` as JSON and `status`."""

    def __init__(self) -> None:
        outer, self.status, self.asked = self, 200, 0

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(json.dumps(outer.answer).encode())

            def log_message(self, *words: Any) -> None:
                """Quietly."""

        self.answer: Any = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/v2/alerts"


@pytest.fixture
def alerting() -> Iterator[Alerting]:
    made = Alerting()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


ALERTMANAGER = {"labels": {"alertname": "Down"}, "status": {"state": "active"}, "fingerprint": "f"}
PROMETHEUS = {"data": {"alerts": [{"labels": {"alertname": "Slow"}, "state": "firing"}]}}


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        ([], []),
        ([ALERTMANAGER], ["Down"]),
        ([ALERTMANAGER | {"status": {"state": "suppressed"}}], []),
        (PROMETHEUS, ["Slow"]),
        ({"alerts": [{"name": "Late"}, {"name": "Old", "state": "resolved"}]}, ["Late"]),
    ],
)
def test_what_fires_is_read(alerting: Alerting, answer: Any, names: list[str]) -> None:
    alerting.answer = answer
    assert list(firing(alerting.url).values()) == names


@pytest.mark.parametrize(("answer", "status"), [("down", 200), ([1], 200), ([], 503)])
def test_no_answer_is_not_no_alert(alerting: Alerting, answer: Any, status: int) -> None:
    alerting.answer, alerting.status = answer, status
    with pytest.raises(NoAnswer):
        firing(alerting.url)


def test_an_alert_that_comes_in_a_step_is_entered_once(tmp_path: Path, alerting: Alerting) -> None:
    alerting.answer = [{"name": "Old"}]
    text = GAMEDAY + f'alerts: "{alerting.url}"\n'
    with desk(tmp_path, Stage(), text).opened() as session:
        session.say("Ada", "answer", item="1", value="yes")
        session.say("Grace", "go")
        session.begin_step("Grace")
        until(lambda: alerting.asked == 2)  # the first was what was there before
        alerting.answer = [{"name": "Old"}, {"name": "New"}]
        until(lambda: session.view("Grace")["steps"][0]["alerts"])
        session.end_step("Grace")
        alerts = [e.text for e in session.log.entries() if e.kind == "alert"]
    assert alerts == ["New"]
