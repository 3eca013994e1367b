"""The samples of a run as they are stored at its end."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaoskit.model.timeline import LoadFacts
from chaoskit.run.feed import SAMPLES, stored_samples
from tests.run.scene import Scene


@pytest.fixture
def size_limit() -> Iterator[None]:
    """Whatever a test makes of the limit on a file's size ends with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("size_limit")
def test_a_disk_that_is_full_at_the_end_costs_no_sample(tmp_path: Path) -> None:
    """Then the load's own files tell all; half of `samples.bin` would pass for it."""
    scene = Scene(tmp_path)
    records = tmp_path / "load" / "worker-0.bin"
    said = scene.load.facts

    def fills_up() -> LoadFacts:
        highest = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (records.stat().st_size // 2, highest))
        return said()

    scene.load.facts = fills_up  # type: ignore[method-assign]
    scene.run()
    assert len(stored_samples(tmp_path).array) == records.stat().st_size // 16
    assert not list(tmp_path.glob(f"{SAMPLES}*"))
    assert "the samples cannot be stored" in (tmp_path / "journal.jsonl").read_text()


def test_the_samples_are_stored_once_all_are_written(tmp_path: Path) -> None:
    Scene(tmp_path).run()
    whole = stored_samples(tmp_path)
    (tmp_path / SAMPLES).unlink()
    assert len(whole) == len(stored_samples(tmp_path)) > 0
    assert not list(tmp_path.glob("*.new"))
