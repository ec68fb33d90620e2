"""What can only be measured in a fresh process: loading a model, and the memory that it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Self

import numpy as np

from livegate.errors import LivegateError
from livegate.runtime.artifact import Artifact
from livegate.runtime.backends.base import RUNTIMES
from livegate.runtime.bench.subjects import Subject, call
from livegate.runtime.bench.timing import timed

TIMEOUT = 600
MATRIX = 768
"""Side of the matrices whose product tells the peak of a core: they fit its cache, and the product takes about 10 ms."""


@dataclass(frozen=True, slots=True)
class Loading:
    """What it takes to have a model ready, in a process that has imported the runtime and nothing else.

    Attributes:
        load_ms: from the artifact's folder to a model that can be called.
        first_ms: the first call.
        added_mb: memory that is there once every configuration was called, and was not before loading; None where the system does not tell.
        peak_mb: the most memory that the whole process had; None likewise.
    """

    load_ms: float
    first_ms: float
    added_mb: float | None
    peak_mb: float | None


def loading(subjects: Sequence[Subject], runs: int = 3) -> Loading:
    """Load models in a fresh process: the median of several processes.

    Args:
        subjects: one model, or several that are to be in memory at once; times are those of all together.
        runs: processes.

    Raises:
        LivegateError: if a process fails.
    """
    given = json.dumps([{**asdict(subject), "folder": str(subject.folder)} for subject in subjects])
    found = [json.loads(_child("print(json.dumps(fresh.load_here(sys.argv[1])))", given)) for _ in range(runs)]
    middle: dict[str, Any] = {
        key: None if None in (values := [run[key] for run in found]) else median(values) for key in found[0]
    }
    return Loading(**middle)


def load_here(given: str) -> dict[str, float | None]:
    """Load models in this process; what `loading` runs in a fresh one.

    Args:
        given: the subjects, as JSON.
    """
    subjects = [Subject(**{**facts, "folder": Path(facts["folder"])}) for facts in json.loads(given)]
    for subject in subjects:
        Artifact.open(subject.folder)
        import_module(RUNTIMES[subject.runtime].module)
    before, started = _status("VmRSS"), perf_counter()
    engines = [subject.load() for subject in subjects]
    load_ms = (perf_counter() - started) * 1000
    first_ms = sum(timed(call(engine, engine.configurations[0])) for engine in engines)
    for engine in engines:
        for configuration in engine.configurations:
            call(engine, configuration)()
    after = _status("VmRSS")
    added = None if before is None or after is None else after - before
    return {"load_ms": load_ms, "first_ms": first_ms, "added_mb": added, "peak_mb": _status("VmHWM")}


class Peak:
    """Measures, in a process of its own, how fast this core multiplies matrices: a bound for everything that computes in fp32.

    Use it as a context, and `rate` between the things that it is compared with.

    Args:
        threads: how many threads the product uses.
    """

    def __init__(self, threads: int) -> None:
        # The matrix library reads how many threads it may use when it is loaded, so that this process cannot tell it any more.
        names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
        code = f"{_IMPORTS}\nfor _ in sys.stdin: print(fresh.multiply(), flush=True)"
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, on code that stands here
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | dict.fromkeys(names, str(threads)),
            start_new_session=True,  # an interrupt is for this process, which ends that one
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def rate(self) -> float:
        """Multiply-adds in a second, now.

        Raises:
            LivegateError: if the process has died.
        """
        pipes = self._process.stdin, self._process.stdout
        try:
            pipes[0].write("\n")  # type: ignore[union-attr] # both are pipes
            pipes[0].flush()  # type: ignore[union-attr]
            return float(pipes[1].readline())  # type: ignore[union-attr]
        except (OSError, ValueError):
            raise LivegateError("the process that measures this machine's peak has ended") from None


def multiply() -> float:
    """Multiply-adds in a second of the fastest of a few products of two matrices, in this process."""
    a, b = (np.random.default_rng(seed).random((MATRIX, MATRIX), dtype=np.float32) for seed in (0, 1))
    return MATRIX**3 / (min(timed(lambda: a @ b) for _ in range(4)) / 1000)


_IMPORTS = "import json, sys\nfrom livegate.runtime.bench import fresh"


def _child(code: str, *arguments: str) -> str:
    """What code prints in a fresh interpreter: its last line, since some runtimes print, too."""
    command = [sys.executable, "-c", f"{_IMPORTS}\n{code}", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False, start_new_session=True)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise LivegateError(f"a model did not load within {TIMEOUT} s") from None
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise LivegateError(f"a model cannot be loaded in a fresh process: {reason[-1]}")
    return done.stdout.strip().splitlines()[-1]


def _status(field: str) -> float | None:
    """A number of megabytes that Linux tells of this process; None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text("ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{field}:")), None)
