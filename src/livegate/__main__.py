"""``python -m livegate``."""

from livegate.cli import main

main()
