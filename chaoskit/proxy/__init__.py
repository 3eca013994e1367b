"""The embedded fault proxy: TCP with faults, behind Toxiproxy's HTTP API; nothing to install.

It carries the links of a system where no Toxiproxy runs. It must never touch anything but the
sockets that it opened itself, never wait for an upstream inside an API call, and it knows
nothing of experiments.
"""

from chaoskit.proxy.serving import FaultProxy, serve

__all__ = ["FaultProxy", "serve"]
