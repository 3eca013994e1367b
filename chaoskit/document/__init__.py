"""YAML to models: every problem of every file at once, each with its place (`file:line:column`).

This is the door of the room. It reads files and the environment; it must never touch a running
system, and nothing that it raises concerns a single problem while others are left unsaid.
"""

from chaoskit.document.experiments import load_experiment, load_experiments
from chaoskit.document.files import is_experiment
from chaoskit.document.gamedays import BoundGameDay, load_gameday
from chaoskit.document.loading import Bound
from chaoskit.document.schedules import BoundSchedule, load_schedule
from chaoskit.document.systems import BoundSystem, bind_system, load_system

__all__ = [
    "Bound",
    "BoundGameDay",
    "BoundSchedule",
    "BoundSystem",
    "bind_system",
    "is_experiment",
    "load_experiment",
    "load_experiments",
    "load_gameday",
    "load_schedule",
    "load_system",
]
