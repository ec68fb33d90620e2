"""What int8 costs in errors and saves in time: a file in integers beside the same network in fp32.

    python benchmarks/int8.py ARTIFACT INDEX [--split dev] [--runtime onnx] [--all] [--rounds N]

ARTIFACT has both files: ``livegate export … --to onnx,onnx-int8 --calibration INDEX --dev INDEX``. D-EER is pooled over species and
picture by picture; *moved* is the largest difference of a logit; *other decisions* is the share of pictures that one file accepts and the
other rejects, each at its own threshold. The ratio of latencies is formed as ``livegate bench`` does it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.data.index import Index
from livegate.decision import score_from_logits
from livegate.evaluation import BATCH, network_inputs
from livegate.metrics import Threshold, measure
from livegate.preprocessing import to_input
from livegate.runtime.bench.subjects import call
from livegate.runtime.bench.timing import in_turn
from livegate.runtime.engine import Engine

HEADER = ("configuration", "D-EER fp32", "D-EER int8", "points", "moved", "other decisions", "latency ratio")


def main() -> None:
    """Print one row a configuration."""
    parser = argparse.ArgumentParser(description="int8 beside fp32.")
    parser.add_argument("artifact", type=Path)
    parser.add_argument("index", type=Path)
    parser.add_argument("--split", default="dev")
    parser.add_argument("--runtime", default="onnx")
    parser.add_argument("--all", action="store_true", help="every configuration, not only the named few")
    parser.add_argument("--rounds", type=int, default=100, help="rounds of timing (default: 100)")
    arguments = parser.parse_args()

    engines = [Engine(arguments.artifact, runtime=arguments.runtime, precision=word) for word in ("fp32", "int8")]
    index = Index.read(arguments.index).split(arguments.split)
    blocks = engines[0].manifest.adaptive_blocks
    configurations = list(Configuration.enumerate(blocks) if arguments.all else Configuration.named(blocks))
    logits = scored(engines, index, configurations)
    bona_fide = np.array([sample.bona_fide for sample in index.samples])

    sizes = [sum(file.bytes for file in engine.variant.files.values()) / 1e6 for engine in engines]
    print(
        f"{arguments.split}: {bona_fide.sum()} bona fide + {(~bona_fide).sum()} attacks; {sizes[0]:.2f} MB and {sizes[1]:.2f} MB\n"
    )
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    for configuration, pair in zip(configurations, logits, strict=True):
        row = compared(engines, configuration, pair, bona_fide)
        print("| " + " | ".join([*row, f"{ratio(engines, configuration, arguments.rounds):.2f}"]) + " |", flush=True)


def scored(engines: Sequence[Engine], index: Index, configurations: Sequence[Configuration]) -> NDArray[np.float32]:
    """Logits of all pictures, (configurations, engines, N, 2); every picture must be readable."""
    found = [
        [[engine.logits(batch, configuration) for engine in engines] for configuration in configurations]
        for batch in batches(index, engines[0])
    ]
    return np.concatenate(found, axis=2)


def batches(index: Index, engine: Engine) -> Iterator[NDArray[np.float32]]:
    """The pictures of an index as input of the network."""
    crops = []
    for taken in network_inputs(index, engine.preprocessing):
        assert isinstance(taken, np.ndarray), taken
        crops.append(taken)
        if len(crops) == BATCH:
            yield to_input(crops)
            crops = []
    if crops:
        yield to_input(crops)


def compared(
    engines: Sequence[Engine], configuration: Configuration, logits: NDArray[np.float32], bona_fide: NDArray[np.bool_]
) -> list[str]:
    """The cells of a row that tell of errors."""
    scores = [score_from_logits(one) for one in logits]
    species = np.where(bona_fide, "", "attack")
    errors = [measure(one, species, Threshold(0.5, "fixed=0.5", "")).d_eer for one in scores]
    accepted = [engine.threshold(configuration).accepts(one) for engine, one in zip(engines, scores, strict=True)]
    moved, other = np.abs(logits[0] - logits[1]).max(), (accepted[0] != accepted[1]).mean()
    points = 100 * (errors[1] - errors[0])
    return [str(configuration), *(f"{error:.2%}" for error in errors), f"{points:+.2f}", f"{moved:.2f}", f"{other:.2%}"]


def ratio(engines: Sequence[Engine], configuration: Configuration, rounds: int) -> float:
    """Latency of the second engine over that of the first."""
    calls = {place: call(engine, configuration) for place, engine in enumerate(engines)}
    times = in_turn(calls, lambda number: number < rounds)
    return times[1].ratio(times[0])


if __name__ == "__main__":
    main()
