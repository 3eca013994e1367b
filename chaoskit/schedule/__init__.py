"""When experiments and game days run: moments, what forbids them, and a log of what became of each.

It starts them as a person would, in a process of their own. It must never make up for a run that
was missed, and never run two at once.
"""
