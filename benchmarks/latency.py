"""How long things take, on one thread: every configuration, the price of being able to switch, and the whole way.

    python benchmarks/latency.py [--checkpoint RUN] [--rounds N] [--json FILE]

Needs the extra ``onnx`` and scikit-image. Without a checkpoint the network has random weights, which take as long as trained ones. All
things are measured in one process, in turn, in many short rounds: a round keeps the fastest of a few calls of each thing, a ratio is
formed within a round, and of all rounds the median counts. So a machine that slows down or is shared moves the milliseconds and hardly
the ratios. The calls that go into one round are neighbours in time; nothing is timed right after it was first used.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from skimage import data

from livegate import Configuration, Gate
from livegate.capture import measure
from livegate.export.onnx import to_onnx
from livegate.faces import FaceFinder
from livegate.models.checkpoint import Checkpoint
from livegate.models.network import Network
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Pixels, Preprocessing, resize
from livegate.runtime.backends.onnx import OnnxBackend

NAMES = ("HHH", "LHH", "HLH", "HHL", "LLL", "BBB")
PAIRS = (("HHH", "LLL"), ("HHH", "BBB"), ("LLL", "BBB"))
"""Between these configurations every call alternates."""
NONE = Configuration(())
"""The configuration of a file that cannot switch."""
BURST = 5
"""Calls of one thing in a round, of which the fastest counts."""

Call = Callable[[], object]


def main() -> None:
    """Measure, print tables, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description="Latency on one thread.")
    parser.add_argument("--checkpoint", type=Path, help="weights to export; random ones without it")
    parser.add_argument("--rounds", type=int, default=100, help="rounds (default: 100)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    cv2.setNumThreads(1)

    network, preprocessing = built(arguments.checkpoint)
    switchable = OnnxBackend(to_onnx(network, preprocessing).SerializeToString(), threads=1)
    static = {name: alone(network, preprocessing, name) for name in NAMES}
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, preprocessing.size, preprocessing.size)).astype(np.float32)
    results = {
        "configurations": configurations(switchable, static, image, arguments.rounds),
        "alternating": alternating(switchable, image, arguments.rounds),
        "whole_way": whole_way(arguments.rounds),
    }
    console = Console()
    for table in tables(results):
        console.print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def built(checkpoint: Path | None) -> tuple[Network, Preprocessing]:
    """The network in evaluation mode and what its input goes through."""
    if checkpoint is None:
        return ModelSpec().build().eval(), Preprocessing()
    loaded = Checkpoint.load(checkpoint)
    return loaded.network(), loaded.preprocessing


def alone(network: Network, preprocessing: Preprocessing, name: str) -> OnnxBackend:
    """One configuration of the network in a file of its own, which has nothing to switch."""
    fixed = Network(network.fixed(Configuration.parse(name))).eval()
    return OnnxBackend(to_onnx(fixed, preprocessing).SerializeToString(), threads=1)


def configurations(
    switchable: OnnxBackend, static: Mapping[str, OnnxBackend], image: np.ndarray, rounds: int
) -> dict[str, dict[str, float]]:
    """Of each configuration: milliseconds, relative to HHH, and relative to a file that has only this configuration."""
    calls = {name: call(switchable, image, Configuration.parse(name)) for name in NAMES}
    calls |= {f"static {name}": call(backend, image, NONE) for name, backend in static.items()}
    # A configuration and its static twin stand side by side.
    times = in_turn({key: calls[key] for name in NAMES for key in (name, f"static {name}")}, rounds)
    return {
        name: {
            "ms": statistics.median(times[name]),
            "to_hhh": ratio(times[name], times["HHH"]),
            "to_static": ratio(times[name], times[f"static {name}"]),
        }
        for name in NAMES
    }


def alternating(switchable: OnnxBackend, image: np.ndarray, rounds: int) -> dict[str, dict[str, float]]:
    """Extra milliseconds of a call when every call has another configuration than the one before."""
    results = {}
    for pair in PAIRS:
        first, second = (call(switchable, image, Configuration.parse(name)) for name in pair)
        extra = []
        for _ in range(rounds):
            staying = fastest(first) + fastest(second)
            turns = [(timed(first), timed(second)) for _ in range(BURST + 1)][1:]
            extra.append((sum(min(column) for column in zip(*turns, strict=True)) - staying) / 2)
        results["-".join(pair)] = {"extra_ms": statistics.median(extra)}
    return results


def whole_way(rounds: int) -> dict[str, dict[str, float]]:
    """`Gate.check` with the default model on a picture of 640 x 480, and its parts."""
    gate, picture = Gate(), portrait()
    preprocessing = gate.engine.preprocessing
    finder, heaviest = FaceFinder(preprocessing.detection), gate.engine.manifest.choose(None)
    box = finder.find(picture)[0].box
    crop = preprocessing.crop(picture, box)
    calls: dict[str, Call] = {
        "Gate.check": lambda: gate.check(picture),
        "detector": lambda: finder.find(picture),
        "crop": lambda: preprocessing.crop(picture, box),
        "quality": lambda: measure(crop),
        f"network {heaviest}": lambda: gate.engine.scores([crop], heaviest),
    }
    times = in_turn(calls, rounds)
    return {name: {"ms": statistics.median(times[name]), "share": ratio(times[name], times["Gate.check"])} for name in calls}


def portrait() -> Pixels:
    """A face of about 100 pixels in a picture of 640 x 480: the astronaut (NASA, public domain) before a plain wall."""
    picture = np.full((480, 640, 3), 150, np.uint8)
    picture[:, 80:560] = resize(data.astronaut(), 480, 480)
    return picture


def call(backend: OnnxBackend, image: np.ndarray, configuration: Configuration) -> Call:
    """A call of the network alone."""
    return lambda: backend.logits(image, configuration)


def in_turn(calls: Mapping[str, Call], rounds: int) -> dict[str, list[float]]:
    """The fastest call of each thing in each round, in milliseconds; every other round runs backwards."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds):
        for name in list(calls)[:: -1 if number % 2 else 1]:
            times[name].append(fastest(calls[name]))
    return times


def fastest(function: Call) -> float:
    """The fastest of a few calls, in milliseconds; one more before them is not counted."""
    return min([timed(function) for _ in range(BURST + 1)][1:])


def timed(function: Call) -> float:
    """Milliseconds of one call."""
    started = perf_counter()
    function()
    return (perf_counter() - started) * 1000


def ratio(times: Sequence[float], base: Sequence[float]) -> float:
    """Median over the rounds of the ratio within a round."""
    return statistics.median(time / other for time, other in zip(times, base, strict=True))


def tables(results: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterable[Table]:
    """One table a group of results."""
    for title, rows in results.items():
        columns = list(next(iter(rows.values())))
        table = Table(title=title.replace("_", " "))
        table.add_column("")
        for column in columns:
            table.add_column(column.replace("_", " "), justify="right")
        for name, numbers in rows.items():
            table.add_row(name, *(f"{numbers[column]:.3f}" for column in columns))
        yield table


if __name__ == "__main__":
    main()
