"""From a checkpoint to an artifact: the files, the proof that they agree, thresholds, and a manifest that states it all."""

from __future__ import annotations

import hashlib
import math
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from livegate.configuration import Branch, Configuration
from livegate.data.index import Index
from livegate.decision import Task
from livegate.errors import ArtifactError, LivegateError, MetricError
from livegate.export import parity
from livegate.export.source import Source, require_same
from livegate.export.targets import TARGETS, Target
from livegate.export.thresholds import BackendScorer, Cosines, Thresholds, calibration_pictures
from livegate.files import NAME
from livegate.metrics.pad import Rule, Threshold
from livegate.models.checkpoint import Checkpoint
from livegate.models.counting import count
from livegate.models.scorer import TorchScorer
from livegate.runtime.artifact import MANIFEST, Artifact
from livegate.runtime.backends.base import RUNTIMES, Backend, Model, Options, load
from livegate.runtime.manifest import (
    OUTPUTS,
    SCHEMA_VERSION,
    ConfigurationFacts,
    File,
    Golden,
    Licence,
    Manifest,
    Parity,
    Provenance,
    Quality,
    Separation,
    Variant,
)

SHIPPED_RULES: Mapping[Task, str] = {"liveness": "bpcer=0.05", "verification": "fmr=0.001"}
LICENCE = "LICENSE"
Known = tuple[Threshold, Quality | Separation | None]
"""The threshold of a configuration, and how good it is where that was measured."""
NO_LICENCE = """SPDX-License-Identifier: LicenseRef-Unstated

The owner of these weights has stated no licence.
"""


@dataclass(frozen=True, slots=True)
class Papers:
    """What goes with the weights.

    Attributes:
        card: the model card in Markdown; empty for a short one made of the manifest's facts.
        licence: the licence text: its first line ``SPDX-License-Identifier: …``, its first paragraph one plain sentence.
    """

    card: str = ""
    licence: str = NO_LICENCE


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written.

    Attributes:
        targets: one variant each.
        configurations: what each of them holds; without any, all where a format gets them for nothing, else a few.
        fixed: the one configuration of a network that cannot switch; None for the network as it is.
        dev: sets the threshold of each configuration; without it the larger logit wins.
        rule: how thresholds are set, as `livegate.metrics.pad.Rule` reads it, or with verification ``fmr=X``; empty for `SHIPPED_RULES`.
        calibration: pictures that set the ranges of int8 files.
        advance: called with the number of dev pictures done since the last call.
        known: the threshold of the configuration that is fixed, and how good it is where that was measured, in fp32; counts where there is no dev.
    """

    targets: Sequence[Target] = (TARGETS["onnx"],)
    configurations: Sequence[Configuration] = ()
    fixed: Configuration | None = None
    dev: Index | None = None
    rule: str = ""
    calibration: Index | None = None
    advance: Callable[[int], None] = lambda _: None
    known: Known | None = None

    def thresholds(self, task: Task) -> Thresholds | Cosines:
        """How thresholds are set.

        Raises:
            MetricError: if the rule is not one of the task.
        """
        rule = self.rule or SHIPPED_RULES[task]
        if task == "liveness":
            return Thresholds(self.dev, Rule.parse(rule), self.advance)
        return Cosines(self.dev, fmr_of(rule), self.advance)

    def check(self, adaptive_blocks: int, task: Task = "liveness") -> None:
        """Check what can be checked before the work.

        Raises:
            LivegateError: for a target without its converter or pictures, an unknown rule, a dev that cannot set thresholds, a configuration
                of another network.
        """
        self.thresholds(task).check()
        for target in self.targets:
            target.require()
            if task not in target.tasks:
                able = [name for name, other in TARGETS.items() if task in other.tasks]
                raise LivegateError(
                    f"export to {target.name} is for liveness; a network for {task} can go to {', '.join(able)}"
                )
            if target.calibrated and self.calibration is None:
                raise LivegateError(f"export to {target.name} needs pictures of the training mix; give --calibration INDEX")
        for configuration in self.configurations:
            configuration.require(adaptive_blocks)


def export(checkpoint: Checkpoint, out: Path, *, name: str, papers: Papers, order: Order | None = None) -> Path:
    """Write an artifact folder, whole or not at all.

    Args:
        checkpoint: the network.
        out: the folder; it must not exist yet.
        name: what the artifact is called.
        papers: card and licence.
        order: what it holds; without it one ONNX file.

    Returns:
        The folder.

    Raises:
        ParityError: if a file disagrees with the network.
        ArtifactError: if ``out`` exists, an int8 file has no thresholds of its own, the name has other characters than letters, digits, _ . and -, or the licence lacks its SPDX line.
        MissingExtraError: if a converter is not installed.
        MetricError: if dev cannot set a threshold.
    """
    order = order or Order()
    require_new(out)
    if not re.fullmatch(NAME, name):
        words = "must be made of letters, digits, '_', '.' and '-' and begin with a letter or a digit"
        raise ArtifactError(out, [f"name {name!r} {words}; give another one with --name"])
    source = Source(checkpoint, order.fixed)
    order.check(source.network.adaptive_blocks, source.task)
    if fault := _unmeasured(order, measured=bool(order.known and order.known[0].split)):
        raise ArtifactError(out, [fault])
    with scratch(out) as folder:
        _fill(folder, source, name, papers, order)
        Artifact.open(folder)
        _move(folder, out)
    return out


def extend(checkpoint: Checkpoint, folder: Path, order: Order) -> Path:
    """Add variants to an artifact of the same network, since a converter may live in an environment of its own.

    The files are moved in first and the manifest, which alone makes them count, last: the artifact is whole at every moment.

    Args:
        checkpoint: the network that the artifact was made of.
        folder: the artifact.
        order: what to add. Thresholds are the artifact's; ``dev`` sets those of int8, whose scores are others.

    Returns:
        The folder.

    Raises:
        ParityError: if a file disagrees with the network.
        ArtifactError: if the artifact has faults, comes from another network, or has one of the variants already.
        MissingExtraError: if a converter is not installed.
    """
    artifact = Artifact.open(folder)
    _require_room(artifact, order)
    source = Source(checkpoint, order.fixed)
    order.check(source.network.adaptive_blocks, source.task)
    require_same(source.scorer, artifact)
    with scratch(folder) as place:
        _copy(artifact, place)
        added = {target.name: _variant(place, source, target, order) for target in order.targets}
        _write(place, _with(artifact.manifest, added))
        Artifact.open(place)
        artifact = Artifact.open(folder)  # once more: another export may have ended in the meantime
        _require_room(artifact, order)
        held = {name for variant in artifact.manifest.variants.values() for name in variant.files}
        for name in {name for variant in added.values() for name in variant.files} - held:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).replace(folder / name)
        _write(place, _with(artifact.manifest, added))
        (place / MANIFEST).replace(folder / MANIFEST)
    return folder


def derive(artifact: Artifact, checkpoint: Checkpoint, out: Path, order: Order) -> Path:
    """Write a copy of an artifact that has more variants, whole or not at all.

    Args:
        artifact: what is copied, with its thresholds, card and licence; of its folder nothing else.
        checkpoint: the network that it was made of.
        out: the folder; it must not exist yet.
        order: what to add.

    Returns:
        The folder.

    Raises:
        ArtifactError: if ``out`` exists, a file of the artifact was changed since it was opened, and what `extend` raises.
    """
    require_new(out)
    if there := [target.name for target in order.targets if target.name in artifact.manifest.variants]:
        raise ArtifactError(
            out, [f"becomes a copy of {artifact.folder}, which has {there[0]} already; ask for another with --to"]
        )
    with scratch(out) as folder:
        _copy(artifact, folder)
        extend(checkpoint, folder, order)
        _move(folder, out)
    return out


@contextmanager
def scratch(out: Path) -> Iterator[Path]:
    """An empty folder beside the one that is to be, of the same name, that goes away unless it is moved."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as place:
        folder = Path(place) / out.name
        folder.mkdir()
        yield folder


def require_new(out: Path) -> None:
    """Check that nothing is where a folder is to be.

    Raises:
        ArtifactError: if something is.
    """
    if out.exists():
        raise ArtifactError(out, ["exists already; choose another folder or remove it"])


def _move(folder: Path, out: Path) -> None:
    """Give a folder its name, unless another has taken it in the meantime."""
    try:
        folder.replace(out)
    except OSError:
        require_new(out)
        raise


def _copy(artifact: Artifact, folder: Path) -> None:
    """Write the files that a manifest names, checked against it, and the manifest; whatever else lies beside them stays there."""
    for name, sha256 in artifact.named.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(artifact.file(name, sha256))
    _write(folder, artifact.manifest)


def _fill(folder: Path, source: Source, name: str, papers: Papers, order: Order) -> None:
    licence = write_licence(papers.licence, folder)  # first, since what follows takes minutes
    checkpoint, configurations = source.checkpoint, source.configurations
    source.write_golden(folder / "golden.npz")
    variants = {target.name: _variant(folder, source, target, order) for target in order.targets}
    calibrated: Mapping[str, tuple[Threshold, Any]]
    if order.known and order.dev is None:
        calibrated = {str(configuration): order.known for configuration in configurations}
    else:
        calibrated = order.thresholds(source.task).facts(_scorer(folder, source, variants.values()), configurations)
    by_configuration = {str(c): _configuration_facts(source, c, calibrated[str(c)][0]) for c in configurations}
    (folder / "CARD.md").write_text(papers.card or _short_card(name, licence, by_configuration), encoding="utf-8")
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        name=name,
        task=source.task,
        outputs=OUTPUTS[source.task],  # type: ignore[arg-type] # the manifest checks the words
        adaptive_blocks=source.network.adaptive_blocks,
        default_configuration=str(Configuration.uniform(Branch.HEAVY, source.network.adaptive_blocks)),
        preprocessing=source.preprocessing,
        configurations=by_configuration,
        variants=variants,
        golden=Golden(file="golden.npz", sha256=_sha256(folder / "golden.npz")),
        provenance=Provenance(
            recipe=checkpoint.recipe,
            training=checkpoint.notes,
            versions=_versions("livegate", "torch", "numpy"),
            quality=_known(calibrated),
        ),
        licence=licence,
        files={file: _sha256(folder / file) for file in ("CARD.md", LICENCE)},
    )
    _write(folder, manifest)


def _variant(folder: Path, source: Source, target: Target, order: Order) -> Variant:
    """Write the files of a target, prove them, and say what they are."""
    few = source.configurations if target.every else Configuration.named(source.network.adaptive_blocks)
    arguments: list[Any] = [source.network, source.preprocessing, order.configurations or few, folder]
    if target.calibrated and order.calibration:
        arguments.append(calibration_pictures(order.calibration, source.preprocessing))
    written = target.write(*arguments)
    variant = Variant(
        runtime=target.runtime,  # type: ignore[arg-type] # the manifest checks the word
        precision=target.precision,  # type: ignore[arg-type]
        files={name: File(sha256=_sha256(folder / name), bytes=(folder / name).stat().st_size) for name in written.files},
        entry=written.entry,
        parity=None,
        versions=_versions("livegate", "torch", *written.packages),
    )
    if not target.proven:
        return variant
    backend = _backend(folder, variant)
    limit = parity.tolerance(target.name, source.task)
    difference = parity.largest_difference(source.outputs(variant.configurations), backend, source.images)
    parity.require(difference, limit, f"the {target.name} model in {RUNTIMES[target.runtime].label}")
    proof = Parity(pictures=len(source.images), largest=difference, tolerance=limit)
    variant = variant.model_copy(update={"parity": proof})
    if order.dev is None or not target.calibrated:
        return variant
    # The scores of an int8 file are others than those that set the artifact's thresholds.
    facts = order.thresholds(source.task).facts(BackendScorer(source.preprocessing, backend), variant.configurations)
    thresholds = {text: threshold for text, (threshold, _) in facts.items()}
    return variant.model_copy(update={"thresholds": thresholds, "quality": _known(facts)})


def fmr_of(rule: str) -> float:
    """The share in a rule of verification, ``fmr=X``.

    Raises:
        MetricError: if it is no such rule.
    """
    name, _, number = rule.partition("=")
    try:
        share = float(number)
    except ValueError:
        share = math.nan
    if name != "fmr" or not 0 < share < 1:
        raise MetricError(f"unknown rule {rule!r} for verification; say fmr=X with X between 0 and 1, such as fmr=0.001")
    return share


def _known(facts: Mapping[str, tuple[Threshold, Any]]) -> dict[str, Any]:
    return {text: quality for text, (_, quality) in facts.items() if quality is not None}


def _scorer(folder: Path, source: Source, variants: Iterable[Variant]) -> BackendScorer | TorchScorer:
    """What scores dev: the first file that is proven in fp32 and holds every configuration, else the network in torch."""
    for variant in variants:
        if variant.parity and variant.precision == "fp32" and set(variant.configurations) == set(source.configurations):
            return BackendScorer(source.preprocessing, _backend(folder, variant))
    return source.scorer


def _backend(folder: Path, variant: Variant) -> Backend:
    files = {name: (folder / name).read_bytes() for name in variant.files}
    return load(variant.runtime, Model(files, variant.entry, variant.precision), Options())


def _require_room(artifact: Artifact, order: Order) -> None:
    """Check that an order adds to an artifact and changes nothing of it.

    Raises:
        ArtifactError: if it has a variant already, or thresholds would not fit those that are there.
    """
    faults = [
        f"has {target.name} already; leave it out, or export into a new folder"
        for target in order.targets
        if target.name in artifact.manifest.variants
    ]
    if order.dev is not None and not any(target.calibrated for target in order.targets):
        faults.append("has its thresholds already; leave out --dev, which here is for int8 alone")
    if fault := _unmeasured(order, measured=any(facts.threshold.split for facts in artifact.manifest.configurations.values())):
        faults.append(fault)
    if faults:
        raise ArtifactError(artifact.folder, faults)


def _unmeasured(order: Order, *, measured: bool) -> str:
    """What is wrong with an order for int8 files, whose scores are others, beside thresholds that were measured in fp32."""
    calibrated = [target.name for target in order.targets if target.calibrated]
    if order.dev is None and calibrated and measured:
        return f"has thresholds that were set in fp32; {calibrated[0]} needs its own, give --dev INDEX"
    return ""


def _configuration_facts(source: Source, configuration: Configuration, threshold: Threshold) -> ConfigurationFacts:
    cost = count(source.network.fixed(configuration), source.preprocessing.size)
    return ConfigurationFacts(parameters=cost.parameters, macs=cost.macs, threshold=threshold)


def _with(manifest: Manifest, added: Mapping[str, Variant]) -> Manifest:
    return manifest.model_copy(update={"variants": {**manifest.variants, **added}})


def _write(folder: Path, manifest: Manifest) -> None:
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _versions(*packages: str) -> dict[str, str]:
    return {package: version(package) for package in packages}


def write_licence(text: str, folder: Path) -> Licence:
    """Write a licence text beside the weights.

    Raises:
        ArtifactError: if it lacks its SPDX line or its first sentence.
    """
    licence = Licence.parse(text, LICENCE)
    (folder / LICENCE).write_text(text, encoding="utf-8")
    return licence


def _short_card(name: str, licence: Licence, configurations: Mapping[str, ConfigurationFacts]) -> str:
    rows = [
        f"| {text or 'plain'} | {facts.parameters:,} | {facts.macs:,} | {facts.threshold.value:.6g} | {facts.threshold.rule} |"
        for text, facts in configurations.items()
    ]
    return "\n".join(
        [
            f"# {name}",
            "",
            f"Licence of the weights: {licence.spdx}. {licence.summary}",
            "",
            "| configuration | parameters | multiply-adds | threshold | rule |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
