"""The programs in Python run as their first lines say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from livegate import Gate


def run(*arguments: object) -> str:
    """What a Python program prints."""
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def test_switch_says_what_the_gate_says(examples: Path, astronaut: Path) -> None:
    """A line for each configuration, with the status and the score of `Gate`."""
    gate, lines = Gate(), run(examples / "switch.py", astronaut).splitlines()

    assert [line.split()[0] for line in lines] == ["HHH", "LLL", "BBB"]
    for line in lines:
        configuration, status, score = line.split()
        decision = gate.check(astronaut, configuration)
        assert (status, float(score)) == (decision.status, decision.score)


def test_crop_writes_what_the_model_takes(examples: Path, astronaut: Path, tmp_path: Path) -> None:
    """The PPM file has the size of the input, and gets the score that the whole picture gets."""
    run(examples / "crop.py", astronaut, tmp_path / "face.ppm")
    face = np.asarray(Image.open(tmp_path / "face.ppm"))
    engine = Gate().engine

    assert face.shape == (128, 128, 3)
    assert engine.scores([face], engine.choose(None))[0] == Gate().check(astronaut).score
