"""The local world as an ordinary user: the same tests, without any rights."""

from __future__ import annotations

import os
import sys

import pytest

from tests.local_stage import need_own_space
from tests.ordinary_user import ROOT, as_ordinary_user

TESTS = (
    "tests/contract/test_faults.py",
    "tests/contract/test_world.py",
    "tests/world/test_local_trees.py",
    "tests/world/test_local_policies.py",
    "tests/world/test_local_world.py",
)
# The whole contract of a world, every fault in and out, and of the rest, once each, what rights
# could matter for: signals to trees, entering namespaces, what a trial needs.
CHOSEN = (
    "test_world or in_force_after_inject or sessions_of_their_own "
    "or (whatever_the_policy and TERM) or (goodbye and frozen and TERM) or as_the_node_would "
    "or killed_supervisord or capabilities"
)


@pytest.mark.local
@pytest.mark.ordinary
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_everything_works_without_rights() -> None:
    need_own_space()
    words = ["-q", "-p", "no:cacheprovider", "-m", "local", "-k", CHOSEN, *TESTS]
    ran = as_ordinary_user([sys.executable, "-m", "pytest", *words], os.environ, ROOT, timeout=360)
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert " passed" in ran.stdout
    assert "skipped" not in ran.stdout


@pytest.mark.local
def test_it_is_really_somebody_without_rights() -> None:
    ask = "import os; print(os.geteuid() != 0, os.access('/proc/1/environ', os.R_OK))"
    ran = as_ordinary_user([sys.executable, "-c", ask], os.environ, ROOT)
    assert ran.stdout.split() == ["True", "False"]
