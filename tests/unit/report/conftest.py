"""Score files and reports for the tests of reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from livegate.metrics import Scores
from livegate.report import Report, Resample, evaluate

HOSTILE = (
    '<script>alert("x")</script>',
    '"><img src=x onerror=alert(1)>',
    "a|b\n<i>`*_",
    "![p](http://x.example/p.png)",
    r"$\frac{1}{0}$ {{ 7 * 7 }} {% raw %}",
    "\x1b[31mred\x07\x7f",
    "\u202egnp.exe\u2066",
    "long" * 3000,
    "\u05d0\u05d1\u05d2 \u4f60\u597d \U0001f600",
)


def _made(split: str, *, clips: int = 8, configurations: tuple[str, ...] = ("HHH", "LLL"), **columns: Any) -> Scores:
    rows = [(name, clip, frame) for name in configurations for clip in range(clips) for frame in range(2)]
    bona = [clip % 2 == 0 for _, clip, _ in rows]
    given: dict[str, Any] = {
        "species": ["" if fine else "print" for fine in bona],
        "clip": [f"{split}{clip}" for _, clip, _ in rows],
        "subject": [f"{split}{clip}" for _, clip, _ in rows],
        "source": "made",
        "split": split,
        "configuration": [name for name, _, _ in rows],
    }
    values = [
        (90 - clip % 60) / 100 if fine or name == "LLL" else 0.1 for (name, clip, _), fine in zip(rows, bona, strict=True)
    ]
    return Scores.build([f"{split}/{clip}/{frame}.png" for _, clip, frame in rows], values, **(given | columns))


def _drawn(
    split: str, names: tuple[str, ...] = ("print", "replay"), configurations: tuple[str, ...] = ("HHH",), clips: int = 40
) -> Scores:
    kinds = ["", *names]
    rows = [(one, clip, kind) for one in configurations for clip in range(clips) for kind in range(len(kinds))]
    means = np.array([1.5 if kind == 0 else -1.5 for *_, kind in rows])
    logits = np.random.default_rng([*map(ord, split)]).normal(means, 1.5)
    return Scores.build(
        [f"{split}/{clip}/{kind}.png" for _, clip, kind in rows],
        1 / (1 + np.exp(-logits)),
        species=[kinds[kind] for *_, kind in rows],
        clip=[f"{clip}-{kind}" for _, clip, kind in rows],
        subject=[f"{split} {clip // 4} {names[clip % 4 % len(names)]}" for _, clip, _ in rows],
        source=[names[clip % 2 % len(names)] for _, clip, _ in rows],
        split=split,
        configuration=[one for one, *_ in rows],
        facts={"age": [names[clip % 3 % len(names)] for _, clip, _ in rows]},
    )


@pytest.fixture(scope="session")
def made() -> Callable[..., Scores]:
    """Clips of two frames, half of them bona fide at 0.90, 0.88, …, the rest prints at 0.1; LLL scores them as bona fide."""
    return _made


@pytest.fixture(scope="session")
def drawn() -> Callable[..., Scores]:
    """Random scores: as many clips of each species as of bona fide, several a subject; the names stand in every column."""
    return _drawn


@pytest.fixture(scope="session")
def reported() -> Callable[..., Report]:
    """A report on random scores, by age, with this many replicates."""

    def report(
        names: tuple[str, ...] = ("print", "replay"), configurations: tuple[str, ...] = ("HHH",), replicates: int = 0
    ) -> Report:
        dev, test = (_drawn(split, names, configurations) for split in ("dev", "test"))
        return evaluate(dev, test, by=("age",), resample=Resample(replicates=replicates))

    return report


@pytest.fixture(scope="session")
def hostile(reported: Callable[..., Report]) -> Report:
    """A report in which species, sources, subjects, groups and a configuration have names that break a page which trusts them."""
    return reported(HOSTILE, (HOSTILE[0], HOSTILE[5]))


@pytest.fixture(scope="session")
def report(reported: Callable[..., Report]) -> Report:
    """A report on two species, seven configurations, with bootstrap intervals."""
    return reported(configurations=("HHH", "LHH", "HLH", "HHL", "LLL", "BBB", "LLB"), replicates=20)
