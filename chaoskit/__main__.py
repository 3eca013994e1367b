"""`python -m chaoskit` is `chaoskit`."""

from chaoskit.cli import main

main()
