"""What can be told without looking at the face: a logistic regression on colour, sharpness, contrast and size of the stored picture.

    python benchmarks/trivial_cues.py INDEX

Trained on the split train, measured on dev, picture by picture. A model that is not clearly better than this has learned the capture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from livegate.data.cues import Cues, features
from livegate.data.index import Index
from livegate.metrics import Threshold, measure
from livegate.sample import Split

HALF = Threshold(0.5, "fixed=0.5", "")


def main() -> None:
    """Print the D-EER of the cues on dev, for each source."""
    parser = argparse.ArgumentParser(description="What trivial cues explain.")
    parser.add_argument("index", type=Path)
    index = Index.read(parser.parse_args().index)
    index.require_labels()
    train, dev = index.split(Split.TRAIN).samples, index.split(Split.DEV).samples
    cues = Cues.fit(features(train), np.array([sample.bona_fide for sample in train]))
    scores = cues.score(features(dev))
    species = np.array([sample.species or "" for sample in dev])
    sources = np.array([sample.source for sample in dev])

    print("| source of dev | bona fide + attacks | D-EER of trivial cues |\n| --- | --- | --- |")
    for name in ["all", *sorted(set(sources.tolist()))]:
        rows = np.ones(len(dev), bool) if name == "all" else sources == name
        report = measure(scores[rows], species[rows], HALF)
        print(f"| {name} | {report.bpcer.trials} + {report.apcer_pooled.trials} | {report.d_eer:.2%} |")


if __name__ == "__main__":
    main()
