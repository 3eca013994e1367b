"""The four programs of the reference shop and the mechanisms that keep them standing.

They are an ordinary system under test: they must never import the tool that tests them.
"""
