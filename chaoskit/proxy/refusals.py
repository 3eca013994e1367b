"""What the API refuses, in Toxiproxy's words and with its status codes.

A refusal is an answer to a client and never ends the server. It must never hide which field of
the request was wrong.
"""

from __future__ import annotations

from typing import Any

from chaoskit.errors import ChaoskitError


class ApiRefusal(ChaoskitError):
    """One request that was not done; `status` is the HTTP status of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def content(self) -> dict[str, Any]:
        return {"error": str(self), "status": self.status}


def bad_body(why: str) -> ApiRefusal:
    return ApiRefusal(400, f"bad request body: {why}")


def missing_field(what: str) -> ApiRefusal:
    return ApiRefusal(400, f"missing required field: {what}")


def no_proxy() -> ApiRefusal:
    return ApiRefusal(404, "proxy not found")


def no_toxic() -> ApiRefusal:
    return ApiRefusal(404, "toxic not found")
