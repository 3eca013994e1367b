"""The user's load script in the child: its user classes and tasks, and why one is refused.

It must never run a task. Raises LoadError for what chaoskit refuses; what the script itself
raises while it is loaded goes through unchanged, so that its own line is reported.
"""

from __future__ import annotations

import inspect
import random
import socket
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import locust
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment
from locust.user.users import PytestUser
from locust.util.load_locustfile import load_locustfile

from chaoskit.errors import LoadError
from chaoskit.load.gauge import Notes
from chaoskit.load.order import Order

Task = Callable[[Any], None]


@dataclass(frozen=True)
class TaskChoice:
    """One task of one class. `weight` is its share before normalising over all classes."""

    user_class: type[locust.User]
    task: Task
    name: str
    weight: float


@dataclass(frozen=True)
class Script:
    environment: Environment
    tasks: Sequence[TaskChoice]


def load_script(order: Order, notes: Notes) -> Script:
    """Load the script and bind its classes to the host and the timeout."""
    resolve(order.host)
    random.seed(order.seed + order.worker)
    path = Path(order.locustfile)
    # What a task imports while it runs must be found as well, not only while loading.
    sys.path.insert(0, str(path.parent))
    found, shapes = load_locustfile(str(path))
    if shapes:
        notes.add("shape", "the LoadTestShape of the script is ignored: `rate` says how much")
    environment = Environment(
        user_classes=list(found.values()), events=locust.events, host=order.host
    )
    classes = environment.user_classes
    if not classes:
        raise LoadError(f"{path}: no user class; write one: class Shopper(FastHttpUser) with @task")
    for user_class in classes:
        _bind(user_class, order, notes)
    return Script(environment, [t for user_class in classes for t in _tasks(user_class, path)])


def resolve(host: str) -> None:
    """Raises LoadError when `host` is no http URL or its name does not resolve."""
    url = urlsplit(host)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise LoadError(f"the load's target '{host}' is not a URL such as http://127.0.0.1:8080")
    try:
        socket.getaddrinfo(url.hostname, url.port or 80, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise LoadError(
            f"the load's target {url.hostname} does not resolve ({error.strerror}): "
            "look at the system's entry url"
        ) from error


def _bind(user_class: type[locust.User], order: Order, notes: Notes) -> None:
    name = user_class.__name__
    if user_class.host not in (None, order.host):
        notes.add(f"host {name}", f"{name}.host is ignored: the load goes to the system's entry")
    if user_class.wait_time is not locust.User.wait_time:
        notes.add(
            f"wait {name}",
            f"{name}.wait_time is ignored between tasks: arrivals follow `rate`, they do not wait "
            "for answers; a task that thinks calls self.wait()",
        )
    if user_class.fixed_count:
        notes.add(f"fixed {name}", f"{name}.fixed_count is ignored: `weight` shares out arrivals")
    if user_class.on_stop is not locust.User.on_stop:
        notes.add(f"stop {name}", f"{name}.on_stop is not called: users are kept until the end")
    user_class.host = order.host
    # Not Locust's: found as `self.entries` by a script whose client fails over.
    setattr(user_class, "entries", order.entries or (order.host,))  # noqa: B010
    if not hasattr(user_class, "worker"):
        # Likewise as `self.worker` by one that numbers what it writes.
        setattr(user_class, "worker", order.worker)  # noqa: B010
    if issubclass(user_class, FastHttpUser):
        user_class.connection_timeout = user_class.network_timeout = order.timeout
        user_class.max_retries = 0


def _tasks(user_class: type[locust.User], path: Path) -> list[TaskChoice]:
    where = f"{path}: class {user_class.__name__}"
    if issubclass(user_class, PytestUser):
        raise LoadError(f"{where}: pytest users cannot run open-loop; write an HttpUser")
    if not user_class.tasks:
        raise LoadError(f"{where} has no task; mark a method with @task")
    nested = [t for t in user_class.tasks if inspect.isclass(t)]
    plain: list[Any] = [t for t in user_class.tasks if not inspect.isclass(t)]
    if nested:
        raise LoadError(
            f"{where}: the nested TaskSet {nested[0].__name__} cannot run open-loop; "
            "make it one @task method that does its steps"
        )
    share = user_class.weight / len(user_class.tasks)
    return [
        TaskChoice(user_class, task, getattr(task, "__name__", str(task)), share * often)
        for task, often in Counter(plain).items()
    ]
