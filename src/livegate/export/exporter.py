"""From a checkpoint to an artifact: the file, the proof that it agrees, thresholds, and a manifest that states it all."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate import evaluation
from livegate.configuration import Branch, Configuration
from livegate.data.generated import generated_set
from livegate.data.index import Index
from livegate.errors import ArtifactError
from livegate.export import parity
from livegate.export.onnx import to_onnx
from livegate.metrics.pad import Rule, Threshold, measure
from livegate.metrics.scores import Scores
from livegate.models.checkpoint import Checkpoint
from livegate.models.counting import count
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer
from livegate.pictures import read
from livegate.preprocessing import Preprocessing, to_input
from livegate.runtime.artifact import (
    MANIFEST,
    Artifact,
    ConfigurationFacts,
    Entry,
    Golden,
    Licence,
    Manifest,
    Parity,
    Provenance,
    Quality,
    Variant,
)
from livegate.runtime.backends.onnx import OnnxBackend

PARITY_PICTURES = 64
GOLDEN_PICTURES = 4
SHIPPED_RULE = "bpcer=0.05"
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


def export(  # noqa: PLR0913 - keyword-only, each an independent fact of the artifact
    checkpoint: Checkpoint,
    out: Path,
    *,
    name: str,
    papers: Papers,
    dev: Index | None = None,
    rule: str = SHIPPED_RULE,
    advance: Callable[[int], None] = lambda _: None,
) -> Path:
    """Write an artifact folder, whole or not at all.

    Args:
        checkpoint: the network.
        out: the folder; it must not exist yet.
        name: what the artifact is called.
        papers: card and licence.
        dev: sets the threshold of each configuration; without it the larger logit wins.
        rule: how thresholds are set, as `livegate.metrics.pad.Rule` reads it.
        advance: called with the number of dev pictures done since the last call.

    Returns:
        The folder.

    Raises:
        ParityError: if the file disagrees with the network.
        ArtifactError: if ``out`` exists, the name has other characters than letters, digits, _ . and -, or the licence lacks its SPDX line.
        MetricError: if dev cannot set a threshold.
    """
    if out.exists():
        raise ArtifactError(out, ["exists already; choose another folder or remove it"])
    if not re.fullmatch(r"[\w.-]+", name):
        raise ArtifactError(
            out, [f"name {name!r} must be made of letters, digits, '_', '.' and '-'; give another one with --name"]
        )
    network = checkpoint.network()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        folder = Path(scratch) / out.name
        folder.mkdir()
        _fill(folder, checkpoint, network, name, papers, _Calibration(dev, Rule.parse(rule), advance))
        Artifact.open(folder)
        folder.replace(out)
    return out


@dataclass(frozen=True, slots=True)
class _Calibration:
    dev: Index | None
    rule: Rule
    advance: Callable[[int], None]

    def facts(
        self, scorer: evaluation.Scorer, configurations: Sequence[Configuration]
    ) -> dict[str, tuple[Threshold, Quality | None]]:
        """The threshold of each configuration, and how good it is on dev where there is one."""
        if self.dev is None:
            return {str(c): (Threshold(evaluation.ARGMAX, f"fixed={evaluation.ARGMAX}", ""), None) for c in configurations}
        self.dev.require_labels()
        scores = evaluation.score(scorer, self.dev, configurations, advance=self.advance)
        return {str(c): self._fact(scores.where(scores.configuration == str(c))) for c in configurations}

    def _fact(self, scores: Scores) -> tuple[Threshold, Quality]:
        split = ",".join(sorted(set(scores.split.tolist()))) or "dev"
        threshold = self.rule.threshold(scores.values, scores.species, scores.source, split)
        bona_fide = int(scores.bona_fide.sum())
        report = measure(scores.values, scores.species, threshold)
        return threshold, Quality(split=split, bona_fide=bona_fide, attacks=len(scores) - bona_fide, d_eer=report.d_eer)


@dataclass(frozen=True, slots=True)
class _BackendScorer:
    """A backend with the preprocessing that it needs."""

    preprocessing: Preprocessing
    backend: OnnxBackend

    def logits(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        return self.backend.logits(images, configuration)


def _fill(  # noqa: PLR0913 - every part of the artifact meets here
    folder: Path, checkpoint: Checkpoint, network: Network, name: str, papers: Papers, calibration: _Calibration
) -> None:
    configurations = list(Configuration.enumerate(network.adaptive_blocks))
    preprocessing = checkpoint.preprocessing
    licence = _licence(papers.licence, folder)  # first, since what follows takes minutes
    model = to_onnx(network, preprocessing).SerializeToString()
    (folder / "model.onnx").write_bytes(model)
    backend, images = OnnxBackend(model, threads=1), _pictures(preprocessing)

    difference = parity.largest_difference(TorchScorer(network, preprocessing), backend, images, configurations)
    parity.require(difference, parity.TOLERANCE, "the ONNX model in ONNX Runtime")
    calibrated = calibration.facts(_BackendScorer(preprocessing, backend), configurations)
    _write_golden(folder / "golden.npz", network, preprocessing, images[:GOLDEN_PICTURES], configurations)
    by_configuration = {
        str(c): _configuration_facts(network, c, preprocessing.size, calibrated[str(c)][0]) for c in configurations
    }
    (folder / "CARD.md").write_text(papers.card or _short_card(name, licence, by_configuration), encoding="utf-8")
    manifest = Manifest(
        schema_version=1,
        name=name,
        task="liveness",
        outputs=("bona-fide", "attack"),
        adaptive_blocks=network.adaptive_blocks,
        default_configuration=str(Configuration.uniform(Branch.HEAVY, network.adaptive_blocks)),
        preprocessing=preprocessing,
        configurations=by_configuration,
        variants={
            "onnx": Variant(
                file="model.onnx",
                sha256=_sha256(folder / "model.onnx"),
                bytes=len(model),
                precision="fp32",
                entry=Entry(kind="input", name="configuration", values={str(c): c.codes for c in configurations}),
                parity=Parity(pictures=len(images), largest=difference, tolerance=parity.TOLERANCE),
            )
        },
        golden=Golden(file="golden.npz", sha256=_sha256(folder / "golden.npz"), tolerance=parity.TOLERANCE),
        provenance=Provenance(
            recipe=checkpoint.recipe,
            training=checkpoint.notes,
            versions={package: version(package) for package in ("livegate", "torch", "onnx", "onnxruntime", "numpy")},
            quality={text: quality for text, (_, quality) in calibrated.items() if quality is not None},
        ),
        licence=licence,
        files={file: _sha256(folder / file) for file in ("CARD.md", licence.file)},
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _pictures(preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Generated faces, bona fide and attacks, as input of the network."""
    with tempfile.TemporaryDirectory() as folder:
        index = Index.read(generated_set(Path(folder), subjects=6, pictures=12))
        chosen = index.samples[:: max(1, len(index.samples) // PARITY_PICTURES)][:PARITY_PICTURES]
        crops = [preprocessing.crop(read(sample.path), sample.box) for sample in chosen if sample.box]
    return to_input(crops)


def _write_golden(
    path: Path,
    network: Network,
    preprocessing: Preprocessing,
    images: NDArray[np.float32],
    configurations: Sequence[Configuration],
) -> None:
    """``images`` uint8 (n, 3, size, size), ``configurations`` text (m,), ``logits`` float32 (m, n, 2) as torch computes them."""
    scorer = TorchScorer(network, preprocessing)
    logits = np.stack([scorer.logits(images, configuration) for configuration in configurations])
    names = np.array([str(configuration) for configuration in configurations], dtype=np.str_)
    np.savez_compressed(path, images=images.astype(np.uint8), configurations=names, logits=logits)


def _configuration_facts(network: Network, configuration: Configuration, size: int, threshold: Threshold) -> ConfigurationFacts:
    cost = count(network.fixed(configuration), size)
    return ConfigurationFacts(parameters=cost.parameters, macs=cost.macs, threshold=threshold)


def _licence(text: str, folder: Path) -> Licence:
    first, _, rest = text.partition("\n")
    label, _, spdx = first.partition(":")
    summary = " ".join(rest.strip().split("\n\n")[0].split())
    if label != "SPDX-License-Identifier" or not spdx.strip() or not summary:
        raise ArtifactError("the licence text", ["must begin with 'SPDX-License-Identifier: …' and then one plain sentence"])
    (folder / "LICENSE").write_text(text, encoding="utf-8")
    return Licence(spdx=spdx.strip(), summary=summary, file="LICENSE")


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
