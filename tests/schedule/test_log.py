"""The schedule's log where the state root is in the way: one message, never a traceback."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chaoskit.errors import ChaoskitError
from chaoskit.schedule.log import Log

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_log_that_cannot_be_read_or_written_says_so(tmp_path: Path) -> None:
    log = Log(tmp_path, tmp_path / "schedule.yaml")
    log.path.mkdir(parents=True)
    with pytest.raises(ChaoskitError, match="log cannot be read: Is a directory; what ran"):
        log.records()
    with pytest.raises(ChaoskitError, match="log cannot be written: Is a directory; make room"):
        log.append("begun", NOW)


def test_a_state_root_that_is_no_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("")
    log = Log(tmp_path / "root", tmp_path / "schedule.yaml")
    with pytest.raises(ChaoskitError, match=r"lock cannot be made: .*CHAOSKIT_STATE"), log.lock():
        pass
