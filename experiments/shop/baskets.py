"""The shop's customers, who also fill a basket and look at it: registers for `data_safety`.

A basket belongs to one user instance, which serves one arrival at a time: it has one writer, and
its revisions count up. The others' share of the load is as in `load.py`.
"""

import random
import uuid

import load
from locust import task


class Shopper(load.Customer):
    def on_start(self):
        self.basket = f"/baskets/{uuid.uuid4()}"
        self.revision = 0

    @task(5)
    def fill(self):
        self.revision += 1
        content = {"revision": self.revision, "item": random.randint(1, load.ITEMS)}
        self.ask("PUT", self.basket, "fill", json=content)
        self.ask("GET", self.basket, "look")
