"""The licence line: shown once to a person at a terminal, never to a program."""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livegate.runtime.manifest import Licence, Manifest


def licence_line(name: str, licence: Licence) -> str:
    """What one may do with the weights of a name, in one line."""
    from livegate.cli.check import printable

    return printable(f"weights {name!r}: {licence.spdx}. {licence.summary}")


def licence_once(name: str, licence: Licence) -> None:
    """Print the licence line to a terminal, the first time that these weights are used by this person."""
    if not sys.stderr.isatty():
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "livegate"
    mark = cache / f"seen-licence-{sha256(f'{licence.spdx} {name}'.encode()).hexdigest()[:16]}"  # a name may be of any length
    if mark.exists():
        return
    print(f"Note: {licence_line(name, licence)}", file=sys.stderr)
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.touch()
    except OSError:
        # Where nothing can be remembered the line is shown each time.
        return


def licences_once(*manifests: Manifest | None) -> None:
    """The same of several artifacts; None stands for a network of another maker, whose terms are not known."""
    for manifest in manifests:
        if manifest is not None:
            licence_once(manifest.name, manifest.licence)
