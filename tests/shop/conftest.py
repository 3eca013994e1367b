"""What the tests of the shop's edge share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "shop"))

from services import web
from services.upstream import Policy


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience in parts of a second, so that what hangs is seen soon."""
    monkeypatch.setattr(web, "CATALOG", Policy(timeout=0.15, longest_open=4.0))
    monkeypatch.setattr(web, "RECOMMEND", Policy(timeout=0.15, places=8))
    monkeypatch.setattr(web, "ORDER", Policy(timeout=0.6, places=4))
