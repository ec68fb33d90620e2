"""What can be told without looking at the face: a logistic regression on colour, sharpness, contrast and size of the stored picture.

    python benchmarks/trivial_cues.py INDEX

Trained on the split train, measured on dev, picture by picture. A model that is not clearly better than this has learned the capture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from livegate.capture import whole
from livegate.data.index import Index
from livegate.metrics import d_eer
from livegate.pictures import read
from livegate.preprocessing import Preprocessing
from livegate.sample import Sample


def main() -> None:
    """Print the D-EER of the cues on dev, for each source."""
    parser = argparse.ArgumentParser(description="What trivial cues explain.")
    parser.add_argument("index", type=Path)
    index = Index.read(parser.parse_args().index)
    index.require_labels()
    train, dev = index.split("train").samples, index.split("dev").samples
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, class_weight="balanced"))
    model.fit(features(train), bona_fide(train))
    scores, labels = model.predict_proba(features(dev))[:, 1], bona_fide(dev)
    sources = np.array([sample.source for sample in dev])

    print("| source of dev | bona fide + attacks | D-EER of trivial cues |\n| --- | --- | --- |")
    for name in ["all", *sorted(set(sources.tolist()))]:
        rows = np.ones(len(dev), bool) if name == "all" else sources == name
        live, attack = scores[rows & labels], scores[rows & ~labels]
        print(f"| {name} | {live.size} + {attack.size} | {d_eer(live, attack):.2%} |")


def features(samples: tuple[Sample, ...]) -> NDArray[np.float64]:
    """(N, 10): means and deviations of the colours, sharpness, and how much larger than the face the picture is."""
    return np.array([cues(sample) for sample in samples])


def cues(sample: Sample) -> list[float]:
    """The cues of one picture."""
    picture = read(sample.path)
    box = sample.box or whole(picture)
    crop = Preprocessing().crop(picture, box)
    laplacian = cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
    framing = min(picture.shape[:2]) / max(box.width, box.height)
    blurred = cv2.GaussianBlur(crop, (0, 0), 2)
    detail = float(np.abs(crop.astype(np.int16) - blurred).mean())
    colours = [*crop.mean((0, 1)), *crop.std((0, 1))]
    return [*(float(value) for value in colours), float(np.log1p(laplacian.var())), detail, framing, float(sample.box is None)]


def bona_fide(samples: tuple[Sample, ...]) -> NDArray[np.bool_]:
    """(N,): which samples are bona fide."""
    return np.array([sample.bona_fide for sample in samples])


if __name__ == "__main__":
    main()
