"""The shape of the shop's HTTP answers: JSON, who served it, how it is degraded, when it was shed.

It must never hide a degradation: what a downstream says in X-Degraded goes on to the client.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web as http

from .failures import Full, TimedOut, Unavailable

LOG = logging.getLogger("shop")
Next = Callable[[http.Request], Awaitable[http.StreamResponse]]


def reply(
    body: Any, status: int = 200, *, degraded: Iterable[str] = (), served_by: Iterable[str] = ()
) -> http.Response:
    """A JSON answer with the marks it needs."""
    answer = http.json_response(body, status=status)
    if reasons := list(dict.fromkeys(why for why in degraded if why)):
        answer.headers["X-Degraded"] = ", ".join(reasons)
    if names := [name for name in served_by if name]:
        answer.headers["X-Served-By"] = ", ".join(names)
    return answer


def shed(status: int, why: str, seconds: int = 1) -> http.Response:
    """A deliberate refusal that says when to come back."""
    answer = reply({"error": why}, status)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def signed_by(node: str, away: int = 503) -> Any:
    """Middleware: signs every answer and turns the shop's failures into statuses.

    `away` is the status for a downstream that is gone; it carries no Retry-After, because
    nothing was shed on purpose.
    """

    @http.middleware
    async def sign(request: http.Request, handler: Next) -> http.StreamResponse:
        try:  # (aiohttp passes the next step by that name)
            answer = await handler(request)
        except http.HTTPException as refused:
            answer = reply({"error": refused.text}, refused.status)
        except Full as full:
            answer = shed(503, str(full))
        except TimedOut as late:
            answer = reply({"error": str(late)}, 504)
        except Unavailable as gone:
            answer = reply({"error": str(gone)}, away)
        below = answer.headers.get("X-Served-By")
        answer.headers["X-Served-By"] = f"{node}, {below}" if below else node
        return answer

    return sign
