"""``python -m simlevel`` is the command line."""

from simlevel.cli import main

main()
