"""Where a Docker engine listens, as plain JSON: `revert` asks that one, from whatever shell it is.

It must never hold a key: the folder of the certificates is named, and read when it is needed.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from chaoskit.ports import Json

DEFAULT = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Place:
    """`host` as DOCKER_HOST has it; `certs` is the folder with the keys, None without TLS."""

    host: str = DEFAULT
    certs: str | None = None
    verify: bool = False

    @classmethod
    def here(cls, environ: Mapping[str, str] = os.environ) -> Place:
        """The engine that this process's environment names, with absolute paths."""
        host = environ.get("DOCKER_HOST") or DEFAULT
        certs, verify = environ.get("DOCKER_CERT_PATH"), environ.get("DOCKER_TLS_VERIFY", "") != ""
        if not certs and verify:
            certs = "~/.docker"
        return cls(host, os.path.abspath(os.path.expanduser(certs)) if certs else None, verify)

    @classmethod
    def of(cls, description: Json) -> Place:
        """The engine that `description` names; an older one names none, and means the one here.

        Raises TypeError where what it says cannot be understood.
        """
        said = description.get("engine")
        return cls.here() if said is None else cls(**said)

    def described(self) -> Json:
        return asdict(self)

    def environment(self) -> dict[str, str]:
        """The same as Docker's client reads it."""
        found = {"DOCKER_HOST": self.host, "DOCKER_TLS_VERIFY": "1" if self.verify else ""}
        return found | ({"DOCKER_CERT_PATH": self.certs} if self.certs else {})

    def command(self) -> str:
        """`docker` as a person types it for this engine, whatever DOCKER_HOST or context is on."""
        words = ["docker", "-H", self.host]
        if self.certs:
            words.append("--tlsverify" if self.verify else "--tls")
            files = (("cacert", "ca"), ("cert", "cert"), ("key", "key"))
            words += [w for n, f in files for w in (f"--tls{n}", f"{self.certs}/{f}.pem")]
        return shlex.join(words)
