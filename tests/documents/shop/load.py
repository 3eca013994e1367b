"""Stands in for a load script: documents only check that it exists."""
