"""What ``livegate check`` on one picture costs as a whole process: wall time, peak memory, imports.

    python benchmarks/startup.py [--runs N] [--json FILE]

Needs scikit-image for the picture, and Linux or macOS. Every run is a new process on a JPEG of 640 x 480 and must end with a decision.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table
from skimage import data

from livegate.preprocessing import resize

DECIDED = {0, 1}
"""Exit codes of a decision: bona fide or attack."""
KIB_A_UNIT = 1 if sys.platform == "linux" else 1 / 1024
"""Peak memory is counted in KiB on Linux, in bytes on macOS."""
TORCH_FREE = (
    "import atexit, sys; from livegate.cli.app import main; "
    "atexit.register(lambda: 'torch' in sys.modules and print('torch was imported', file=sys.stderr)); main()"
)


def main() -> None:
    """Run the command many times and print what it cost."""
    parser = argparse.ArgumentParser(description="Start-up cost of livegate check.")
    parser.add_argument("--runs", type=int, default=15, help="processes (default: 15), after one that is not counted")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        picture = portrait(Path(folder) / "face.jpg")
        require_no_torch(picture)
        runs = [run(picture) for _ in range(arguments.runs + 1)][1:]
        imports = slowest_imports(picture)
    results = {
        "runs": len(runs),
        "wall_s": statistics.median(wall for wall, _, _ in runs),
        "cpu_s": statistics.median(cpu for _, cpu, _ in runs),
        "peak_mb": statistics.median(peak for _, _, peak in runs),
        "largest_peak_mb": max(peak for _, _, peak in runs),
        "imports_ms": imports,
    }
    show(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def command(picture: Path) -> list[str]:
    """The command that is measured."""
    return ["-m", "livegate", "check", str(picture)]


def run(picture: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds, and peak resident memory in MB (a million bytes) of one process."""
    started = perf_counter()
    process = subprocess.Popen([sys.executable, *command(picture)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in DECIDED, f"livegate check ended with {process.returncode}"
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * KIB_A_UNIT * 1024 / 1e6


def require_no_torch(picture: Path) -> None:
    """Check that a decision needs no torch, also where it is installed."""
    outcome = subprocess.run(
        [sys.executable, "-c", TORCH_FREE, *command(picture)[2:]], capture_output=True, text=True, check=False
    )
    assert outcome.returncode in DECIDED, outcome.stderr
    assert "torch was imported" not in outcome.stderr


def slowest_imports(picture: Path, count: int = 10) -> dict[str, float]:
    """Milliseconds of the modules whose import takes longest, with all that they import; of nested ones each counts anew."""
    outcome = subprocess.run(
        [sys.executable, "-X", "importtime", *command(picture)], capture_output=True, text=True, check=False
    )
    lines = [line.removeprefix("import time:").split("|") for line in outcome.stderr.splitlines() if "|" in line]
    cost = {name.strip(): int(total) / 1000 for _, total, name in lines[1:] if total.strip().isdigit()}
    return dict(sorted(cost.items(), key=lambda item: -item[1])[:count])


def portrait(path: Path) -> Path:
    """A face of about 100 pixels in a JPEG of 640 x 480: the astronaut (NASA, public domain) before a plain wall."""
    picture = np.full((480, 640, 3), 150, np.uint8)
    picture[:, 80:560] = resize(data.astronaut(), 480, 480)
    cv2.imwrite(str(path), picture[..., ::-1])
    return path


def show(results: Mapping[str, Any]) -> None:
    """Print the numbers."""
    table = Table(title=f"livegate check on one JPEG of 640 x 480, {results['runs']} processes, medians")
    for heading in ("wall", "CPU", "peak memory", "largest peak"):
        table.add_column(heading, justify="right")
    cells = (f"{results['wall_s']:.2f} s", f"{results['cpu_s']:.2f} s", f"{results['peak_mb']:.0f} MB")
    table.add_row(*cells, f"{results['largest_peak_mb']:.0f} MB")
    imports = Table("module", title="Slowest imports, with what they import")
    imports.add_column("ms", justify="right")
    for name, cost in results["imports_ms"].items():
        imports.add_row(name, f"{cost:.0f}")
    console = Console()
    console.print(table)
    console.print(imports)


if __name__ == "__main__":
    main()
