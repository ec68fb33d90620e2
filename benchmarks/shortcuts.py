"""What a model could have learned instead of liveness, source by source.

    python benchmarks/shortcuts.py INDEX MODEL

MODEL is an artifact, a checkpoint or the folder of a run. Fitted on the split train, measured on dev, the heaviest configuration:

- D-EER of single trivial cues (a logistic regression of each family) beside the model's,
- the model on the same crops without colour, and with each crop's colours balanced to grey (grey world),
- a leak meter: how well a linear classifier tells the source from the model's features, over all pictures and over bona fide alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from livegate.configuration import Branch, Configuration
from livegate.data.cues import Cues, features
from livegate.data.index import Index
from livegate.decision import score_from_logits
from livegate.evaluation import BATCH, network_inputs
from livegate.export.reopened import reopened
from livegate.metrics import d_eer
from livegate.models.checkpoint import Checkpoint
from livegate.models.normalisation import normalise
from livegate.preprocessing import Pixels, to_input
from livegate.runtime.artifact import Artifact
from livegate.sample import Split

Floats = NDArray[np.float64]
FAMILIES: Mapping[str, slice] = {
    "colour": slice(0, 6),
    "sharpness": slice(6, 8),
    "framing": slice(8, 10),
    "all of these": slice(0, 10),
}
"""The columns of `livegate.data.cues.features`."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Shortcuts.")
    parser.add_argument("index", type=Path)
    parser.add_argument("model", type=Path)
    arguments = parser.parse_args()
    index = Index.read(arguments.index)
    index.require_labels()
    train, dev = (index.split(split) for split in (Split.TRAIN, Split.DEV))
    bona_fide, sources = facts(dev)

    rows = {f"cue: {name}": scores for name, scores in cue_scores(train, dev).items()}
    model = arguments.model
    checkpoint = reopened(Artifact.open(model)) if (model / "manifest.json").exists() else Checkpoint.load(model)
    for name, change in (("model", same), ("model, crops in grey", grey), ("model, crops balanced to grey", balanced)):
        _, rows[name] = run(checkpoint, dev, change)
    names = [name for name in sorted(set(sources)) if len(set(bona_fide[sources == name])) == 2]
    print("| D-EER on dev | all | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 2))
    for row, scores in rows.items():
        parts = [np.ones(len(sources), bool), *(sources == name for name in names)]
        found = [d_eer(scores[part & bona_fide], scores[part & ~bona_fide]) for part in parts]
        print(f"| {row} | " + " | ".join(f"{value:.1%}" for value in found) + " |")
    print()
    leaks(checkpoint, train, dev)


def facts(index: Index) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
    """Which pictures are bona fide, and the source of each."""
    return np.array([one.bona_fide for one in index.samples]), np.array([one.source for one in index.samples])


def cue_scores(train: Index, dev: Index) -> dict[str, Floats]:
    """Scores of dev by one family of cues each, and by the size of the file: what JPEG made of the picture."""
    fitted, measured = features(train.samples), features(dev.samples)
    labels, _ = facts(train)
    inputs = {name: (fitted[:, part], measured[:, part]) for name, part in FAMILIES.items()}
    inputs["bytes of the file"] = (bytes_of(train), bytes_of(dev))
    return {name: Cues.fit(before, labels).score(after) for name, (before, after) in inputs.items()}


def bytes_of(index: Index) -> Floats:
    """The logarithm of the size of each picture's file, (N, 1)."""
    return np.log([[one.path.stat().st_size] for one in index.samples])


def same(crop: Pixels) -> Pixels:
    """The crop as it is."""
    return crop


def grey(crop: Pixels) -> Pixels:
    """Three times the luma."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def balanced(crop: Pixels) -> Pixels:
    """Gains on the three colours that make their means equal."""
    means = crop.mean((0, 1)) + 1
    return np.asarray(np.clip(crop * (means.mean() / means), 0, 255), dtype=np.uint8)


def run(checkpoint: Checkpoint, index: Index, change: Callable[[Pixels], Pixels]) -> tuple[Floats, Floats]:
    """What the last block before the pooling gives, averaged over the picture (N, C), and the scores (N,)."""
    network = checkpoint.network()
    fixed = network.fixed(Configuration.uniform(Branch.HEAVY, network.adaptive_blocks)).eval()
    pooled, scores = [], []
    for images in batches(checkpoint, index, change):
        with torch.inference_mode():
            maps = fixed[:-1](normalise(torch.from_numpy(images), checkpoint.preprocessing))
            pooled.append(maps.mean((2, 3)).double().numpy())
            scores.append(score_from_logits(fixed[-1](maps).numpy()))
    return np.concatenate(pooled), np.concatenate(scores)


def batches(checkpoint: Checkpoint, index: Index, change: Callable[[Pixels], Pixels]) -> Iterator[NDArray[np.float32]]:
    """The inputs of the network, (N, 3, size, size)."""
    crops = [change(crop) for crop in network_inputs(index, checkpoint.preprocessing) if isinstance(crop, np.ndarray)]
    if len(crops) < len(index.samples):
        raise SystemExit(f"{len(index.samples) - len(crops)} of the pictures cannot be read")
    for start in range(0, len(crops), BATCH):
        yield to_input(crops[start : start + BATCH])


def leaks(checkpoint: Checkpoint, train: Index, dev: Index) -> None:
    """How well the source is told from the features, each source weighing the same."""
    fitted, unseen = run(checkpoint, train, same)[0], run(checkpoint, dev, same)[0]
    (train_bona, train_source), (dev_bona, dev_source) = facts(train), facts(dev)
    everything = np.ones_like(train_bona), np.ones_like(dev_bona)
    print("| the source told from the features | sources | chance | balanced accuracy on dev |\n|---|---|---|---|")
    for name, learned, told in (("all pictures", *everything), ("bona fide alone", train_bona, dev_bona)):
        known = learned & np.isin(train_source, dev_source[told])
        model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
        guess = model.fit(fitted[known], train_source[known]).predict(unseen[told])
        count = len(set(dev_source[told]))
        print(f"| {name} | {count} | {1 / count:.0%} | {balanced_accuracy_score(dev_source[told], guess):.1%} |")


if __name__ == "__main__":
    main()
