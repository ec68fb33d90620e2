"""An artifact: one folder with everything that is needed to run a network, and nothing to guess.

``manifest.json`` states the facts. Every other file is named in it with its SHA-256, which stops accidents, not attackers: who can change
the folder can change the manifest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from livegate.errors import ArtifactError
from livegate.runtime.backends.base import RUNTIMES, Model
from livegate.runtime.manifest import SCHEMA_VERSION, Manifest, Variant, target
from livegate.runtime.migration import migrated

MANIFEST = "manifest.json"
DEFAULT_RUNTIME, DEFAULT_PRECISION = "onnx", "fp32"
MAX_MANIFEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Artifact:
    """A folder with a manifest that was read and files that were checked against it."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Read the manifest and check the hash of every file that it names.

        Raises:
            ArtifactError: with all faults: no manifest, unknown or missing keys, missing or changed files.
        """
        folder = Path(folder)
        artifact = cls(folder, _manifest(folder))
        artifact.verify()
        return artifact

    def verify(self) -> None:
        """Check the size and the hash of every file that the manifest names.

        Raises:
            ArtifactError: with every missing or changed file.
        """
        sizes = {name: file.bytes for variant in self.manifest.variants.values() for name, file in variant.files.items()}
        named = sorted(self.named.items())
        faults = [fault for name, sha256 in named if (fault := _file_fault(self.folder, name, sha256, sizes.get(name)))]
        if faults:
            raise ArtifactError(self.folder, faults)

    @property
    def named(self) -> dict[str, str]:
        """The SHA-256 of every file that the manifest names."""
        manifest = self.manifest
        named = {**manifest.files, **({manifest.golden.file: manifest.golden.sha256} if manifest.golden else {})}
        return named | {name: file.sha256 for variant in manifest.variants.values() for name, file in variant.files.items()}

    @property
    def licence(self) -> str:
        """The whole text of its licence, or what is known of it."""
        licence = self.manifest.licence
        return (self.folder / licence.file).read_text("utf-8") if licence.file else licence.summary

    def variant(self, runtime: str | None = None, precision: str | None = None) -> Variant:
        """The network for a runtime in a precision.

        Args:
            runtime: its name; None for ``onnx``, or what a file of another maker is for.
            precision: ``fp32``, or another that there is for it; None for ``fp32``, or the first that there is.

        Raises:
            ArtifactError: if there is none.
        """
        manifest = self.manifest
        if runtime not in {None, *RUNTIMES}:
            raise ArtifactError(self.folder, [f"has nothing for {runtime!r}; runtimes are {', '.join(RUNTIMES)}"])
        if runtime is None:
            runtime = next(iter(manifest.variants.values())).runtime if manifest.foreign else DEFAULT_RUNTIME
        there = [variant.precision for variant in manifest.variants.values() if variant.runtime == runtime]
        default = DEFAULT_PRECISION if DEFAULT_PRECISION in there or not there else there[0]
        name = target(runtime, precision or default)
        if name not in manifest.variants:
            adds = "" if manifest.foreign else f"; livegate export MODEL --to {name} --out COPY writes a copy that has it"
            raise ArtifactError(self.folder, [f"has no variant {name!r}; it has {', '.join(manifest.variants)}{adds}"])
        return manifest.variants[name]

    def read(self, variant: Variant) -> Model:
        """What a backend runs: the bytes of the variant's files, checked once more, so that what runs is what was checked.

        Raises:
            ArtifactError: if a file is missing or changed.
        """
        files = {name: self.file(name, file.sha256) for name, file in variant.files.items()}
        return Model(files, variant.entry, variant.precision)

    def file(self, name: str, sha256: str) -> bytes:
        """The bytes of a file of the folder, checked.

        Raises:
            ArtifactError: if it is missing or changed.
        """
        try:
            data = (self.folder / name).read_bytes()
        except OSError as error:
            raise ArtifactError(self.folder, [f"{name} cannot be read ({error.strerror})"]) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ArtifactError(self.folder, [_changed(name)])
        return data


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise ArtifactError(folder, [f"is no artifact: it has no {MANIFEST}; give a folder that livegate export wrote"])
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise ArtifactError(folder, [f"{MANIFEST} has more than {MAX_MANIFEST_BYTES:,} bytes"])
    try:
        return Manifest.model_validate_json(_newest(folder, path.read_bytes()))
    except ValidationError as error:
        faults = [f"{MANIFEST}: {'.'.join(map(str, e['loc'])) or 'whole'}: {e['msg']}" for e in error.errors()]
        raise ArtifactError(folder, faults) from None
    except OSError as error:
        raise ArtifactError(folder, [f"{MANIFEST} cannot be read ({error.strerror})"]) from None


def _newest(folder: Path, text: bytes) -> bytes:
    """A manifest of any version in the words of the newest one; whatever is no manifest at all stays as it is.

    Raises:
        ArtifactError: if it is of a version that came later than this code.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(found, dict):
        return text
    version = found.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        newer = f"{MANIFEST} has schema_version {version}, this Livegate reads {SCHEMA_VERSION}; update livegate"
        raise ArtifactError(folder, [newer])
    return json.dumps(migrated(found)).encode()


def _file_fault(folder: Path, name: str, sha256: str, size: int | None) -> str:
    path = folder / name
    if not path.is_file():
        return f"{name} is missing; get the artifact again"
    if size is not None and path.stat().st_size != size:
        return f"{name} has {path.stat().st_size:,} bytes, the manifest says {size:,}; get the artifact again"
    with path.open("rb") as file:
        return "" if hashlib.file_digest(file, "sha256").hexdigest() == sha256 else _changed(name)


def _changed(name: str) -> str:
    return f"{name} is not the file that the manifest names (its SHA-256 differs); get the artifact again"
