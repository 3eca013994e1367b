"""Tells a webhook when a run begins and how it ended. It must never change what becomes of a run.

The address comes from the environment, so that it is on no command line and in no file: for
Slack and its like, whoever knows it may write.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from chaoskit.cli.screen import Ended
from chaoskit.errors import ChaoskitError

VARIABLE = "CHAOSKIT_WEBHOOK"
TIMEOUT = 3.0  # seconds: a run waits for it


class Announcer:
    """Posts to the webhook that CHAOSKIT_WEBHOOK names; does nothing where it names none.

    What cannot be posted is told to `complain`, once.
    """

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._url = os.environ.get(VARIABLE, "")
        self._complain = complain

    def begins(self, experiment: str, system: str) -> None:
        self._say(f"{experiment} begins on {system}, from {socket.gethostname()}")

    def ended(self, one: Ended, hidden: Callable[[str], str] = str) -> None:
        """`hidden` takes the secrets of the documents out of a reason."""
        told = "".join(f"\n• {hidden(reason)}" for reason in one.reasons)
        self._say(f"{one.experiment} ended: {one.word.upper()}, exit code {one.code}{told}")

    def _say(self, text: str) -> None:
        if not self._url:
            return
        from chaoskit.run.web import post

        try:
            post(self._url, _plain(f"chaoskit: {text}"), TIMEOUT)
        except ChaoskitError as error:
            self._complain(f"{VARIABLE}: {error}; runs are not announced any more")
            self._url = ""


def _plain(text: str) -> str:
    """Slack reads links and mentions out of these three."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
