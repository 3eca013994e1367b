"""What the shop's customers do: three look around for every two that buy.

Plain Locust. Each request is named after its task, so that an arrival that could not be sent
counts against the same series.
"""

import random
import uuid

from locust import FastHttpUser, task

ITEMS = 100


class Customer(FastHttpUser):
    @task(3)
    def browse(self):
        self.client.get(f"/browse?item={random.randint(1, ITEMS)}", name="browse")

    @task(2)
    def checkout(self):
        order = {"order_id": str(uuid.uuid4()), "item": random.randint(1, ITEMS), "quantity": 1}
        self.client.post("/checkout", json=order, name="checkout")
