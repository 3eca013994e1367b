"""The server through real sockets: what it prints, its events, its end."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
import requests

from chaoskit.console import serve
from chaoskit.console.serving import Console
from chaoskit.errors import InvalidInput, TargetError
from tests.console.double import Remembering

TOKEN = "correct-horse-battery-staple"


@pytest.fixture
def session() -> Remembering:
    return Remembering()


@pytest.fixture
def console(session: Remembering) -> Iterator[Console]:
    with serve(session, token=TOKEN, out=lambda line: None) as console:
        yield console


def ask(console: Console, path: str, headers: dict[str, str] | None = None) -> requests.Response:
    return requests.get(
        f"http://127.0.0.1:{console.port}{path}",
        headers={"Authorization": f"Bearer {console.token}", **(headers or {})},
        timeout=10,
        stream=True,
    )


def views(answer: requests.Response) -> Iterator[tuple[int, dict[str, object]]]:
    """The id and the content of each `view` event."""
    number, kind = 0, ""
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        name, _, value = line.partition(": ")
        if name == "id":
            number = int(value)
        elif name == "event":
            kind = value
        elif name == "data" and kind == "view":
            yield number, json.loads(value)


def test_it_prints_where_it_is_with_a_token_of_chance() -> None:
    printed: list[str] = []
    with serve(Remembering(), out=printed.append) as console:
        assert printed == [f"console: {console.url}"]
        assert console.url == f"http://127.0.0.1:{console.port}/?token={console.token}"
        assert requests.get(console.url, timeout=10).status_code == 200
        assert len(console.token) >= 32
    with serve(Remembering(), out=printed.append) as other:
        assert other.token != console.token


def test_it_listens_on_loopback_only_unless_told(console: Console) -> None:
    with socket.socket() as elsewhere:  # another loopback address stands for another interface
        elsewhere.bind(("127.0.0.2", console.port))


def test_listening_elsewhere_is_said_loudly() -> None:
    printed: list[str] = []
    with serve(Remembering(), host="0.0.0.0", out=printed.append):
        pass
    assert printed[0].startswith("WARNING")
    assert "every machine" in printed[0]


def test_a_taken_port_and_a_useless_token_are_refused(console: Console) -> None:
    with (
        pytest.raises(TargetError, match="choose another --port"),
        serve(Remembering(), port=console.port),
    ):
        pass
    with pytest.raises(InvalidInput, match="token"), serve(Remembering(), token="short"):
        pass
    with (
        pytest.raises(InvalidInput, match="cannot listen"),
        serve(Remembering(), host="no such host"),
    ):
        pass


def test_two_readers_see_the_same_as_soon_as_it_is_said(
    session: Remembering, console: Console
) -> None:
    with ask(console, "/events?as=Ada") as one, ask(console, "/events?as=Bob") as other:
        first, second = views(one), views(other)
        assert next(first)[1] == {"you": "Ada", "said": []}
        assert next(second)[1] == {"you": "Bob", "said": []}
        session.say("Ada", "seen")
        seen = [{"person": "Ada", "kind": "seen"}]
        assert next(first)[1]["said"] == next(second)[1]["said"] == seen


def test_who_comes_back_is_shown_all_at_once(session: Remembering, console: Console) -> None:
    with ask(console, "/events?as=Ada") as answer:
        told = views(answer)
        next(told)
        session.say("Bob", "note", text="one")
        number, _ = next(told)
    session.say("Bob", "note", text="two")
    with ask(console, "/events?as=Ada", {"Last-Event-ID": str(number)}) as answer:
        _, view = next(views(answer))
    assert [entry["text"] for entry in view["said"]] == ["one", "two"]  # type: ignore[attr-defined]


def test_its_end_ends_the_streams(session: Remembering) -> None:
    with serve(session, token=TOKEN, out=lambda line: None) as console:
        answer = ask(console, "/events?as=Ada")
        told = views(answer)
        next(told)
    with answer:
        assert list(told) == []
    with pytest.raises(requests.ConnectionError):
        ask(console, "/view")
