"""What a writer of a format says of what it wrote."""

from __future__ import annotations

from dataclasses import dataclass

from livegate.runtime.entry import Entry


@dataclass(frozen=True, slots=True)
class Written:
    """The files of one variant.

    Attributes:
        files: relative to the folder, with ``/`` between the parts; a package is the files in it.
        entry: how a configuration is chosen; its keys are the configurations that the files hold.
        packages: the distributions whose versions belong in the manifest: what converted, and what runs it.
    """

    files: tuple[str, ...]
    entry: Entry
    packages: tuple[str, ...]
