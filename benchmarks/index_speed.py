"""How long an index of the size of CelebA-Spoof takes to read and check, and to write.

    python benchmarks/index_speed.py [--rows N] [--runs N] [--json FILE]

The index is made up: paths, labels, subjects, a box and four facts for each of 625,537 pictures that do not exist. Wall time counts a
machine's other work, too; processor time hardly does.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

from rich.console import Console
from rich.table import Table

from livegate.data.index import COLUMNS, Index

ROWS = 625_537
FACTS = ("illumination", "environment", "sex", "age")
SPECIES = ("", "photo", "face-mask", "phone")
MIB_A_UNIT = 1024 if sys.platform == "linux" else 1024 * 1024
"""Peak memory is counted in KiB on Linux, in bytes on macOS."""


def main() -> None:
    """Write a large index, read it some times, and print what it cost."""
    parser = argparse.ArgumentParser(description="Reading and writing a large index.")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"pictures (default: {ROWS:,})")
    parser.add_argument("--runs", type=int, default=3, help="of which the fastest counts (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.csv"
        make(path, arguments.rows)
        results = {"rows": arguments.rows, "read": fastest(lambda: Index.read(path), arguments.runs)}
        results["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB_A_UNIT
        index = Index.read(path)
        results["write"] = fastest(lambda: index.write(Path(folder) / "copy.csv"), arguments.runs)
        assert Index.read(Path(folder) / "copy.csv").samples == index.samples
    show(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def make(path: Path, rows: int) -> None:
    """Write an index of pictures that do not exist."""
    rng = random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*(column for column in COLUMNS if column != "landmarks"), *FACTS])
        for number in range(rows):
            split, subject, species = ("test" if number % 9 == 0 else "train"), str(number // 61), SPECIES[number % 4]
            name = f"CelebA_Spoof/Data/{split}/{subject}/{'spoof' if species else 'live'}/{number:06d}.jpg"
            box = " ".join(str(rng.randrange(1, 300)) for _ in range(4))
            facts = ("normal", "indoor", "", "") if species else ("", "", rng.choice(("female", "male")), "young")
            writer.writerow([name, "celeba-spoof", split, subject, species, "", box, *facts])


def fastest(call: Callable[[], object], runs: int) -> dict[str, float]:
    """Seconds of the fastest run: on the clock, and of the processor."""
    walls, cpus = [], []
    for _ in range(runs):
        started, worked = perf_counter(), process_time()
        call()
        walls.append(perf_counter() - started)
        cpus.append(process_time() - worked)
    return {"wall_s": min(walls), "cpu_s": min(cpus)}


def show(results: dict[str, dict[str, float]]) -> None:
    """Print the numbers."""
    table = Table("", title=f"An index of {results['rows']:,} pictures, fastest run; reading took {results['peak_mb']:.0f} MiB")
    table.add_column("wall", justify="right")
    table.add_column("CPU", justify="right")
    for name in ("read", "write"):
        table.add_row(name, f"{results[name]['wall_s']:.1f} s", f"{results[name]['cpu_s']:.1f} s")
    Console().print(table)


if __name__ == "__main__":
    main()
