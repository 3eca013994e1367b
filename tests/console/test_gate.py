"""Who may pass: the token, the origin, the console's own name; and what every answer forbids."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from chaoskit.console.gate import gate
from chaoskit.console.pages import application
from tests.console.double import Remembering

TOKEN = "correct-horse-battery-staple"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ROUTES = [
    ("GET", "/"),
    ("HEAD", "/"),
    ("OPTIONS", "/"),
    ("GET", "/console.css"),
    ("GET", "/static/console.js"),
    ("GET", "/static/../gate.py"),
    ("GET", "/view"),
    ("GET", "/events?as=Ada"),
    ("POST", "/say"),
    ("POST", "/halt"),
    ("GET", "/halt"),
    ("DELETE", "/nothing/here"),
    ("GET", "//"),
]
STRANGERS: list[dict[str, str]] = [
    {},
    {"Authorization": "Bearer wrong"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer \u00fc\u00fc"},
    {"Cookie": f"token={TOKEN}"},
]


@pytest.fixture
def session() -> Remembering:
    return Remembering()


def browser(session: Remembering, host: str = "127.0.0.1") -> FlaskClient:
    app = application(session, gate(TOKEN, host), lambda: True)
    return app.test_client()


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("headers", STRANGERS, ids=range(len(STRANGERS)))
def test_no_route_answers_without_the_token(
    session: Remembering, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = browser(session).open(path, method=method, headers=headers, json={"kind": "note"})
    assert answer.status_code == 401
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert session.said == []


@pytest.mark.parametrize("path", ["/?token=wrong", "/?token=", f"/view?token={TOKEN}"])
def test_a_token_in_an_address_opens_the_page_only(session: Remembering, path: str) -> None:
    assert browser(session).get(path).status_code == 401


def test_the_printed_address_gives_a_cookie_that_scripts_and_other_sites_never_see(
    session: Remembering,
) -> None:
    client = browser(session)
    answer = client.get(f"/?token={TOKEN}", buffered=True)
    assert answer.status_code == 200
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get("/view").status_code == 200
    assert "Set-Cookie" not in client.get("/", buffered=True).headers


def test_two_consoles_on_one_machine_do_not_take_each_others_cookie() -> None:
    assert gate(TOKEN, "127.0.0.1").cookie != gate(TOKEN + "2", "127.0.0.1").cookie


def test_a_bearer_may_do_what_the_page_does(session: Remembering) -> None:
    note = {"person": "Ada", "kind": "note", "text": "by hand"}
    answer = browser(session).post("/say", json=note, headers=BEARER)
    assert answer.status_code == 200
    assert session.said == [note]


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[broken"},
        {"Origin": "http://localhost:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Host": "rebound.evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": "[broken"},
        {"Host": "10.0.0.1"},
    ],
    ids=str,
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/halt"), ("GET", "/view"), ("GET", "/")])
def test_another_page_is_refused_even_with_the_token(
    session: Remembering, foreign: dict[str, str], method: str, path: str
) -> None:
    sent = {"person": "Ada", "why": "x"}
    answer = browser(session).open(path, method=method, json=sent, headers={**BEARER, **foreign})
    assert answer.status_code == 403
    assert session.said == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:5000", "[::1]:5000"])
def test_its_own_page_passes(session: Remembering, host: str) -> None:
    own = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    answer = browser(session).post(
        "/halt", json={"person": "", "why": "now"}, headers={**BEARER, **own}
    )
    assert answer.status_code == 200
    assert session.said == [{"person": "", "kind": "halt", "text": "now"}]


def test_another_loopback_address_is_called_as_it_was_told(session: Remembering) -> None:
    own = {**BEARER, "Host": "127.0.0.2:5000"}
    assert browser(session, "127.0.0.2").get("/view", headers=own).status_code == 200
    assert browser(session).get("/view", headers=own).status_code == 403


def test_a_click_on_the_printed_address_in_a_chat_opens_the_page(session: Remembering) -> None:
    click = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    client = browser(session)
    assert client.get(f"/?token={TOKEN}", headers=click, buffered=True).status_code == 200
    embedded = {**click, "Sec-Fetch-Mode": "no-cors"}
    assert client.get(f"/?token={TOKEN}", headers=embedded).status_code == 403


def test_a_console_on_the_network_is_called_by_address_but_not_by_any_name(
    session: Remembering,
) -> None:
    client = browser(session, "0.0.0.0")
    assert client.get("/view", headers={**BEARER, "Host": "10.1.2.3:5000"}).status_code == 200
    named = {**BEARER, "Host": "rebound.evil.example:5000"}
    assert client.get("/view", headers=named).status_code == 403


@pytest.mark.parametrize("path", ["/", "/static/console.js", "/view", "/nothing"])
def test_every_answer_forbids_scripts_and_loads_from_elsewhere(
    session: Remembering, path: str
) -> None:
    answer = browser(session).get(path, headers=BEARER, buffered=True)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_a_form_of_another_site_can_send_is_not_read(session: Remembering, kind: str) -> None:
    body = b'{"person": "Ada", "why": "x"}'
    answer = browser(session).post("/halt", data=body, headers={**BEARER, "Content-Type": kind})
    assert answer.status_code == 415
    assert session.said == []


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"kind": "refuse"}, 409, "step 1 is under way: end it first"),
        ({"kind": "invalid"}, 400, "a note needs text"),
        ({"kind": 7}, 400, "kind is text"),
        ({"kind": "note", "text": {"a": 1}}, 400, "text is text"),
        ({"kind": "note", "text": None}, 400, "text is text"),
        ({"kind": "note", "self": "x"}, 400, "nobody asked for self"),
        (["note"], 400, "expected a JSON object"),
    ],
)
def test_what_is_refused_is_said_in_words(
    session: Remembering, sent: object, status: int, words: str
) -> None:
    answer = browser(session).post("/say", json=sent, headers=BEARER)
    assert answer.status_code == status
    assert answer.get_json() == {"refused": words}


def test_half_a_character_becomes_a_question_mark(session: Remembering) -> None:
    client = browser(session)
    body = rb'{"person": "Ada", "kind": "note", "text": "a\ud800b", "why": "\udfff"}'
    client.post("/halt", data=body, headers=BEARER, content_type="application/json")
    body = body.replace(b', "why": "\\udfff"', b"")
    client.post("/say", data=body, headers=BEARER, content_type="application/json")
    assert [entry["text"] for entry in session.said] == ["?", "a?b"]
    assert client.get("/view", headers=BEARER).status_code == 200


@pytest.mark.parametrize("odd", [7, None, ["Ada"], {"name": "Ada"}], ids=str)
def test_a_halt_is_not_refused_for_its_form(session: Remembering, odd: object) -> None:
    answer = browser(session).post("/halt", json={"person": odd}, headers=BEARER)
    assert answer.status_code == 200
    assert session.said[0]["kind"] == "halt"


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b'"' + b"x" * 70_000 + b'"', 413)])
def test_broken_and_endless_bodies_are_refused(
    session: Remembering, body: bytes, status: int
) -> None:
    answer = browser(session).post(
        "/say", data=body, headers=BEARER, content_type="application/json"
    )
    assert answer.status_code == status
