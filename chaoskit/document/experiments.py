"""Experiment files and folders to Bounds; raises all problems of all files together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from chaoskit.document.files import experiment_files
from chaoskit.document.loading import Bound, Loader
from chaoskit.document.nearest import meant
from chaoskit.document.systems import Systems
from chaoskit.errors import DocumentError
from chaoskit.model.experiment import Place


def load_experiment(
    path: Path, *, settings: Mapping[str, str] = {}, system_path: Path | None = None
) -> Bound:
    """The experiment in `path`, with its system, faults and load script.

    `settings` are dotted keys with their text (`load.rate`: `30/s`); `system_path` wins over
    what the experiment says. Raises DocumentError with every problem of both files.
    """
    loader = Loader(settings, Systems())
    bound = loader.load(path, system_path)
    _raise_all(loader)
    assert bound is not None
    return bound


def load_experiments(
    paths: Iterable[Path], *, tags: Sequence[str] = (), settings: Mapping[str, str] = {}
) -> list[Bound]:
    """Every experiment in `paths` (files, or folders searched through), in order, each once.

    With `tags`, those that have at least one of them; all are checked nevertheless. Raises
    DocumentError with every problem of every file.
    """
    loader = Loader(settings, Systems())
    files = experiment_files(paths, loader.problems)
    found = [bound for file in files if (bound := loader.load(file))]
    chosen = [b for b in found if not tags or set(tags) & set(b.experiment.tags)]
    if found and not chosen:
        known = [tag for bound in found for tag in bound.experiment.tags]
        for tag in tags:
            hint = meant(tag, known, "tags")[1]
            loader.problems.add(Place(f"--tag {tag}"), "no experiment has this tag", hint)
    _raise_all(loader)
    return chosen


def _raise_all(loader: Loader) -> None:
    if loader.problems:
        raise DocumentError([loader.secrets.mask(p) for p in loader.problems.found])
