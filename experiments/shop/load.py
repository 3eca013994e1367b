"""What the shop's customers do: three look around for every two that buy.

Plain Locust. Each request is named after its task, so that an arrival that could not be sent
counts against the same series.
"""

import random
import time
import uuid

from locust import FastHttpUser, task

ITEMS = 100
AVOIDED_S = 1.0


class Entries:
    """The first entry is used; while it gives no answer, for a moment the next one.

    Where there are two entries instead of one address that moves, this is the client's part of
    the redundancy. Nothing is sent twice: a request that failed has failed.
    """

    def __init__(self):
        self.silent_until = {}

    def pick(self, entries):
        now = time.monotonic()
        return min(entries, key=lambda entry: max(self.silent_until.get(entry, 0.0), now))

    def heard(self, entry, response):
        if response.status_code == 0:
            self.silent_until[entry] = time.monotonic() + AVOIDED_S


ENTRIES = Entries()  # customers share what they know, as the connections of one program do


class Customer(FastHttpUser):
    entries = ()  # chaoskit names them; plain Locust has only its host

    @task(3)
    def browse(self):
        self.ask("GET", f"/browse?item={random.randint(1, ITEMS)}", "browse")

    @task(2)
    def checkout(self):
        order = {"order_id": str(uuid.uuid4()), "item": random.randint(1, ITEMS), "quantity": 1}
        self.ask("POST", "/checkout", "checkout", json=order)

    def ask(self, method, path, name, **body):
        entry = ENTRIES.pick(self.entries or (self.host,))
        ENTRIES.heard(entry, self.client.request(method, entry + path, name=name, **body))
