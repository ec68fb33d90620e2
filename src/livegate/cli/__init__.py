"""The command line: one file a verb, heavy imports inside the functions."""

from __future__ import annotations

from livegate.cli.interrupt import told


def main() -> None:
    """The command ``livegate``; an interrupt while it is being loaded is told, too."""
    with told():
        from livegate.cli.app import main as run

        run()
