"""The console's routes: one page, what it shows as JSON and as events, and what people do.

Each answer forbids scripts and loads from elsewhere. It must never put text into HTML: the page
is a fixed file, and its script sets text as text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, jsonify, request

from chaoskit.console.events import Session, as_json, events
from chaoskit.console.gate import Gate
from chaoskit.errors import ChaoskitError, InvalidInput
from chaoskit.report import palette

STATIC = Path(__file__).parent / "static"
BODY_LIMIT = 64 * 1024
# What may be said besides who says it and its kind.
FIELDS = frozenset({"text", "item", "value", "step", "owner", "due"})
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def application(session: Session, gate: Gate, is_closing: Callable[[], bool]) -> Flask:
    """The WSGI application of one session."""
    app = Flask("chaoskit.console", static_folder=str(STATIC), static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    _guard(app, gate)
    _show(app, session, gate, is_closing)
    _take(app, session)
    return app


def _guard(app: Flask, gate: Gate) -> None:
    @app.before_request
    def ask_the_gate() -> Response | None:
        refusal = gate.refusal(request)
        if refusal is None:
            return None
        return Response(refusal.words + "\n", refusal.status, mimetype="text/plain")

    @app.after_request
    def close_the_page(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    @app.errorhandler(ChaoskitError)
    def tell(error: ChaoskitError) -> tuple[Response, int]:
        return jsonify(refused=str(error)), 400 if isinstance(error, InvalidInput) else 409


def _show(app: Flask, session: Session, gate: Gate, is_closing: Callable[[], bool]) -> None:
    @app.get("/")
    def page() -> Response:
        response = app.send_static_file("console.html")
        if gate.invited(request):
            response.set_cookie(gate.cookie, gate.token, httponly=True, samesite="Strict")
        return response

    @app.get("/console.css")
    def style() -> Response:
        return Response(_style(), mimetype="text/css")

    @app.get("/view")
    def view() -> Response:
        return Response(as_json(session.view(_me())), mimetype="application/json")

    @app.get("/events")
    def stream() -> Response:
        told = events(session, _me(), _last_seen(), is_closing)
        return Response(told, mimetype="text/event-stream")


def _take(app: Flask, session: Session) -> None:
    @app.post("/say")
    def say() -> Response:
        fields = {name: _text(name, value) for name, value in _asked().items()}
        person, kind = fields.pop("person", ""), fields.pop("kind", "")
        if unknown := sorted(fields.keys() - FIELDS):
            raise InvalidInput(f"nobody asked for {', '.join(unknown)}")
        session.say(person, kind, **fields)
        return jsonify(done=True)

    @app.post("/halt")
    def halt() -> Response:
        told = _asked()  # whatever it is: a halt is not refused for its form
        session.halt(_clean(str(told.get("person", ""))), _clean(str(told.get("why", ""))))
        return jsonify(done=True)


def _me() -> str:
    return request.args.get("as", "")


def _last_seen() -> int:
    told = request.headers.get("Last-Event-ID", "")
    return int(told) if told.isascii() and told.isdigit() else 0


def _asked() -> dict[str, Any]:
    """The JSON object that was sent."""
    if not request.is_json:
        abort(415, "send application/json")
    sent = request.get_json()
    if not isinstance(sent, dict):
        raise InvalidInput("expected a JSON object")
    return sent


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{_clean(name)} is text")
    return _clean(value)


def _clean(text: str) -> str:
    """Without halves of characters, which JSON can carry but neither a file nor a page."""
    return text.encode("utf-8", "replace").decode()


def _style() -> str:
    """The style sheet with the report's colours in place of its two marks."""
    sheet = (STATIC / "console.css").read_text(encoding="utf-8")
    sheet = sheet.replace("/* light */", palette.variables(0))
    return sheet.replace("/* dark */", palette.variables(1))
