"""Reads a page back as a browser would; a page with tags out of turn is an error."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from chaoskit.model.verdict import Verdict

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Fails on a tag that is closed out of turn; collects what a reader sees and what has an id."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def told(run: Path) -> Verdict:
    return Verdict.model_validate_json((run / "verdict.json").read_bytes())
