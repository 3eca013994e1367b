"""Writes in the book: the attempt before the request, the outcome after it, each by the rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeCourse

from chaoskit.judge.writes import Attempt
from chaoskit.ledger import read_history
from chaoskit.load.book import Book, carried, worded
from chaoskit.load.gauge import Notes
from chaoskit.model.ledger import LedgerFind, LedgerRead, LedgerSpec, LedgerWrite, Where
from chaoskit.model.system import BodyRule, OutcomeRule, Outcomes
from chaoskit.units import Duration

RULE = LedgerWrite(request="order", id=Where(body="order.id"))
FIND = LedgerFind(request="find", id=Where(url="/orders/{id}"), absent=(404, 410))
SPEC = LedgerSpec(write=RULE, find=FIND, copies=("one",), read=LedgerRead())
CLIENTS = ("FastHttpUser", "HttpUser")


@pytest.mark.parametrize(
    ("status", "headers", "failed", "word"),
    [
        (200, {}, False, "ok"),
        (201, {"X-Degraded": "stale"}, False, "ok"),
        (200, {}, True, "unclear"),  # the script does not believe it
        (302, {}, False, "unclear"),
        (400, {}, True, "refused"),
        (404, {}, False, "refused"),  # also where the script takes it for a success
        (408, {}, True, "unclear"),
        (409, {}, True, "unclear"),
        (429, {}, True, "unclear"),  # what retries on the way may have had it applied before
        (429, {"Retry-After": "1"}, True, "unclear"),
        (503, {"Retry-After": "1"}, True, "unclear"),
        (503, {}, True, "unclear"),
        (502, {}, True, "unclear"),
        (0, None, True, "unclear"),
    ],
)
def test_what_an_answer_says_of_a_write(status: int, headers: Any, failed: bool, word: str) -> None:
    assert worded(RULE, Outcomes(), status, headers, failed) == word


def test_a_write_that_is_acknowledged_and_declared_to_be_shed_is_unclear() -> None:
    shed = OutcomeRule(request="order", body=BodyRule(path="queued", value=True))
    rules = Outcomes(shed=(shed,))
    assert worded(RULE, rules, 200, {}, False, Answer(b'{"queued": true}')) == "unclear"
    assert worded(RULE, rules, 200, {}, False, Answer(b'{"queued": false}')) == "ok"
    assert worded(RULE, rules, 500, {}, True, Answer(b'{"queued": true}')) == "unclear"


def test_what_refuses_may_be_declared() -> None:
    rule = RULE.model_copy(update={"refused": (409, 503)})
    assert worded(rule, Outcomes(), 409, {}, True) == "refused"
    assert worded(rule, Outcomes(), 503, {"Retry-After": "1"}, True) == "refused"
    assert worded(rule, Outcomes(), 429, {"Retry-After": "1"}, True) == "unclear"
    assert worded(rule, Outcomes(), 404, {}, True) == "unclear"


@pytest.mark.parametrize(
    ("where", "options", "id_"),
    [
        (Where(body="order.id"), {"json": {"order": {"id": "a"}}}, "a"),
        (Where(body="id"), {"json": {"id": 7}}, "7"),
        (Where(body="id"), {"data": {"id": "a"}}, "a"),
        (Where(body="id"), {"data": b'{"id": "a"}'}, "a"),
        (Where(body="id"), {"data": "id=a"}, None),
        (Where(body="id"), {"json": {"id": None}}, None),
        (Where(body="id"), {"json": {"id": {"no": "text"}}}, None),
        (Where(body="id"), {"json": [1]}, None),
        (Where(body="id"), {}, None),
        (Where(header="Idempotency-Key"), {"headers": {"idempotency-key": "a"}}, "a"),
        (Where(header="Idempotency-Key"), {"headers": None}, None),
        (Where(url="/orders/{id}"), {}, "x y"),
        (Where(url="/orders/{id}/state"), {}, None),
    ],
)
def test_where_a_request_carries_its_id(
    where: Where, options: dict[str, Any], id_: str | None
) -> None:
    assert carried(where, "http://127.0.0.1:1/orders/x%20y?full=1", options) == id_


def test_an_attempt_is_on_file_before_anything_is_sent(tmp_path: Path) -> None:
    notes = Notes()
    book = Book(tmp_path / "ledger-0.jsonl", SPEC, Outcomes(), notes)
    assert book.note("browse", "/", {"json": {"order": {"id": "a"}}}, 1.0) is None
    noted = book.note("order", "/", {"json": {"order": {"id": "ä\n"}}}, 1.5)
    assert noted is not None
    kept = tmp_path / "ledger-0.jsonl"
    assert json.loads(kept.read_text()) == {"n": 1, "at": 1.5, "id": "ä\n"}
    book.end(noted, 1.6, 201, {}, False)
    assert len(kept.read_text().splitlines()) == 2
    assert book.note("order", "/", {}, 2.0) is None
    (said,) = notes.sentences()
    assert said == "request order carries no id (body order.id): it is not in the ledger"


def test_a_look_is_kept_once_its_answer_says_whether_the_write_is_there(tmp_path: Path) -> None:
    book = Book(tmp_path / "ledger-0.jsonl", SPEC, Outcomes(), Notes())
    for number, status in enumerate((200, 404, 410, 503, 0)):
        noted = book.note("find", f"/orders/a{number}", {}, 1.0 + number)
        assert noted is not None
        book.end(noted, 1.5 + number, status, {}, status != 200)
    kept = [json.loads(line) for line in (tmp_path / "ledger-0.jsonl").read_text().splitlines()]
    assert kept == [
        {"look": "a0", "asked": 1.0, "ended": 1.5, "found": True},
        {"look": "a1", "asked": 2.0, "ended": 2.5, "found": False},
        {"look": "a2", "asked": 3.0, "ended": 3.5, "found": False},
    ]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_course_of_load_keeps_its_writes(course: MakeCourse, client: str) -> None:
    spec = LedgerSpec.model_validate(
        {
            "write": {"request": "order", "id": {"header": "Key"}},
            "find": {"request": "find", "id": {"url": "/{id}"}},
            "copies": ["a"],
            "read": {},
        }
    )
    made = course(
        f"""
        import itertools
        from locust import {client}, task

        NUMBERS = itertools.count()

        class Shopper({client}):
            def on_start(self):
                self.order("/ok", "begin")

            @task
            def visit(self):
                number = next(NUMBERS)
                for path in ("/ok", "/error", "/missing", "/shed", "/close", "/hang"):
                    self.order(path, f"{{path}} {{number}}")
                self.client.get("/ok", name="other")
                self.client.get("/ok", name="find")
                self.client.get("/missing?of=it", name="find")

            def order(self, path, id_):
                self.client.get(path, name="order", headers={{"Key": id_}})
        """,
        rate=2,
        timeout=Duration(0.5),
        ledger=spec,
    )
    made.for_seconds(2.0)
    history = read_history(made.folder.parent, "orders", spec)
    attempts = history.attempts
    assert {(one.id, one.found) for one in history.looks} == {("ok", True), ("missing", False)}
    words: dict[str, set[str]] = {}
    for one in attempts:
        words.setdefault(one.id.partition(" ")[0], set()).add(one.word)
    assert words == {
        "begin": {"ok"},
        "/ok": {"ok"},
        "/error": {"unclear"},
        "/missing": {"refused"},
        "/shed": {"unclear"},
        "/close": {"unclear"},
        "/hang": {"unclear"},
    }
    assert all(made.begin <= one.at for one in attempts)
    assert all(one.ended is None or one.ended >= one.at for one in attempts)
    assert isinstance(attempts[0], Attempt)


REGISTERS = LedgerSpec.model_validate(
    {
        "write": {"request": "fill", "id": {"url": "/{id}"}, "sequence": {"header": "Sequence"}},
        "find": {"request": "look", "id": {"url": "/{id}"}, "sequence": "basket.sequence"},
        "copies": ["a"],
        "read": {"sequence": "n"},
    }
)


class Answer:
    """A response, as both clients have one."""

    def __init__(self, content: bytes | str | None) -> None:
        self.content = content


def test_a_register_is_kept_with_its_sequence(tmp_path: Path) -> None:
    notes = Notes()
    book = Book(tmp_path / "ledger-0.jsonl", REGISTERS, Outcomes(), notes)
    assert book.note("fill", "/mine", {"headers": {"sequence": "12"}}, 1.0) is not None
    for number, content in enumerate(
        (b'{"basket": {"sequence": 12}}', '{"basket": {"sequence": 9}}')
    ):
        noted = book.note("look", "/mine", {}, 2.0 + number)
        assert noted is not None
        book.end(noted, 2.5 + number, 200, {}, False, Answer(content))
    noted = book.note("look", "/other", {}, 4.0)
    assert noted is not None
    book.end(noted, 4.5, 404, {}, True, Answer(b"no such basket"))
    kept = [json.loads(line) for line in (tmp_path / "ledger-0.jsonl").read_text().splitlines()]
    assert kept == [
        {"n": 1, "at": 1.0, "id": "mine", "sequence": 12},
        {"look": "mine", "asked": 2.0, "ended": 2.5, "found": True, "sequence": 12},
        {"look": "mine", "asked": 3.0, "ended": 3.5, "found": True, "sequence": 9},
        {"look": "other", "asked": 4.0, "ended": 4.5, "found": False},
    ]
    assert not list(notes.sentences())


@pytest.mark.parametrize("content", [None, b"", b"ok", b"{}", b'{"basket": {"sequence": 1.5}}'])
def test_an_answer_without_a_sequence_says_nothing_and_is_told(
    tmp_path: Path, content: bytes | None
) -> None:
    notes = Notes()
    book = Book(tmp_path / "ledger-0.jsonl", REGISTERS, Outcomes(), notes)
    noted = book.note("look", "/mine", {}, 1.0)
    assert noted is not None
    book.end(noted, 1.5, 200, {}, False, Answer(content))
    assert (tmp_path / "ledger-0.jsonl").read_text() == ""
    assert list(notes.sentences()) == [
        "request look answers no whole number at 'basket.sequence': it is not in the ledger"
    ]


def test_what_carries_no_sequence_or_streams_is_passed_over_and_told(tmp_path: Path) -> None:
    notes = Notes()
    book = Book(tmp_path / "ledger-0.jsonl", REGISTERS, Outcomes(), notes)
    assert book.note("fill", "/mine", {"headers": {"Sequence": "twelve"}}, 1.0) is None
    assert book.note("look", "/mine", {"stream": True}, 1.0) is None
    assert list(notes.sentences()) == [
        "request fill carries no whole number (header Sequence): it is not in the ledger",
        "request look streams its answer, so that nobody else can read it: it is not in the ledger",
    ]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_course_of_load_reads_registers(course: MakeCourse, client: str) -> None:
    made = course(
        f"""
        from locust import {client}, task

        class Shopper({client}):
            sequence = 0

            @task
            def fill_and_look(self):
                self.sequence += 1
                headers = {{"Sequence": str(self.sequence)}}
                self.client.get("/register", name="fill", headers=headers)
                self.client.get("/register", name="look")
                with self.client.get("/register", name="look", catch_response=True) as answer:
                    answer.failure("older than what I wrote")
                self.client.get("/missing", name="look")
        """,
        rate=2,
        ledger=REGISTERS,
    )
    made.for_seconds(2.0)
    history = read_history(made.folder.parent, "baskets", REGISTERS)
    assert {(one.id, one.word) for one in history.attempts} == {("register", "ok")}
    assert [one.sequence for one in history.attempts] == [*range(1, len(history.attempts) + 1)]
    looks = [(one.id, one.found, one.sequence) for one in history.looks]
    one_round = [("register", True, 7), ("register", True, 7), ("missing", False, None)]
    assert looks[:3] == one_round
    assert set(looks) == set(one_round)
