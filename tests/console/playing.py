"""What the browser's tests share: the day's process, people with a browser each, and looks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from chaoskit.gameday.log import Entry, log_of, read_entries

ROOT = Path(__file__).parents[2]
ADDRESS = re.compile(r"console: (\S+)")


class Day:
    """`chaoskit gameday run` in a process of its own, on the fake world."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "gameday.yaml"
        self.pid = 0  # of the console, while it is running
        self._environment = {**os.environ, "CHAOSKIT_STATE": str(folder / "state")}

    @contextmanager
    def running(self) -> Iterator[str]:
        """Yields the console's address; ends by SIGKILL, as in a crash."""
        command = ["tests.console.day", "run", self.file, "--reports", self.folder / "reports"]
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, cwd=ROOT, env=self._environment,
        )  # fmt: skip
        assert process.stdout is not None
        self.pid = process.pid
        with process.stdout:
            try:
                printed = process.stdout.readline()
                found = ADDRESS.match(printed)
                assert found is not None, printed + process.stdout.read()
                yield found[1]
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()

    def call(self, *arguments: str) -> str:
        """What another command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "chaoskit", *arguments],
            capture_output=True, text=True, cwd=self.folder, env=self._environment, check=True,
        )  # fmt: skip
        return done.stdout

    def entries(self) -> tuple[Entry, ...]:
        return read_entries(log_of(self.file))

    def entry(self, kind: str) -> Entry:
        """The only one of its kind."""
        (found,) = (entry for entry in self.entries() if entry.kind == kind)
        return found


@contextmanager
def person(browser: Browser, address: str, name: str) -> Iterator[Page]:
    """A person with a browser of their own, who has chosen their name. No script may speak."""
    context = browser.new_context()
    page = context.new_page()
    spoken: list[str] = []
    page.on("dialog", lambda dialog: (spoken.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: spoken.append(str(error)))
    page.goto(address)
    page.get_by_label("You are").select_option(name)
    try:
        yield page
        assert spoken == []
    finally:
        context.close()


def state(words: str, *pages: Page) -> None:
    """All see this sentence at the top."""
    for page in pages:
        expect(page.locator("#state")).to_contain_text(words, timeout=60_000)


def logged(words: str, *pages: Page) -> None:
    """All see an entry with these words in the log."""
    for page in pages:
        lines = page.locator("#log li").filter(has_text=words)
        expect(lines.first).to_be_visible(timeout=20_000)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
