"""`recommend`: which other items go with one. Computed, needs nobody, and is not essential.

It must never become a reason for browse to fail: whoever calls it has a default.
"""

from __future__ import annotations

from aiohttp import web as http

from . import answers, serve
from .settings import Settings, read

ITEMS = 100
STRIDES = (7, 31, 57)


def neighbours(item: int) -> list[int]:
    """A few other items, always the same for the same one."""
    return [(item - 1 + stride) % ITEMS + 1 for stride in STRIDES]


async def _recommend(request: http.Request) -> http.Response:
    text = request.query.get("item", "")
    if not text.isascii() or not text.isdigit():
        return answers.reply({"error": "item must be a number"}, 400)
    return answers.reply({"items": neighbours(int(text))})


def build(settings: Settings) -> http.Application:
    """The application, ready to run."""

    async def health(_: http.Request) -> http.Response:
        return answers.reply({"node": settings.node, "ready": True})

    application = http.Application(middlewares=[answers.signed_by(settings.node)])
    application.add_routes([http.get("/recommend", _recommend), http.get("/health", health)])
    return application


if __name__ == "__main__":
    serve.run(build, read())
