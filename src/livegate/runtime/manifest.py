"""All facts about an artifact, as ``manifest.json`` states them; its fields are described in docs/formats.md."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from livegate.configuration import HEAVIEST, LIGHTEST, Configuration
from livegate.decision import Task
from livegate.errors import ArtifactError, ConfigurationError
from livegate.files import NAME
from livegate.metrics.thresholds import REJECT_ALL, Threshold
from livegate.preprocessing import Preprocessing, require_whole
from livegate.runtime.backends.base import RUNTIMES
from livegate.runtime.entry import ContractEntry, Entry, Fact, InputEntry
from livegate.runtime.omz import CONTRACTS

SCHEMA_VERSION: Final = 3
MAX_PATH_PARTS = 8
OUTPUTS: Final[Mapping[Task, tuple[str, ...]]] = {"liveness": ("bona-fide", "attack"), "verification": ("embedding",)}
"""What a network of each task gives."""
OUTPUT_NAMES: Final[Mapping[Task, str]] = {"liveness": "logits", "verification": "embedding"}
"""What that is called in a file."""


def _plain_name(name: str) -> str:
    if name in {"", ".", ".."} or any(character in name for character in "/\\:\0"):
        raise ValueError(f"must be the name of a file in the artifact's folder, got {name!r}")
    return name


def _plain_path(path: str) -> str:
    parts = path.split("/")
    if len(parts) > MAX_PATH_PARTS:
        raise ValueError(f"must be at most {MAX_PATH_PARTS - 1} folders deep, got {path!r}")
    for part in parts:
        _plain_name(part)
    return path


FileName = Annotated[str, AfterValidator(_plain_name)]
FilePath = Annotated[str, AfterValidator(_plain_path)]
"""A file in the artifact's folder or in a folder of it, with ``/`` between the parts."""
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
SPDX = "^[A-Za-z0-9.+:() -]{1,100}$"
"""The characters of an SPDX expression; it may name a file, too."""


class ConfigurationFacts(Fact):
    """What one configuration is and costs.

    ``parameters``, ``macs`` (multiply-adds of convolutions and linear layers), and ``threshold``: from which score a face counts as
    bona fide, with the rule and the split that set it. What it costs is null for a file of another maker.
    """

    parameters: Annotated[int, Field(ge=0)] | None
    macs: Annotated[int, Field(ge=0)] | None
    threshold: Threshold


class Parity(Fact):
    """How far the file is from the network it came from: absolute, on logits, over all configurations and ``pictures``."""

    pictures: Annotated[int, Field(ge=1)]
    largest: Annotated[float, Field(ge=0)]
    tolerance: Annotated[float, Field(gt=0)]


class File(Fact):
    """What a file must be."""

    sha256: Sha256
    bytes: Annotated[int, Field(ge=1)]


class Quality(Fact):
    """How well one configuration did on the split that set its threshold, picture by picture, attacks of all species pooled.

    ``floor``: the lowest threshold that a calibration may set, for below it more attacks of one species came through there than may; null
    where that was not measured, and then no calibration may go below the threshold itself.
    """

    split: str
    bona_fide: Annotated[int, Field(ge=1)]
    attacks: Annotated[int, Field(ge=1)]
    d_eer: Annotated[float, Field(ge=0, le=1)]
    floor: Annotated[float, Field(ge=0, le=REJECT_ALL, allow_inf_nan=False)] | None = None

    @property
    def error(self) -> float:
        """The one figure of it."""
        return self.d_eer

    def __str__(self) -> str:
        return f"{self.d_eer:.2%} ({self.bona_fide} bona fide, {self.attacks} attacks)"


class Separation(Fact):
    """How well one configuration told people apart on the split that set its threshold: all pairs of its pictures, each once."""

    split: str
    mated: Annotated[int, Field(ge=1)]
    non_mated: Annotated[int, Field(ge=1)]
    eer: Annotated[float, Field(ge=0, le=1)]
    fnmr: Annotated[float, Field(ge=0, le=1)]
    """At the threshold."""

    @property
    def error(self) -> float:
        """The one figure of it."""
        return self.eer

    def __str__(self) -> str:
        return f"{self.eer:.2%} ({self.mated:,} mated, {self.non_mated:,} non-mated pairs)"


class Variant(Fact):
    """The network for one runtime in one precision: one file, or the files of one package.

    ``parity`` is null where the runtime cannot run on the machine that exported, or another maker's file has no network to compare with.
    ``thresholds`` holds one for each configuration of the entry
    where those of the artifact do not fit the precision, else nothing, and ``quality`` how well it does at each. ``versions``: what wrote and
    proved it.
    """

    runtime: Literal["onnx", "openvino", "litert", "executorch", "coreml", "ncnn"]
    precision: Literal["fp32", "fp16", "int8"]
    files: Annotated[Mapping[FilePath, File], Field(min_length=1)]
    entry: Entry
    parity: Parity | None
    thresholds: Mapping[str, Threshold] = {}
    quality: Mapping[str, Quality] = {}
    versions: Mapping[str, str]

    @property
    def target(self) -> str:
        """Its name among the variants, such as ``onnx`` or ``onnx-int8``."""
        return target(self.runtime, self.precision)

    @property
    def bytes(self) -> int:
        """The size of its files together."""
        return sum(file.bytes for file in self.files.values())

    @property
    def configurations(self) -> tuple[Configuration, ...]:
        """What it holds, in the order of its entry."""
        return tuple(Configuration.parse(text) for text in self.entry.configurations)

    def faults(self, configurations: Mapping[str, ConfigurationFacts]) -> Iterator[str]:
        """What cannot be true of it in an artifact with these configurations."""
        held = set(self.entry.configurations)
        expected = RUNTIMES[self.runtime].kind
        if isinstance(self.entry, ContractEntry):
            if (runtime := CONTRACTS[self.entry.contract].runtime) != self.runtime:
                yield f"follows {self.entry.contract}, which is for {runtime}"
        elif expected != self.entry.kind:
            yield f"chooses by {self.entry.kind!r}, but {self.runtime} chooses by {expected!r}"
        elif self.parity is None and RUNTIMES[self.runtime].module:
            yield f"states no parity, which is null for runtimes alone that cannot prove a file; {self.runtime} can"
        if unknown := sorted(held - configurations.keys()):
            yield f"holds configuration {unknown[0]!r}, which the manifest does not list"
        elif isinstance(self.entry, InputEntry) and any(
            Configuration.parse(text).codes != codes for text, codes in self.entry.values.items()
        ):
            yield "gives a configuration other numbers than 0 for H, 1 for L, 2 for B"
        if self.thresholds and set(self.thresholds) != held:
            yield "has thresholds for other configurations than it holds"
        if self.quality.keys() - self.thresholds.keys():
            yield "has a quality without the threshold that it was measured with"


def target(runtime: str, precision: str) -> str:
    """The name of a variant: the runtime, and its precision unless that is fp32."""
    return runtime if precision == "fp32" else f"{runtime}-{precision}"


class Golden(Fact):
    """Pixels and the outputs that they must give, for replay on a device: arrays of ``golden.npz``, without pickle."""

    file: FileName
    sha256: Sha256


class Licence(Fact):
    """What one may do with the weights: an SPDX expression, one plain sentence, and the file with the whole text.

    ``file`` is null for a file of another maker.
    """

    spdx: Annotated[str, Field(pattern=SPDX)]
    summary: str
    file: FileName | None

    @classmethod
    def parse(cls, text: str, file: FileName) -> Self:
        """What a licence text says of itself: its first line ``SPDX-License-Identifier: …``, then one plain sentence.

        Raises:
            ArtifactError: if it lacks one of them.
        """
        first, _, rest = text.partition("\n")
        label, _, spdx = first.partition(":")
        summary = " ".join(rest.strip().split("\n\n")[0].split())
        if label != "SPDX-License-Identifier" or not re.fullmatch(SPDX, spdx.strip()) or not summary:
            raise ArtifactError(
                "the licence text", ["must begin with 'SPDX-License-Identifier: …' and then one plain sentence"]
            )
        return cls(spdx=spdx.strip(), summary=summary, file=file)


class Provenance(Fact):
    """Where the network came from: its recipe, what the training noted, versions, and errors by configuration."""

    recipe: Mapping[str, Any]
    training: Mapping[str, Any]
    versions: Mapping[str, str]
    quality: Mapping[str, Quality | Separation]


class Manifest(Fact):
    """All facts about an artifact.

    Faults are reported together; a key that is not known is one. ``golden`` is null for a file of another maker, of which only its contract
    is known. ``outputs`` says what comes out: two logits, or with the task of verification an embedding, of which thresholds are cosines.
    """

    schema_version: Literal[3]
    name: Annotated[str, Field(pattern=NAME)]
    task: Task
    outputs: tuple[Literal["bona-fide"], Literal["attack"]] | tuple[Literal["embedding"]]
    adaptive_blocks: Annotated[int, Field(ge=0, le=8)]
    default_configuration: str
    preprocessing: Annotated[Preprocessing, BeforeValidator(require_whole)]
    configurations: Mapping[str, ConfigurationFacts]
    variants: Annotated[Mapping[str, Variant], Field(min_length=1)]
    golden: Golden | None
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
        if not faults:
            faults += [
                f"variants.{name} {fault}" for name, variant in self.variants.items() for fault in self._of(name, variant)
            ]
        stated: dict[str, File] = {}
        for variant in self.variants.values():
            faults += [
                f"{name} is two different files"
                for name, file in variant.files.items()
                if stated.setdefault(name, file) != file
            ]
        if self.outputs != OUTPUTS[self.task]:
            faults.append(f"outputs must be {list(OUTPUTS[self.task])} for {self.task}, got {list(self.outputs)}")
        if self.licence.file is not None and self.licence.file not in self.files:
            faults.append(f"licence.file {self.licence.file!r} is not among the files")
        if not self.foreign:
            faults += [f"{fact} is null, which it is for a file of another maker alone" for fact in self._unknown()]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _unknown(self) -> Iterator[str]:
        """What Livegate tells of its own networks and cannot of others."""
        facts: dict[str, object] = {"golden": self.golden, "licence.file": self.licence.file}
        for text, one in self.configurations.items():
            facts |= {f"configurations.{text}.parameters": one.parameters, f"configurations.{text}.macs": one.macs}
        yield from (name for name, fact in facts.items() if fact is None)

    def _of(self, name: str, variant: Variant) -> Iterator[str]:
        if name != variant.target:
            yield f"must be called {variant.target!r}"
        yield from variant.faults(self.configurations)

    @property
    def output(self) -> str:
        """What the output is called in a file."""
        return OUTPUT_NAMES[self.task]

    def require(self, task: Task, where: object) -> None:
        """Check that it is for a task.

        Args:
            task: what it must be for.
            where: the artifact, for the message.

        Raises:
            ArtifactError: if it is for another one.
        """
        if self.task != task:
            verbs = "check, score, evaluate and explain" if self.task == "liveness" else "verify, enroll and identify"
            raise ArtifactError(where, [f"is for {self.task}, not for {task}: it serves livegate {verbs}"])

    @property
    def foreign(self) -> bool:
        """Whether it describes a file of another maker."""
        return all(isinstance(variant.entry, ContractEntry) for variant in self.variants.values())

    @property
    def bytes(self) -> int:
        """The size of the files of all variants; a file that several of them name counts once."""
        return sum({name: file.bytes for variant in self.variants.values() for name, file in variant.files.items()}.values())

    def threshold(self, text: str, variant: Variant) -> Threshold:
        """From which score a face counts as bona fide, or from which cosine two are of one person, where a variant made the scores.

        Args:
            text: a configuration that the variant holds.
            variant: one of the manifest's.
        """
        return variant.thresholds.get(text) or self.configurations[text].threshold

    def floor(self, text: str, variant: Variant) -> float:
        """The lowest threshold that a calibration may set for liveness; never above the threshold itself.

        Args:
            text: a configuration that the variant holds.
            variant: one of the manifest's.
        """
        known = (variant.quality if variant.thresholds else self.provenance.quality).get(text)
        threshold = self.threshold(text, variant).value
        return threshold if not isinstance(known, Quality) or known.floor is None else min(known.floor, threshold)

    def choose(self, text: str | Configuration | None, among: Collection[str] | None = None) -> Configuration:
        """The configuration that a user's words mean.

        Args:
            text: letters such as HLH or what they were parsed to, ``heaviest`` or ``lightest`` (by multiply-adds), or None for the default one.
            among: the configurations to choose from; None for all of the artifact.

        Raises:
            ConfigurationError: if it is not among them.
        """
        held = self.configurations if among is None else among
        if text in {HEAVIEST, LIGHTEST}:
            by_cost = sorted(held, key=lambda name: self.configurations[name].macs or 0)
            return Configuration.parse(by_cost[-1 if text == HEAVIEST else 0])
        text = self.default_configuration if text is None else str(text)
        configuration = Configuration.parse(text, self.adaptive_blocks)
        if text not in held:
            where = "this artifact" if among is None or text not in self.configurations else "this file"
            raise ConfigurationError(f"configuration {text!r} is not in {where}; it has {', '.join(held)}")
        return configuration
