"""The stage of the local world's tests, and the two ways in which a program's tree is held."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_stage import LocalStage, local_stage, need_own_space


@pytest.fixture
def made() -> Iterator[LocalStage]:
    """An empty stage for processes; gone afterwards."""
    with local_stage() as found:
        yield found


@pytest.fixture(params=["walked", "own-space"])
def inside(request: pytest.FixtureRequest) -> bool:
    """Trees that are walked, and trees in a pid namespace of their own."""
    if request.param == "own-space":
        need_own_space()
    return bool(request.param == "own-space")
