"""Toxiproxy's routes over the collection of proxies.

Each answer has the original's status and shape; an error is always `{"error", "status"}`. It
must never hold state of its own.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from chaoskit import __version__
from chaoskit.proxy.http import Answer, Request
from chaoskit.proxy.metrics import exposition
from chaoskit.proxy.refusals import ApiRefusal, bad_body
from chaoskit.proxy.server import ProxySet
from chaoskit.proxy.toxics import Json, read_toxic, shown

# What clients look at to know which calls there are.
SPOKEN = "2.12.0"

Route = Callable[[Request], Awaitable[Answer]]


class Api:
    """Answers requests; `routes` maps a path's shape to its methods."""

    def __init__(self, proxies: ProxySet) -> None:
        self._proxies = proxies
        toxic: dict[str, Route] = {
            "GET": self._toxic,
            "POST": self._change_toxic,
            "PATCH": self._change_toxic,
            "DELETE": self._remove_toxic,
        }
        self._routes: dict[tuple[str, ...], dict[str, Route]] = {
            ("version",): {"GET": self._version},
            ("metrics",): {"GET": self._metrics},
            ("reset",): {"POST": self._reset},
            ("populate",): {"POST": self._populate},
            ("proxies",): {"GET": self._list, "POST": self._create},
            ("proxies", "*"): {
                "GET": self._show,
                "POST": self._update,
                "PATCH": self._update,
                "DELETE": self._delete,
            },
            ("proxies", "*", "toxics"): {"GET": self._toxics, "POST": self._add_toxic},
            ("proxies", "*", "toxics", "*"): toxic,
        }

    async def answer(self, request: Request) -> Answer:
        try:
            return await self._route(request)(request)
        except ApiRefusal as refusal:
            return Answer(refusal.status, refusal.content())

    def _route(self, request: Request) -> Route:
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            # As the original: a web page must not reach the API through somebody's browser.
            raise ApiRefusal(403, "User agent not allowed")
        shape = tuple("*" if at in (1, 3) else part for at, part in enumerate(request.parts))
        methods = self._routes.get(shape)
        if methods is None or "" in request.parts:
            raise ApiRefusal(404, "404 page not found")
        if request.method not in methods:
            raise ApiRefusal(405, f"method not allowed: use {', '.join(methods)}")
        return methods[request.method]

    async def _version(self, request: Request) -> Answer:
        return Answer(200, {"version": SPOKEN, "server": f"chaoskit {__version__}"})

    async def _metrics(self, request: Request) -> Answer:
        return Answer(200, exposition(self._proxies.all()))

    async def _reset(self, request: Request) -> Answer:
        self._proxies.reset()
        return Answer(204)

    async def _populate(self, request: Request) -> Answer:
        try:
            done, refusal = await self._proxies.populate(_content(request))
        except ApiRefusal as error:
            done, refusal = [], error
        listed = {"proxies": [proxy.listed() for proxy in done]}
        if refusal is None:
            return Answer(201, listed)
        return Answer(refusal.status, {**refusal.content(), **listed})

    async def _list(self, request: Request) -> Answer:
        return Answer(200, {proxy.name: proxy.listed() for proxy in self._proxies.all()})

    async def _create(self, request: Request) -> Answer:
        return Answer(201, (await self._proxies.create(_content(request))).listed())

    async def _show(self, request: Request) -> Answer:
        return Answer(200, self._proxies.get(request.parts[1]).listed())

    async def _update(self, request: Request) -> Answer:
        self._proxies.get(request.parts[1])
        changed = await self._proxies.update(request.parts[1], _content(request))
        return Answer(200, changed.listed())

    async def _delete(self, request: Request) -> Answer:
        self._proxies.delete(request.parts[1])
        return Answer(204)

    async def _toxics(self, request: Request) -> Answer:
        return Answer(200, self._proxies.get(request.parts[1]).listed_toxics())

    async def _add_toxic(self, request: Request) -> Answer:
        proxy = self._proxies.get(request.parts[1])
        toxic = read_toxic(_object(request))
        proxy.add(toxic)
        return Answer(200, toxic.listed())

    async def _toxic(self, request: Request) -> Answer:
        return Answer(200, self._proxies.get(request.parts[1]).toxic(request.parts[3]).listed())

    async def _change_toxic(self, request: Request) -> Answer:
        proxy = self._proxies.get(request.parts[1])
        proxy.toxic(request.parts[3])
        return Answer(200, proxy.change(request.parts[3], _object(request)).listed())

    async def _remove_toxic(self, request: Request) -> Answer:
        self._proxies.get(request.parts[1]).remove(request.parts[3])
        return Answer(204)


def _content(request: Request) -> Any:
    if not request.body:
        raise bad_body("EOF")
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise bad_body(f"no JSON: {error}") from error


def _object(request: Request) -> Json:
    content = _content(request)
    if not isinstance(content, dict):
        raise bad_body(f"expected an object, not {shown(content)[:60]}")
    return content
