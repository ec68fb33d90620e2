"""What a full report costs on many scores: wall time and peak memory of ``livegate evaluate``, and where the time goes.

    python benchmarks/report_speed.py [--rows N] [--replicates N] [--json FILE]

Scores are generated: dev and test of half the rows each, 10 species, 7 configurations, 3 sources, 5 frames a clip, 8 clips a subject,
one frame in a thousand without a response. The bootstrap resamples clips. Needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from livegate.metrics import Rule, Scores, measure
from livegate.metrics.bootstrap import bootstrap
from livegate.metrics.curves import curves, histogram, reliability
from livegate.metrics.scores import Floats

CONFIGURATIONS = ("HHH", "LHH", "HLH", "HHL", "LLL", "BBB", "HLL")
SPECIES = (
    "print-a4",
    "print-photo",
    "poster",
    "mask-paper",
    "mask-upper",
    "mask-region",
    "mask-3d",
    "replay-pc",
    "replay-pad",
    "replay-phone",
)
SOURCES = ("set-one", "set-two", "set-three")
FRAMES, CLIPS = 5, 8
RULE = Rule.parse("bpcer=0.05")
KIB_A_UNIT = 1 if sys.platform == "linux" else 1 / 1024
"""Peak memory is counted in KiB on Linux, in bytes on macOS."""


def main() -> None:
    """Generate scores, run the command on them, then its parts one by one."""
    parser = argparse.ArgumentParser(description="Time and memory of a full report.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of dev and test together (default: 1,000,000)")
    parser.add_argument("--replicates", type=int, default=2000, help="of the bootstrap (default: 2000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        dev, test = (Path(name) / f"{split}.csv" for split in ("dev", "test"))
        for seed, file in enumerate((dev, test)):
            generated(file.stem, arguments.rows // 2, seed).write(file)
        results = {
            "rows": arguments.rows,
            "replicates": arguments.replicates,
            "size_mb": (dev.stat().st_size + test.stat().st_size) / 1e6,
            **command(dev, test, Path(name) / "report", arguments.replicates),
            "parts": parts(dev, test, arguments.replicates),
        }
    show(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def generated(split: str, rows: int, seed: int) -> Scores:
    """Scores whose frames lie about their clip, bona fide above attacks, each species a little further away."""
    random = np.random.default_rng(seed)
    clips = rows // len(CONFIGURATIONS) // FRAMES
    clip = np.repeat(np.arange(clips), FRAMES)
    kind = random.choice(len(SPECIES) + 1, clips, p=[0.4] + [0.06] * len(SPECIES))[clip]
    subject, source = clip // CLIPS, (clip // CLIPS) % len(SOURCES)
    columns: dict[str, Any] = {
        "species": [("", *SPECIES)[one] for one in kind],
        "clip": [f"clip-{one:06d}" for one in clip],
        "subject": [f"{split}-{one:05d}" for one in subject],
        "source": [SOURCES[one] for one in source],
        "split": split,
    }
    frames = zip(columns["source"], columns["subject"], columns["clip"], np.arange(clip.size) % FRAMES, strict=True)
    names = [f"{where}/{who}/{what}/frame-{frame:03d}.png" for where, who, what, frame in frames]

    def values() -> Floats:
        logits = (
            np.where(kind == 0, 3.0, -2.5 - 0.1 * kind) + random.normal(0, 1.5, clips)[clip] + random.normal(0, 0.7, clip.size)
        )
        return np.where(random.random(clip.size) < 0.001, np.nan, 1 / (1 + np.exp(-logits)))

    return Scores.join([Scores.build(names, values(), configuration=name, **columns) for name in CONFIGURATIONS])


def command(dev: Path, test: Path, out: Path, replicates: int) -> dict[str, float]:
    """Wall seconds, CPU seconds, and peak resident memory in MB (a million bytes) of ``livegate evaluate``."""
    options = ["--dev", dev, "--test", test, "--out", out, "--cluster", "clip", "--replicates", replicates]
    started = perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "livegate", "evaluate", *map(str, options)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"livegate evaluate ended with {process.returncode}"
    return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss * KIB_A_UNIT * 1024 / 1e6}


def parts(dev: Path, test: Path, replicates: int) -> dict[str, float]:
    """CPU seconds of each thing that a report is made of, on all configurations."""
    spent: dict[str, float] = {}

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        started = process_time()
        yield
        spent[part] = process_time() - started

    with timed("read and check"):
        pictures = [Scores.read(path) for path in (dev, test)]
    with timed("slice by configuration"):
        sliced = [[part.where(part.configuration == name) for part in pictures] for name in CONFIGURATIONS]
    with timed("reduce by clip"):
        clips = [[part.by_clip() for part in pair] for pair in sliced]
    with timed("figures of pictures and presentations"):
        for on, scores in (*sliced, *clips):
            measure(scores.values, scores.species, RULE.threshold(on.values, on.species, on.source, "dev"))
    with timed("curves, histograms, reliability"):
        for _, scores in clips:
            for draw in (curves, histogram, reliability):
                draw(scores.values, scores.species)
    with timed("bootstrap by clip"):
        for on, scores in clips:
            bootstrap(on, scores, RULE, by="clip", replicates=replicates)
    return spent


def show(results: Mapping[str, Any]) -> None:
    """Print the numbers."""
    table = Table(title="livegate evaluate")
    for heading in ("wall", "CPU", "peak memory"):
        table.add_column(heading, justify="right")
    table.add_row(f"{results['wall_s']:.1f} s", f"{results['cpu_s']:.1f} s", f"{results['peak_mb']:.0f} MB")
    spent = Table("part", title="Metrics alone, CPU time")
    spent.add_column("s", justify="right")
    for part, seconds in results["parts"].items():
        spent.add_row(part, f"{seconds:.1f}")
    spent.add_row("all", f"{sum(results['parts'].values()):.1f}")
    console = Console()
    console.print(f"{results['rows']:,} scores ({results['size_mb']:.0f} MB), {results['replicates']:,} replicates by clip")
    console.print(table)
    console.print(spent)


if __name__ == "__main__":
    main()
