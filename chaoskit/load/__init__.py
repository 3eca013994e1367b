"""Load: Locust in a child process, open-loop. The parent's side must never import locust or gevent.

`generator` is the parent's side; `child` is what runs in the process of its own.
"""

from chaoskit.load.generator import LocustLoad

__all__ = ["LocustLoad"]
