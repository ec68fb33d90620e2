"""Files of other makers, which Livegate runs when it is known what they take: in memory each becomes an artifact of one file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from livegate.errors import ArtifactError, LivegateError
from livegate.runtime.artifact import Artifact
from livegate.runtime.entry import ContractEntry
from livegate.runtime.manifest import (
    SCHEMA_VERSION,
    ConfigurationFacts,
    File,
    Licence,
    Manifest,
    Provenance,
    Variant,
)
from livegate.runtime.omz import CONTRACTS, PREPROCESSING, PUBLISHED, THRESHOLD

MAX_BYTES = 64 * 1024 * 1024
"""Of each file: five times the published one."""
WEIGHTS = ".bin"
"""What lies beside the ``.xml`` of an OpenVINO IR, under the same name."""
ASKED = "say which with " + " or ".join(f"--contract {name} ({facts.takes})" for name, facts in CONTRACTS.items())


def opened(path: str | Path, contract: str | None = None) -> Artifact:
    """The artifact in a folder, or a file of another maker as one.

    Args:
        path: a folder that `Artifact.open` reads, or a file.
        contract: what the file follows; without it only a file that is known by its SHA-256 is taken.

    Raises:
        ArtifactError: if the artifact has faults, or it cannot be told what the file follows.
        LivegateError: if there is no such contract, or a folder is said to follow one.
    """
    path = Path(path)
    if contract is not None and contract not in CONTRACTS:
        raise LivegateError(f"unknown contract {contract!r}; contracts are {', '.join(CONTRACTS)}")
    if path.is_file():
        return _foreign(path, contract)
    if contract is not None:
        raise LivegateError(f"--contract {contract} is for a file of another maker, and {path} is none; leave it out")
    return Artifact.open(path)


def _foreign(path: Path, contract: str | None) -> Artifact:
    form = next((facts.form for facts in CONTRACTS.values() if facts.suffix == path.suffix.lower()), None)
    if form is None:
        raise ArtifactError(path, ["is no model that runs here; give the folder of an artifact, or a file .onnx or .xml"])
    beside = [path.with_suffix(WEIGHTS)] if path.suffix.lower() == CONTRACTS["omz-ir"].suffix else []
    files = {file.name: _stated(file) for file in (path, *beside)}
    sha256 = files[path.name].sha256
    name = contract or PUBLISHED.get(sha256)
    if name is None:
        raise ArtifactError(
            path,
            [f"is no file that is known by its SHA-256, and names and shapes do not tell what it takes; {ASKED}"],
        )
    if CONTRACTS[name].suffix != path.suffix.lower():
        right = next(other for other, facts in CONTRACTS.items() if facts.form == form)
        raise ArtifactError(path, [f"is {form}, and {name} is {CONTRACTS[name].form}; give --contract {right}"])
    try:
        return Artifact(path.parent, _manifest(files, name, sha256))
    except ValidationError as error:  # such as a name that no artifact may have
        raise ArtifactError(path, [str(fault["msg"]) for fault in error.errors()]) from None


def _stated(path: Path) -> File:
    """What a file is, read within bounds."""
    if not path.is_file():
        raise ArtifactError(path, ["is missing; the two files of an OpenVINO IR lie beside each other"])
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ArtifactError(path, [f"cannot be read ({error.strerror})"]) from None
    if not data or len(data) > MAX_BYTES:
        size = f"more than {MAX_BYTES:,} bytes" if data else "no bytes"
        raise ArtifactError(path, [f"has {size}; the published model has 12,270,179"])
    return File(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def _manifest(files: dict[str, File], contract: str, sha256: str) -> Manifest:
    """What is known of a file: how it is run, and of the published one where it comes from."""
    known = sha256 in PUBLISHED
    runtime = CONTRACTS[contract].runtime
    variant = Variant(
        runtime=runtime,
        precision="fp32",
        files=files,
        entry=ContractEntry(contract=contract),  # type: ignore[arg-type] # one of the contracts
        parity=None,
        versions={},
    )
    return Manifest(
        schema_version=SCHEMA_VERSION,
        name="anti-spoof-mn3" if known else f"{contract}-{sha256[:12]}",
        task="liveness",
        outputs=("bona-fide", "attack"),
        adaptive_blocks=0,
        default_configuration="",
        preprocessing=PREPROCESSING,
        configurations={"": ConfigurationFacts(parameters=None, macs=None, threshold=THRESHOLD)},
        variants={variant.target: variant},
        golden=None,
        provenance=Provenance(recipe={}, training={}, versions={}, quality={}),
        licence=Licence(
            spdx="MIT" if known else "LicenseRef-Unstated",
            summary="By kprokofi, from the Open Model Zoo." if known else "Its maker says what one may do with it.",
            file=None,
        ),
        files={},
    )
