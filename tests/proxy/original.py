"""The real Toxiproxy 2.12 and its command-line client: found, or built once by `go install`.

    python -m tests.proxy.original     # builds what is lacking and prints where the server is

It must never take another version for the one that the suite is about.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "2.12.0"
SOURCE = "github.com/Shopify/toxiproxy/v2"
CACHE = Path(__file__).parents[2] / ".images" / f"toxiproxy-{VERSION}"
# What each is called: here, in the environment, and in a package that is installed.
NAMES = {
    "server": ("TOXIPROXY_SERVER", "toxiproxy-server"),
    "cli": ("TOXIPROXY_CLI", "toxiproxy-cli"),
}
GO_HOME = "/usr/local/go/bin"  # where Go's own installer puts it, on nobody's PATH
BUILD_TIMEOUT = 600


class Absent(Exception):
    """It is not here and cannot be built; the message says what would help."""


def original(part: str) -> str:
    """The path of `server` or `cli`. Raises Absent."""
    variable, packaged = NAMES[part]
    named = os.environ.get(variable) or shutil.which(packaged)
    if named:
        return named
    built = CACHE / part
    if not built.exists():
        _build()
    return str(built)


def _build() -> None:
    go = shutil.which("go") or shutil.which("go", path=GO_HOME)
    if go is None:
        raise Absent(
            f"no real Toxiproxy {VERSION}: install Go, or set TOXIPROXY_SERVER and TOXIPROXY_CLI"
        )
    CACHE.mkdir(parents=True, exist_ok=True)
    # Moved into place when whole: half a build must not look like one.
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as made:
        words = ["-ldflags", f"-s -w -X {SOURCE}.Version={VERSION}"]
        words += [f"{SOURCE}/cmd/{part}@v{VERSION}" for part in NAMES]
        environment = {**os.environ, "CGO_ENABLED": "0", "GOBIN": made}
        done = subprocess.run(
            [go, "install", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT,
        )
        if done.returncode:
            raise Absent(
                f"no real Toxiproxy {VERSION}: go install failed: {done.stderr.strip()[-300:]}"
            )
        for part in NAMES:
            os.replace(Path(made) / part, CACHE / part)


if __name__ == "__main__":
    try:
        print(original("server"))
    except Absent as error:
        sys.exit(str(error))
