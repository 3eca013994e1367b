"""Hooks that halt from elsewhere: files, URLs and commands, and those that give no answer."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import Halted
from chaoskit.model.system import HaltHook
from chaoskit.run import halting
from chaoskit.run.halting import Halting
from tests.run.live_run import eventually

NEVER = "no answer is not a go-ahead"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halting, "EVERY", 0.01)


class Answering(BaseHTTPRequestHandler):
    """/204 is answered with 204, and so on; /drop is not answered at all."""

    def do_GET(self) -> None:
        if self.path != "/drop":
            self.send_response(int(self.path.strip("/")))
            self.send_header("Location", "/200")
            self.end_headers()

    def log_message(self, *words: Any) -> None:
        """A test says what matters itself."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()
        thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """Accepts, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


def hooks(folder: Path, *specs: dict[str, Any]) -> Halting:
    return Halting([HaltHook.model_validate(spec) for spec in specs], folder)


def refusal(folder: Path, spec: dict[str, Any]) -> str:
    with pytest.raises(Halted) as refused:
        hooks(folder, spec).refuse_if_halted()
    assert refused.value.exit_code == 3
    return str(refused.value)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_file_halts_while_it_exists(tmp_path: Path) -> None:
    hooks(tmp_path, {"file": "incident"}).refuse_if_halted()
    (tmp_path / "incident").symlink_to("nowhere")
    assert refusal(tmp_path, {"file": "incident", "why": "an incident is open"}) == (
        "halted by halt_when, item 1 (file incident exists) (an incident is open): it is so; "
        "nothing was run"
    )


def test_a_url_halts_while_it_answers_with_the_status(tmp_path: Path, server: str) -> None:
    for path, status in (("200", 204), ("404", 200), ("500", 200), ("302", 200)):
        hooks(tmp_path, {"http": {"url": f"{server}/{path}", "status": status}}).refuse_if_halted()
    said = refusal(tmp_path, {"http": {"url": f"{server}/503", "status": 503}})
    assert f"({server}/503 answers 503): it is so" in said


def test_a_command_halts_while_it_exits_with_zero(tmp_path: Path) -> None:
    (tmp_path / "frozen").touch()
    look = "import os, sys; sys.exit(not os.path.exists('{}'))"
    hooks(
        tmp_path, {"command": python(look.format("elsewhere")), "timeout": "60s"}
    ).refuse_if_halted()
    said = refusal(tmp_path, {"command": python(look.format("frozen")), "timeout": "60s"})
    assert f"(command {sys.executable} … exits with 0): it is so" in said


def test_a_command_counts_from_the_folder(tmp_path: Path) -> None:
    script = tmp_path / "freeze.sh"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    assert "(command ./freeze.sh exits with 0)" in refusal(tmp_path, {"command": ["./freeze.sh"]})


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"file": "a" * 300}, "File name too long"),
        ({"command": ["./no-such-command"]}, "No such file or directory"),
        ({"command": ["sh", "-c", "no-such-command-at-all"]},
         "it ended with exit code 127, no such command"),
        ({"command": ["sh", "-c", "kill -9 $$"]}, "it ended with SIGKILL"),
        ({"command": python("import time; time.sleep(60)"), "timeout": "50ms"},
         "no answer within 50ms"),
    ],
)  # fmt: skip
def test_a_hook_that_cannot_be_asked_three_times_in_a_row_halts(
    tmp_path: Path, spec: dict[str, Any], why: str
) -> None:
    assert f"cannot be asked ({why}, 3 times in a row); {NEVER}" in refusal(tmp_path, spec)


def test_a_url_that_refuses_drops_or_says_nothing_halts(
    tmp_path: Path, server: str, silent: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    refused = refusal(tmp_path, {"http": {"url": f"http://127.0.0.1:{port}/"}})
    assert f"cannot be asked (Connection refused, 3 times in a row); {NEVER}" in refused
    dropped = refusal(tmp_path, {"http": {"url": f"{server}/drop"}})
    assert f"3 times in a row); {NEVER}" in dropped
    late = refusal(tmp_path, {"http": {"url": silent}, "timeout": "50ms"})
    assert "no answer within 50ms" in late


def test_an_answer_in_between_starts_the_count_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[bool | OSError] = [OSError("a"), OSError("b"), False, OSError("c"), OSError("d")]

    def exists(path: Path) -> bool:
        answer = said.pop(0) if said else True
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(halting, "exists", exists)
    halt = hooks(tmp_path, {"file": "incident"})
    halt.refuse_if_halted()
    assert len(said) == 2  # two without an answer, then a no: the run may start
    with halt.watching():
        sentence = eventually("it halts", halt.halted)
    assert "it is so" in sentence


def test_while_a_run_is_under_way_it_is_asked_again_and_again(tmp_path: Path) -> None:
    halt = hooks(tmp_path, {"file": "never"}, {"file": "incident"})
    halt.refuse_if_halted()
    with halt.watching():
        assert halt.halted() is None
        (tmp_path / "incident").touch()
        sentence = eventually("it halts", halt.halted)
        (tmp_path / "incident").unlink()
        assert halt.halted() == sentence
    assert "halt_when, item 2 (file incident exists)" in sentence


def test_a_hook_that_hangs_holds_up_neither_the_engine_nor_another_hook(
    tmp_path: Path, silent: str
) -> None:
    hanging = {"http": {"url": silent}, "timeout": "1h"}
    halt = hooks(tmp_path, hanging, {"file": "incident"})
    (tmp_path / "incident").touch()
    with halt.watching():
        assert "file incident exists" in eventually("the other one halts", halt.halted)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_hook_that_nobody_asks_any_more_halts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(hook: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(halting.Hook, "ask", broken)
    halt = hooks(tmp_path, {"file": "incident"})
    with halt.watching():
        assert f"is not asked any more; {NEVER}" in eventually("it halts", halt.halted)


def test_what_may_be_secret_is_not_named() -> None:
    url = "http://ana:secret@127.0.0.1:9/page?token=secret"
    for spec in ({"http": {"url": url}}, {"command": ["./ask", "--token", "secret"]}):
        assert "secret" not in str(HaltHook.model_validate(spec))
