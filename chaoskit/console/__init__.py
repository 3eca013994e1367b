"""The live page of a game day: what is going on, what people say to it, and one large halt.

It shows what a session tells and hands on what people do; it knows nothing that the session does
not. It must never keep state of its own, load anything from elsewhere or answer a stranger.
"""

from __future__ import annotations

__all__ = ["serve"]

from chaoskit.console.serving import serve
