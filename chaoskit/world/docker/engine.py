"""The container engine's API: one client a call, a timeout on every call, errors in sentences.

A client is a `requests.Session`, kept for later calls and never shared between two at once: a
call that hangs holds up nobody else. It must never decide what to do with a container.
"""

from __future__ import annotations

import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.utils import kwargs_from_env

from chaoskit.errors import TargetError, Unreachable
from chaoskit.ports import Json
from chaoskit.world.docker.place import Place

CALL_TIMEOUT = 10.0
ADVICE = "is the engine running, as `docker info` asks it?"


class Engine:
    """The engine at `place`; without one, that which `DOCKER_HOST` (or its default) names.

    Raises Unreachable at once when nothing answers there within `timeout` seconds.
    """

    def __init__(self, place: Place | None = None, timeout: float = CALL_TIMEOUT) -> None:
        self.place = place or Place.here()
        self.timeout = timeout
        self._idle: deque[docker.APIClient] = deque()
        self._version = "auto"
        self._greet()

    def _greet(self) -> None:
        with self.asking("say its version") as api:
            self._version = api.api_version
            self.version: Json = api.version()

    @contextmanager
    def asking(self, deed: str, accept: tuple[str, ...] = ()) -> Iterator[docker.APIClient]:
        """A client for this call; `accept` are the engine's own words that mean «already so»."""
        client: docker.APIClient | None = None
        try:
            client = self._client()
            yield client
        except NotFound as error:
            raise Vanished(f"the Docker engine knows no such thing any more: {deed}") from error
        except APIError as error:
            words = str(error.explanation or error)
            if not any(text in words for text in accept):
                raise TargetError(f"the Docker engine would not {deed}: {words.strip()}") from error
        except requests.Timeout as error:
            raise TargetError(
                f"the Docker engine did not {deed} within {self.timeout:g}s; look at its log"
            ) from error
        except (DockerException, OSError) as error:
            raise Unreachable(
                f"no Docker engine answers at {self.place.host} ({_root(error)}); {ADVICE}"
            ) from error
        finally:
            if client is not None:
                self._idle.append(client)

    def _client(self) -> docker.APIClient:
        _knock(self.place.host, self.timeout)
        try:
            return self._idle.pop()
        except IndexError:
            named = kwargs_from_env(self.place.environment())
            return docker.APIClient(**named, version=self._version, timeout=int(self.timeout))

    def containers(self, labels: list[str], all_states: bool = True) -> list[Json]:
        """Containers that carry every one of `labels` (`key` or `key=value`), in any state."""
        with self.asking("list containers") as api:
            found: list[Json] = api.containers(all=all_states, filters={"label": labels})
        return found

    def inspect(self, container: str) -> Json:
        """The engine's own description; raises Vanished when it is gone."""
        with self.asking(f"inspect container {container[:12]}") as api:
            seen: Json = api.inspect_container(container)
        return seen

    def execute(
        self, container: str, name: str, command: tuple[str, ...], timeout: float, user: str = ""
    ) -> tuple[int, str]:
        """Run `command` inside node `name`: exit code and output (both streams as they came).

        As `user`, or as the container's own where none is given.

        Raises TargetError after `timeout` seconds. The API cannot end an exec: what was started
        goes on in the container.
        """
        deed = f"run `{' '.join(command)}` in '{name}'"
        deadline = time.monotonic() + timeout
        with self.asking(deed) as api:
            started = api.exec_create(container, list(command), user=user)["Id"]
            answer = api.exec_start(started, socket=True)
            with closing(answer), closing(getattr(answer, "_sock", answer)) as line:
                try:
                    output = _read_frames(line, deadline)
                except TimeoutError as error:
                    raise TargetError(f"could not {deed} within {timeout:g}s") from error
            return _exit_code(api, started, deadline), output

    def close(self) -> None:
        """Close every idle client; the engine is left as it is."""
        while self._idle:
            self._idle.pop().close()


class Unasked(Engine):
    """The same, asked nothing yet: where it does not answer, each call for itself raises so."""

    def _greet(self) -> None:
        """Not before something is wanted of it."""


class Vanished(TargetError):
    """A container, image or network that was there a moment ago is gone."""


def _knock(host: str, timeout: float) -> None:
    """Raises OSError where nobody listens: the library would leave the socket it tried open."""
    scheme, _, path = host.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout)
            line.connect(path)


def _root(error: BaseException) -> str:
    """The system's own words at the bottom of what three libraries wrapped around them."""
    found: str | None = None
    under: BaseException | None = error
    while under is not None:
        found = getattr(under, "strerror", None) or found
        under = under.__cause__ or under.__context__
    return found or type(error).__name__


def _read_frames(line: Any, deadline: float) -> str:
    """The output of an exec: frames of 8 bytes of header (stream, length) and their body."""
    raw = bytearray()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        line.settimeout(left)
        chunk = line.recv(65536)
        if not chunk:
            break
        raw += chunk
    output, at = bytearray(), 0
    while at + 8 <= len(raw):
        (length,) = struct.unpack_from(">I", raw, at + 4)
        output += raw[at + 8 : at + 8 + length]
        at += 8 + length
    return output.decode(errors="replace")


def _exit_code(api: docker.APIClient, started: str, deadline: float) -> int:
    """The engine notes the exit code a moment after it has closed the stream."""
    while True:
        code = api.exec_inspect(started)["ExitCode"]
        if code is not None:
            return int(code)
        if time.monotonic() > deadline:
            raise TargetError("the engine never said how a command inside a container ended")
        time.sleep(0.01)
