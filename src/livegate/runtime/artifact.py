"""An artifact: one folder with everything that is needed to run a network, and nothing to guess.

``manifest.json`` states the facts; its fields are described in docs/formats.md. Every other file is named in it with its SHA-256,
which stops accidents, not attackers: who can change the folder can change the manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, ConfigurationError
from livegate.metrics.pad import Threshold
from livegate.preprocessing import Preprocessing

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
HEAVIEST, LIGHTEST = "heaviest", "lightest"


def _plain_name(name: str) -> str:
    if name in {"", ".", ".."} or any(character in name for character in "/\\:\0"):
        raise ValueError(f"must be the name of a file in the artifact's folder, got {name!r}")
    return name


FileName = Annotated[str, AfterValidator(_plain_name)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Fact(BaseModel):
    """A part of the manifest: frozen, and a key that it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ConfigurationFacts(Fact):
    """What one configuration is and costs.

    ``parameters``, ``macs`` (multiply-adds of convolutions and linear layers), and ``threshold``: from which score a face counts as
    bona fide, with the rule and the split that set it.
    """

    parameters: Annotated[int, Field(ge=0)]
    macs: Annotated[int, Field(ge=0)]
    threshold: Threshold


class Parity(Fact):
    """How far the file is from the network it came from: absolute, on logits, over all configurations and ``pictures``."""

    pictures: Annotated[int, Field(ge=1)]
    largest: Annotated[float, Field(ge=0)]
    tolerance: Annotated[float, Field(gt=0)]


class Entry(Fact):
    """How a configuration is chosen in this file: ``input``: feed these numbers to the input of that name."""

    kind: Literal["input"]
    name: Literal["configuration"]
    values: Mapping[str, tuple[int, ...]]


class Variant(Fact):
    """One file that runs the network."""

    file: FileName
    sha256: Sha256
    bytes: Annotated[int, Field(ge=1)]
    precision: Literal["fp32"]
    entry: Entry
    parity: Parity


class Golden(Fact):
    """Pixels and the logits that they must give, for replay on a device: arrays of ``golden.npz``, without pickle."""

    file: FileName
    sha256: Sha256
    tolerance: Annotated[float, Field(gt=0)]


class Licence(Fact):
    """What one may do with the weights: an SPDX expression, one plain sentence, and the file with the whole text."""

    spdx: str
    summary: str
    file: FileName


class Quality(Fact):
    """How well one configuration did on the split that set its threshold, picture by picture, attacks of all species pooled."""

    split: str
    bona_fide: Annotated[int, Field(ge=1)]
    attacks: Annotated[int, Field(ge=1)]
    d_eer: Annotated[float, Field(ge=0, le=1)]


class Provenance(Fact):
    """Where the network came from: its recipe, what the training noted, versions, and errors by configuration."""

    recipe: Mapping[str, Any]
    training: Mapping[str, Any]
    versions: Mapping[str, str]
    quality: Mapping[str, Quality]


class Manifest(Fact):
    """All facts about an artifact.

    Faults are reported together; a key that is not known is one.
    """

    schema_version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    task: Literal["liveness"]
    outputs: tuple[Literal["bona-fide"], Literal["attack"]]
    adaptive_blocks: Annotated[int, Field(ge=0, le=8)]
    default_configuration: str
    preprocessing: Preprocessing
    configurations: Mapping[str, ConfigurationFacts]
    variants: Mapping[Literal["onnx"], Variant]
    golden: Golden
    provenance: Provenance
    licence: Licence
    files: Mapping[FileName, Sha256]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults = []
        for text in {self.default_configuration, *self.configurations}:
            try:
                Configuration.parse(text, self.adaptive_blocks)
            except ConfigurationError as error:
                faults.append(str(error))
        if self.default_configuration not in self.configurations:
            faults.append(f"default_configuration {self.default_configuration!r} is not among the configurations")
        for name, variant in self.variants.items():
            if set(variant.entry.values) != set(self.configurations):
                faults.append(f"variants.{name}.entry lists other configurations than the manifest")
            elif not faults and any(Configuration.parse(text).codes != codes for text, codes in variant.entry.values.items()):
                faults.append(f"variants.{name}.entry gives a configuration other numbers than 0 for H, 1 for L, 2 for B")
        if self.licence.file not in self.files:
            faults.append(f"licence.file {self.licence.file!r} is not among the files")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def choose(self, text: str | None) -> Configuration:
        """The configuration that a user's words mean.

        Args:
            text: letters such as HLH, ``heaviest`` or ``lightest`` (by multiply-adds), or None for the default one.

        Raises:
            ConfigurationError: if the artifact does not have it.
        """
        if text is None:
            return Configuration.parse(self.default_configuration)
        if text in {HEAVIEST, LIGHTEST}:
            by_cost = sorted(self.configurations, key=lambda name: self.configurations[name].macs)
            return Configuration.parse(by_cost[-1 if text == HEAVIEST else 0])
        configuration = Configuration.parse(text, self.adaptive_blocks)
        if text not in self.configurations:
            raise ConfigurationError(f"configuration {text!r} is not in this artifact; it has {', '.join(self.configurations)}")
        return configuration


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
        """Check the hash of every file that the manifest names.

        Raises:
            ArtifactError: with every missing or changed file.
        """
        manifest = self.manifest
        named = {**manifest.files, manifest.golden.file: manifest.golden.sha256}
        named |= {variant.file: variant.sha256 for variant in manifest.variants.values()}
        faults = [fault for name, sha256 in sorted(named.items()) if (fault := _file_fault(self.folder / name, sha256))]
        if faults:
            raise ArtifactError(self.folder, faults)

    def read(self, variant: str) -> bytes:
        """The bytes of the file of a variant, checked once more, so that what runs is what was checked.

        Raises:
            ArtifactError: if the artifact has no such variant, or its file is missing or changed.
        """
        if variant not in self.manifest.variants:
            raise ArtifactError(self.folder, [f"has no variant {variant!r}; it has {', '.join(self.manifest.variants)}"])
        facts = self.manifest.variants[variant]  # type: ignore[index] # checked to be a key just above
        try:
            data = (self.folder / facts.file).read_bytes()
        except OSError as error:
            raise ArtifactError(self.folder, [f"{facts.file} cannot be read ({error.strerror})"]) from None
        if hashlib.sha256(data).hexdigest() != facts.sha256:
            raise ArtifactError(self.folder, [_changed(facts.file)])
        return data


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise ArtifactError(folder, [f"is no artifact: it has no {MANIFEST}; give a folder that livegate export wrote"])
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise ArtifactError(folder, [f"{MANIFEST} has more than {MAX_MANIFEST_BYTES:,} bytes"])
    try:
        text = path.read_bytes()
        if (version := _schema_version(text)) > SCHEMA_VERSION:
            newer = f"{MANIFEST} has schema_version {version}, this Livegate reads {SCHEMA_VERSION}; update livegate"
            raise ArtifactError(folder, [newer])
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        faults = [f"{MANIFEST}: {'.'.join(map(str, e['loc'])) or 'whole'}: {e['msg']}" for e in error.errors()]
        raise ArtifactError(folder, faults) from None
    except OSError as error:
        raise ArtifactError(folder, [f"{MANIFEST} cannot be read ({error.strerror})"]) from None


def _schema_version(text: bytes) -> int:
    """The schema version of a manifest that may be of any version; 0 when it tells none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return 0
    version = found.get("schema_version") if isinstance(found, dict) else None
    return version if isinstance(version, int) else 0


def _file_fault(path: Path, sha256: str) -> str:
    if not path.is_file():
        return f"{path.name} is missing; get the artifact again"
    with path.open("rb") as file:
        return "" if hashlib.file_digest(file, "sha256").hexdigest() == sha256 else _changed(path.name)


def _changed(name: str) -> str:
    return f"{name} is not the file that the manifest names (its SHA-256 differs); get the artifact again"
