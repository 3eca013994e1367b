"""Whatever stands in a file, it is a document or a list of problems at places that exist."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from chaoskit.document import load_experiment, load_system
from chaoskit.errors import DocumentError, Problem

DOCUMENTS = Path(__file__).parent / "documents"
EXPERIMENTS = [path.read_text() for path in sorted((DOCUMENTS / "good").glob("*.yaml"))]
SYSTEM = (DOCUMENTS / "shop" / "system.yaml").read_text()
WORDS = ("true", "1", "null", "${env:", "${env:NO_SUCH}", "kill: ", "x", "é", "😀", "0s", "-1%")
MARKS = "{}[]:,-&*!|>'\"%@`#?~\t\n \r\0\x85\u2028\ufeff"
PIECES = st.sampled_from([*MARKS, *WORDS, ": ", "- ", "\n  ", "<<: ", "---\n", "''"])


@st.composite
def damaged(draw, texts):
    """A good document with a few pieces cut out or put in."""
    text = draw(texts)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        text = text[:start] + draw(PIECES) + text[start + length :]
    return text


def problems_of(load, text: str) -> tuple[Problem, ...]:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("shop", "inner"):
            (Path(folder) / name).mkdir()
        (Path(folder) / "shop" / "system.yaml").write_text(SYSTEM)
        path = Path(folder) / "inner" / "damaged.yaml"
        path.write_bytes(text.encode("utf-8"))
        try:
            load(path)
        except DocumentError as error:
            return error.problems
    return ()


def check(load, text: str) -> None:
    lines = len(text.replace("\r", "\n").splitlines()) + 1
    for problem in problems_of(load, text):
        assert 1 <= problem.line <= lines
        assert problem.column >= 1
        assert problem.message


@given(damaged(st.sampled_from(EXPERIMENTS)))
@settings(max_examples=60, deadline=None)
def test_a_damaged_experiment(text):
    check(load_experiment, text)


@given(damaged(st.just(SYSTEM)))
@settings(max_examples=60, deadline=None)
def test_a_damaged_system(text):
    check(load_system, text)
