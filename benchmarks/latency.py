"""How long a decision takes on one thread, from a picture of 640 x 480 to the answer, and which part of it takes how much.

    python benchmarks/latency.py [--rounds N] [--json FILE]

Needs scikit-image. What the network alone costs, in every configuration and runtime, ``livegate bench`` tells.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table
from skimage import data

from livegate import Gate
from livegate.capture import measure
from livegate.faces import FaceFinder
from livegate.preprocessing import Pixels, resize
from livegate.runtime.bench.timing import Call, in_turn


def main() -> None:
    """Measure, print a table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description="Latency of a decision on one thread.")
    parser.add_argument("--rounds", type=int, default=100, help="rounds (default: 100)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    results = whole_way(arguments.rounds)
    Console().print(table(results))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def whole_way(rounds: int) -> dict[str, dict[str, float]]:
    """`Gate.check` with the default model on a picture of 640 x 480, and its parts."""
    gate, picture = Gate(), portrait()
    preprocessing = gate.engine.preprocessing
    finder, heaviest = FaceFinder(preprocessing.detection), gate.engine.choose(None)
    box = finder.find(picture)[0].box
    crop = preprocessing.crop(picture, box)
    calls: dict[str, Call] = {
        "Gate.check": lambda: gate.check(picture),
        "detector": lambda: finder.find(picture),
        "crop": lambda: preprocessing.crop(picture, box),
        "quality": lambda: measure(crop),
        f"network {heaviest}": lambda: gate.engine.scores([crop], heaviest),
    }
    times = in_turn(calls, lambda number: number < rounds)
    return {name: {"ms": time.percentile(50), "share": time.ratio(times["Gate.check"])} for name, time in times.items()}


def portrait() -> Pixels:
    """A face of about 100 pixels in a picture of 640 x 480: the astronaut (NASA, public domain) before a plain wall."""
    picture = np.full((480, 640, 3), 150, np.uint8)
    picture[:, 80:560] = resize(data.astronaut(), 480, 480)
    return picture


def table(results: Mapping[str, Mapping[str, float]]) -> Table:
    """One row a part."""
    shown = Table("", title="whole way")
    for column in ("ms", "share"):
        shown.add_column(column, justify="right")
    for name, numbers in results.items():
        shown.add_row(name, *(f"{number:.3f}" for number in numbers.values()))
    return shown


if __name__ == "__main__":
    main()
