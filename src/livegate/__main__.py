"""``python -m livegate``."""

from livegate.cli.app import main

main()
