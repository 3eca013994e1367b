"""User instances, kept for reuse, and the watch over each request that they send.

A user is not re-entrant: an instance serves one arrival at a time. Every request gets the
mandatory timeout as a bound on its whole duration, and is never silently sent a second time.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import gevent
import locust
import requests
from geventhttpclient.client import HTTPClient, HTTPClientPool
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

from chaoskit.load.book import Book

MARK = "chaoskit"
NOTED = "chaoskit noted"
STREAMED = "chaoskit streamed"


class Issuer(Protocol):
    """Who is told that a request goes out; what it returns comes back with the answer."""

    def issue(self, name: str, now: float) -> object: ...

    def thinking(self) -> AbstractContextManager[None]:
        """While the user thinks between two requests."""


class SingleAttemptPool(HTTPClientPool):  # type: ignore[misc, unused-ignore]
    """The client counts its resends on closed connections by pool size: none here.

    A resend would turn the loss of a node into latency. An idle connection that was closed is
    still noticed and replaced before it is used.
    """

    def get_client(self, url: Any) -> HTTPClient:
        client = super().get_client(url)
        client._connection_pool.size = -1
        return client


class Seat:
    """One user instance and the arrival that it serves now."""

    def __init__(self, user: locust.User, timeout: float, book: Book | None) -> None:
        self.user = user
        self.timeout = timeout
        self.book = book
        self.issuer: Issuer | None = None
        # Locust's own belongs to a run in which users wait between their tasks.
        user.wait = self._think  # type: ignore[method-assign]
        client = getattr(user, "client", None)
        if isinstance(client, FastHttpSession):
            if user.client_pool is None:  # type: ignore[attr-defined]
                agent = client.client
                agent.clientpool = SingleAttemptPool(**agent.clientpool.client_args)
            client.request = self._watched(client, None)  # type: ignore[method-assign]
        elif isinstance(client, HttpSession):
            client.request = self._watched(client, self._expiry)  # type: ignore[method-assign]

    def _think(self) -> None:
        """What `self.wait()` does in a task: the user's `wait_time`, as declared thinking."""
        seconds = max(float(self.user.wait_time()), 0.0)
        with self.issuer.thinking() if self.issuer else nullcontext():
            gevent.sleep(seconds)

    def _expiry(self) -> Exception:
        return requests.exceptions.Timeout(f"no complete answer within {self.timeout:g} s")

    def _watched(
        self, client: HttpSession | FastHttpSession, expiry: Callable[[], Exception] | None
    ) -> Any:
        send: Callable[..., Any] = client.request

        def request(method: str, url: str, *args: Any, **options: Any) -> Any:
            name = (args[0] if args else options.get("name")) or client.request_name or url
            began = time.monotonic()
            issued = self.issuer.issue(str(name), began) if self.issuer else None
            # Before it is sent, and also where nobody counts it: `on_start` may write.
            noted = self.book.note(str(name), url, options, began) if self.book else None
            marks = {MARK: issued, NOTED: noted, STREAMED: bool(options.get("stream"))}
            options["context"] = {**(options.get("context") or {}), **marks}
            if expiry is not None:
                options.setdefault("timeout", self.timeout)
            # The client's own timeouts bound one read each; a dripping answer would never end.
            with gevent.Timeout(self.timeout, expiry() if expiry else None):
                answer = send(method, url, *args, **options)
            if time.monotonic() - began >= self.timeout:
                self._let_go(client)
            return answer

        return request

    def _let_go(self, client: HttpSession | FastHttpSession) -> None:
        # A request cut off while it was being sent leaves its place in the pool occupied.
        if isinstance(client, FastHttpSession):
            client.client.clientpool.close()


class Seats:
    """Free seats of each class; a new user is made (and started) only when none is free."""

    def __init__(self, environment: Environment, timeout: float, book: Book | None = None) -> None:
        self._environment = environment
        self._timeout = timeout
        self._book = book
        self._free: dict[type[locust.User], list[Seat]] = defaultdict(list)

    def take(self, user_class: type[locust.User]) -> Seat:
        """May raise whatever the user's constructor or `on_start` raises."""
        # The last one back first: few connections are kept warm instead of many growing stale.
        if free := self._free[user_class]:
            return free.pop()
        seat = Seat(user_class(self._environment), self._timeout, self._book)
        seat.user.on_start()
        return seat

    def give_back(self, seat: Seat) -> None:
        seat.issuer = None
        self._free[type(seat.user)].append(seat)
