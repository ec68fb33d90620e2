"""The whole benchmark of an artifact: every variant, every configuration, one run."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Branch, Configuration
from livegate.errors import LivegateError
from livegate.runtime.artifact import MANIFEST, Artifact
from livegate.runtime.backends.base import RUNTIMES
from livegate.runtime.bench.fresh import Loading, Peak, loading
from livegate.runtime.bench.subjects import Subject, call, foreign, subjects
from livegate.runtime.bench.timing import Call, Times, in_turn, switching
from livegate.runtime.engine import Engine
from livegate.runtime.manifest import target

WINDOW = 60.0
"""Seconds at the start and the end of sustained load that are compared."""
SWITCHING_ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        artifact: the model.
        runtimes: only these; None for all that are installed.
        configurations: which ones; without any, the few that `Configuration.named` gives.
        threads: of one call.
        cache: whether the forms that are made for this machine are measured, too, and so kept.
        static: a folder of artifacts that have one configuration each and its name, to compare with.
        against: other ONNX models, run in the same rounds.
        rounds: how many.
        minutes: go on for so long, whatever the number of rounds.
    """

    artifact: Artifact
    runtimes: list[str] | None = None
    configurations: Sequence[Configuration] = ()
    threads: int = 1
    cache: bool = False
    static: Path | None = None
    against: Sequence[Path] = ()
    rounds: int = 40
    minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """How long one configuration takes in one runtime.

    Attributes:
        variant: the runtime with its precision, and which form of the model it ran.
        configuration: its letters; for another model the path of its file.
        median_ms, p95_ms, p99_ms: of all calls.
        to_plain: relative to the network without adaptive blocks, which is the all-heavy configuration: in a file of its own where there is
            one, else in this file.
        to_static: relative to a file that has this configuration alone.
        share: multiply-adds in a second, relative to a product of large matrices on this machine in fp32.
        drift: the last minute of sustained load relative to the first.
        error: D-EER of this configuration on the split that set its threshold, as the manifest has it; None where that was not measured.
        static: whether this is such a file itself.
    """

    variant: str
    configuration: str
    median_ms: float
    p95_ms: float
    p99_ms: float
    to_plain: float | None = None
    to_static: float | None = None
    share: float | None = None
    drift: float | None = None
    error: float | None = None
    static: bool = False


@dataclass(frozen=True, slots=True)
class VariantRow:
    """What one variant costs besides its calls.

    Attributes:
        variant: as in `Row`.
        version: of the runtime.
        bytes: of its files.
        loading: in a fresh process.
        static_loading: of all its static files in one fresh process; None where there are none.
        switch_ms: extra time of a call when the heaviest and the lightest configuration alternate; None where there is only one.
    """

    variant: str
    version: str
    bytes: int
    loading: Loading
    static_loading: Loading | None
    switch_ms: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """All that was measured.

    Attributes:
        model: its name.
        machine: processor, cores, system, versions, threads.
        peak_gmacs: thousand million multiply-adds in a second of a product of large matrices, the median over the run.
        rounds: how many there were.
        seconds: how long they took.
        variants: one for each variant and form.
        rows: one for each of their configurations, and for each other model.
    """

    model: str
    machine: Mapping[str, Any]
    peak_gmacs: float
    rounds: int
    seconds: float
    variants: Sequence[VariantRow]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class _Key:
    """What is called: a configuration of a variant, its static twin, or another model."""

    variant: str
    configuration: str
    static: bool = False


@dataclass(frozen=True, slots=True)
class _Thing:
    call: Call
    macs: int | None = None
    error: float | None = None


def measure(plan: Plan, advance: Callable[[float], None] = lambda _: None) -> Result:
    """Measure a model on this machine.

    Args:
        plan: what.
        advance: called with the share of the work that was done since the last call; the shares sum to 1.

    Raises:
        LivegateError: if something cannot be run.
    """
    chosen = subjects(plan.artifact, plan.runtimes, plan.threads, cache=plan.cache)
    twins = {subject.name: _twins(plan, subject) for subject in chosen}
    engines = {subject.name: subject.load() for subject in chosen}
    things = dict(_things(plan, engines, twins))
    peaks: list[float] = []
    with Peak(plan.threads) as peak:
        times, seconds = _timed(plan, things, lambda: peaks.append(peak.rate()), advance)
    return Result(
        model=plan.artifact.manifest.name,
        machine=machine(plan.threads),
        peak_gmacs=float(np.median(peaks)) / 1e9,
        rounds=len(peaks),
        seconds=seconds,
        variants=[_variant_row(subject, engines[subject.name], twins[subject.name]) for subject in chosen],
        rows=[_row(key, thing, times, np.array(peaks), _plain_key(key, times)) for key, thing in things.items()],
    )


def machine(threads: int) -> dict[str, Any]:
    """What a figure depends on besides the model."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "livegate": version("livegate"),
        "runtimes": {facts.package: facts.version for facts in RUNTIMES.values() if facts.installed},
        "threads": threads,
    }


def _timed(
    plan: Plan, things: Mapping[_Key, _Thing], between: Callable[[], None], advance: Callable[[float], None]
) -> tuple[dict[_Key, Times], float]:
    """All things in turn for as long as the plan says."""
    started, done = perf_counter(), 0.0

    def more(number: int) -> bool:
        nonlocal done
        elapsed = perf_counter() - started
        share = max(min(1.0, number / plan.rounds), 0) if not plan.minutes else min(1.0, elapsed / (60 * plan.minutes))
        advance(share - done)
        done = share
        if number and share >= 1:
            return False
        between()
        return True

    times = in_turn({key: thing.call for key, thing in things.items()}, more)
    return times, perf_counter() - started


def _things(
    plan: Plan, engines: Mapping[str, Engine], twins: Mapping[str, Mapping[str, Subject]]
) -> Iterator[tuple[_Key, _Thing]]:
    """Everything that is called; a configuration and its static twin stand side by side."""
    manifest = plan.artifact.manifest
    wanted = plan.configurations or Configuration.named(manifest.adaptive_blocks)
    for name, engine in engines.items():
        held = [configuration for configuration in wanted if configuration in engine.configurations]
        if not held:
            raise LivegateError(f"{name} holds none of {', '.join(map(str, wanted))}")
        for configuration in held:
            text = str(configuration)
            facts = manifest.configurations[text]
            measured = manifest.provenance.quality if engine.variant.precision == "fp32" else engine.variant.quality
            error = measured[text].error if text in measured else None
            yield _Key(name, text), _Thing(call(engine, configuration), facts.macs, error)
            if text in twins[name]:
                static = twins[name][text].load()
                yield _Key(name, text, static=True), _Thing(call(static, static.configurations[0]), facts.macs)
    for path in plan.against:
        yield _Key("onnx", str(path)), _Thing(foreign(path, manifest.preprocessing.size, plan.threads))


def _twins(plan: Plan, subject: Subject) -> dict[str, Subject]:
    """The same variant of each artifact that has one configuration, by its letters.

    A static file has no gates to open, so that its cached form is the portable one.
    """
    if plan.static is None:
        return {}
    folders = {name: plan.static / name for name in plan.artifact.manifest.configurations if name}
    there = {name: Artifact.open(folder).manifest for name, folder in folders.items() if (folder / MANIFEST).is_file()}
    if not there:
        example = f"{plan.static}/{plan.artifact.manifest.default_configuration}"
        raise LivegateError(f"{plan.static} has no folder {example} or the like; make it with livegate export … --fixed")
    return {
        name: Subject(folders[name], subject.runtime, subject.precision, subject.threads)
        for name, manifest in there.items()
        if target(subject.runtime, subject.precision) in manifest.variants
    }


def _plain_key(key: _Key, times: Mapping[_Key, Times]) -> _Key | None:
    """What stands for the network without adaptive blocks in the same runtime: the all-heavy configuration, alone if it can be."""
    heavy = str(Configuration.uniform(Branch.HEAVY, len(key.configuration)))
    return next((plain for plain in (_Key(key.variant, heavy, static=True), _Key(key.variant, heavy)) if plain in times), None)


def _row(key: _Key, thing: _Thing, times: Mapping[_Key, Times], peaks: NDArray[np.float64], plain: _Key | None) -> Row:
    mine, twin = times[key], _Key(key.variant, key.configuration, static=True)
    rate = None if thing.macs is None else thing.macs / (mine.best / 1000)
    return Row(
        variant=key.variant,
        configuration=key.configuration,
        median_ms=mine.percentile(50),
        p95_ms=mine.percentile(95),
        p99_ms=mine.percentile(99),
        to_plain=mine.ratio(times[plain]) if plain and thing.macs is not None else None,
        to_static=mine.ratio(times[twin]) if twin in times and not key.static else None,
        share=None if rate is None else float(np.median(rate / peaks)),
        drift=mine.drift(WINDOW),
        error=thing.error,
        static=key.static,
    )


def _variant_row(subject: Subject, engine: Engine, twins: Mapping[str, Subject]) -> VariantRow:
    heaviest, lightest = engine.choose("heaviest"), engine.choose("lightest")
    switch = None
    if heaviest != lightest:
        switch = switching(call(engine, heaviest), call(engine, lightest), SWITCHING_ROUNDS)
    return VariantRow(
        variant=subject.name,
        version=RUNTIMES[subject.runtime].version,
        bytes=engine.variant.bytes,
        loading=loading([subject]),
        static_loading=loading(list(twins.values())) if twins else None,
        switch_ms=switch,
    )


def _processor() -> str:
    """Its name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
