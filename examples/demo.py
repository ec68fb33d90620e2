"""What ``make demo`` runs: real faces, simulated attacks on them, and what the default model says about each.

    python examples/demo.py [--out DIR]

It needs the base install of Livegate and scikit-image, which ships two photographs of people that anyone may pass on. Everything else
is made from them here: nothing is downloaded, and every run makes the same pixels.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table
from skimage import data

from livegate import Configuration, Decision, Gate, Status
from livegate.cli.annotate import annotated, save
from livegate.cli.check import WORDS
from livegate.data.simulate import print_capture, recapture, replay_capture
from livegate.files import write
from livegate.pictures import encoded
from livegate.preprocessing import Pixels, resize
from livegate.sample import Box

CONFIGURATIONS = ("HHH", "LLL", "BBB")
CALLS = 50
"""How often each configuration is timed."""
SIMULATIONS: Mapping[str, tuple[Callable[..., Pixels], Status, int]] = {
    "another camera": (recapture, Status.BONA_FIDE, 1),
    "print 1": (print_capture, Status.ATTACK, 1),
    "print 2": (print_capture, Status.ATTACK, 2),
    "replay 1": (replay_capture, Status.ATTACK, 1),
    "replay 2": (replay_capture, Status.ATTACK, 2),
}
"""What is made of each photograph: how, what that is, and the seed of its chance."""
WARNING = "Simulated captures are no test set: they show how Livegate is used, not how good it is. The model card has its error rates."
TILE = 360
"""Width of a picture on the contact sheet."""


@dataclass(frozen=True, slots=True)
class Case:
    """A picture, and what it really is."""

    name: str
    truth: Status
    pixels: Pixels


class Times(NamedTuple):
    """Medians in milliseconds: the network alone, and the whole way from the picture to the decision."""

    network: float
    whole: float


def main() -> None:
    """Judge the pictures, time the configurations, draw the decisions."""
    parser = argparse.ArgumentParser(description="What the default model says about real and simulated captures of two faces.")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the annotated pictures (default: demo)")
    folder: Path = parser.parse_args().out
    cv2.setNumThreads(1)  # the network uses one thread too, so the times are those of one core
    console = Console()
    if not console.is_terminal:
        console = Console(width=110)

    gate = Gate()
    gate.warm_up()
    cases = list(all_cases())
    decisions = {case.name: [gate.check(case.pixels, configuration) for configuration in CONFIGURATIONS] for case in cases}
    console.print(decision_table(gate, cases, decisions))
    console.print(latency_table(measured(gate, cases[0].pixels), cases[0].pixels))

    for case in cases:
        save(case.pixels, decisions[case.name], folder, case.name.replace(", ", "-").replace(" ", "-"))
    write(folder / "sheet.jpg", encoded(sheet(cases, decisions), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 92), "the contact sheet")
    console.print(f"The pictures with their decisions are in {folder.resolve()}; sheet.jpg shows all of them.", soft_wrap=True)
    console.print(f"\n{WARNING}", soft_wrap=True)


def all_cases() -> Iterator[Case]:
    """Each photograph, and the captures simulated from it."""
    for name, photograph in photographs().items():
        yield Case(f"{name}, as it is", Status.BONA_FIDE, photograph)
        for what, (simulate, truth, seed) in SIMULATIONS.items():
            yield Case(f"{name}, {what}", truth, simulate(photograph, np.random.default_rng(seed)))


def photographs() -> Mapping[str, Pixels]:
    """The faces, each at least 100 pixels high, as arrays (height, width, 3) uint8 in RGB order.

    The astronaut is Eileen Collins (NASA, public domain). The cameraman (Lav Varshney, CC0) is a hard picture: grey, from the side, his
    face partly hidden, and only 80 pixels high, so the part about him is enlarged.
    """
    cameraman = np.asarray(cv2.cvtColor(data.camera(), cv2.COLOR_GRAY2RGB)[40:296, 90:346], np.uint8)
    return {"astronaut": data.astronaut(), "cameraman": resize(cameraman, 512, 512)}


def decision_table(gate: Gate, cases: Sequence[Case], decisions: Mapping[str, Sequence[Decision]]) -> Table:
    """A row for each picture, a column for each configuration with its threshold at the foot."""
    table = Table(title="Score (0..1, higher = more bona fide) and decision", show_footer=True)
    table.add_column("picture", footer="threshold")
    table.add_column("is")
    for configuration in CONFIGURATIONS:
        threshold = gate.engine.threshold(Configuration.parse(configuration))
        table.add_column(configuration, footer=f"{threshold.value:.3f}")
    table.add_column("wrong")
    previous = ""
    for case in cases:
        photograph = case.name.split(",")[0]
        if previous not in {"", photograph}:
            table.add_section()
        previous = photograph
        verdicts = [verdict(decision, case.truth) for decision in decisions[case.name]]
        wrong = [decision.configuration for decision in decisions[case.name] if is_wrong(decision, case.truth)]
        table.add_row(case.name, WORDS[case.truth], *verdicts, f"[bold red]{' '.join(wrong)}[/]")
    return table


def verdict(decision: Decision, truth: Status) -> str:
    """The score and the decision in words, red where it is wrong."""
    if decision.score is None:
        return f"{WORDS[decision.status]}: {decision.reason}"
    text = f"{decision.score:.3f} {WORDS[decision.status]}"
    return f"[bold red]{text}[/]" if is_wrong(decision, truth) else text


def is_wrong(decision: Decision, truth: Status) -> bool:
    """Whether a picture was judged, and to be what it is not."""
    return decision.status not in {truth, Status.NOT_JUDGED}


def measured(gate: Gate, picture: Pixels) -> dict[str, Times]:
    """The times of each configuration, called in turn, so that a machine that slows down slows all of them."""
    rounds = [{name: gate.check(picture, name) for name in CONFIGURATIONS} for _ in range(CALLS)]
    return {
        name: Times(
            statistics.median(decisions[name].latency_ms for decisions in rounds),
            statistics.median(decisions[name].total_ms for decisions in rounds),
        )
        for name in CONFIGURATIONS
    }


def latency_table(times: Mapping[str, Times], picture: Pixels) -> Table:
    """A row for each configuration: milliseconds, and relative to the first one."""
    height, width = picture.shape[:2]
    title = f"Median of {CALLS} calls on {width} x {height} pixels, one thread"
    base = CONFIGURATIONS[0]
    headings = ("configuration", "network alone", f"/ {base}", "with detection and crop", f"/ {base}")
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "configuration" else "right")
    for name, (network, whole) in times.items():
        ratios = network / times[base].network, whole / times[base].whole
        table.add_row(name, f"{network:.2f} ms", f"{ratios[0]:.2f}", f"{whole:.2f} ms", f"{ratios[1]:.2f}")
    return table


def sheet(cases: Sequence[Case], decisions: Mapping[str, Sequence[Decision]]) -> Pixels:
    """All annotated pictures side by side, a row for each photograph."""
    tiles = [tile(case, decisions[case.name]) for case in cases]
    height, across = max(len(each) for each in tiles), 1 + len(SIMULATIONS)
    tiles = [bordered(each, bottom=height - len(each)) for each in tiles]
    return np.vstack([np.hstack(tiles[start : start + across]) for start in range(0, len(tiles), across)])


def tile(case: Case, decisions: Sequence[Decision]) -> Pixels:
    """One picture of the sheet under its name, with a mark where a decision is wrong."""
    height, width = case.pixels.shape[:2]
    scale = TILE / width
    small = resize(case.pixels, TILE, round(height * scale))
    body = annotated(small, [scaled(decision, scale) for decision in decisions])
    title = np.full((26, TILE, 3), 255, np.uint8)
    wrong = sum(is_wrong(decision, case.truth) for decision in decisions)
    label(title, case.name, 6, (0, 0, 0))
    if wrong:
        label(title, f"{wrong} of {len(decisions)} wrong", TILE - 110, (200, 0, 0))
    return bordered(np.vstack([title, body]), bottom=8, right=8)


def bordered(picture: Pixels, bottom: int = 0, right: int = 0) -> Pixels:
    """A picture with white space below and on its right."""
    return np.pad(picture, ((0, bottom), (0, right), (0, 0)), constant_values=255)


def scaled(decision: Decision, scale: float) -> Decision:
    """A decision about a picture that was made smaller."""
    return decision if decision.face is None else replace(decision, face=Box(*(scale * value for value in decision.face)))


def label(strip: Pixels, text: str, left: int, colour: tuple[int, int, int]) -> None:
    """Write a line of text on a strip."""
    cv2.putText(strip, text, (left, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
