"""When, by what and where a report was made: versions and the kind of machine, no names of machines, people or folders."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata

from livegate.report.document import Made

PACKAGES = ("livegate", "numpy", "pydantic", "jinja2", "matplotlib")


def made() -> Made:
    """Now, by what is installed here."""
    return Made(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        versions={"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        system=platform.system(),
        machine=platform.machine(),
        processors=os.cpu_count() or 0,
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
