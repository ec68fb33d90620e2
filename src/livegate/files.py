"""Writing files: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from livegate.errors import LivegateError


@contextmanager
def replacing(path: str | Path) -> Iterator[TextIO]:
    """A text file that takes its name only once it is complete; a failure leaves what was there before.

    Raises:
        LivegateError: when the folder or file cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise LivegateError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        if part.is_file():
            part.unlink()
