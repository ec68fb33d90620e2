"""Parameters and multiply-adds of the adaptive MobileNetV3-large, by arithmetic on the table of specs/anti-spoof-mn3.md, section 2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from livegate.configuration import Configuration
from livegate.models.counting import Cost, count
from livegate.models.registry import ModelSpec

STAGES = (3, 4, 6)
PAGE = Path(__file__).parents[2] / "docs" / "adapt.md"


@dataclass(frozen=True)
class Line:
    """A line of the table: a block of the network."""

    c_in: int
    expanded: int
    kernel: int
    c_out: int
    squeezed: int
    side_in: int
    side: int

    @property
    def expands(self) -> bool:
        """The first block does not."""
        return self.expanded != self.c_in

    @property
    def parameters(self) -> int:
        """Kernels, a scale and a shift behind each, and two linear layers with biases where channels are weighed."""
        expand = self.c_in * self.expanded + 2 * self.expanded if self.expands else 0
        depthwise = self.kernel**2 * self.expanded + 2 * self.expanded
        squeeze = 2 * self.expanded * self.squeezed + self.expanded + self.squeezed if self.squeezed else 0
        return expand + depthwise + squeeze + self.expanded * self.c_out + 2 * self.c_out

    @property
    def macs(self) -> int:
        """Each kernel once for each place of its output; the weighing works on one place."""
        expand = self.c_in * self.expanded * self.side_in**2 if self.expands else 0
        behind = (self.kernel**2 * self.expanded + self.expanded * self.c_out) * self.side**2
        return expand + behind + 2 * self.expanded * self.squeezed


TABLE = {
    1: Line(16, 16, 3, 16, 0, 64, 64),
    2: Line(16, 64, 3, 24, 0, 64, 32),
    3: Line(24, 72, 3, 24, 0, 32, 32),
    4: Line(24, 72, 5, 40, 24, 32, 16),
    5: Line(40, 120, 5, 40, 32, 16, 16),
    6: Line(40, 120, 5, 40, 32, 16, 16),
    7: Line(40, 240, 3, 80, 0, 16, 8),
    8: Line(80, 200, 3, 80, 0, 8, 8),
    9: Line(80, 184, 3, 80, 0, 8, 8),
    10: Line(80, 184, 3, 80, 0, 8, 8),
    11: Line(80, 480, 3, 112, 120, 8, 8),
    12: Line(112, 672, 3, 112, 168, 8, 8),
    13: Line(112, 672, 5, 160, 168, 8, 4),
    14: Line(160, 960, 5, 160, 240, 4, 4),
    15: Line(160, 960, 5, 160, 240, 4, 4),
}
OUTSIDE = Cost(
    parameters=3 * 16 * 9 + 2 * 16 + 160 * 1280 + 2 * 1280 + 2 * 1280 + 1280 * 2 + 2,
    macs=3 * 16 * 9 * 64**2 + 160 * 1280 * 4**2 + 1280 * 2 + 2,
    paper_madds=0,
)
"""The stem, the tail and the head."""
PAIRS = {2: (2, 3), 3: (5, 6), 4: (9, 10), 5: (11, 12), 6: (14, 15)}
"""The last two blocks of the stages that can be adaptive. A light branch is the first of them, and takes the channels of the second."""

# Parameters and multiply-adds at 128 x 128 of PTA-MN3, written down once.
ROWS = {
    "HHH": (3_028_914, 71_740_802),
    "LHH": (3_007_922, 68_507_522),
    "HLH": (2_996_922, 69_750_658),
    "HHL": (2_231_554, 65_980_802),
    "LLL": (2_178_570, 60_757_378),
    "BBB": (3_879_258, 82_724_226),
}


def by_hand(text: str) -> tuple[int, int]:
    """What a configuration of the three adaptive stages costs: parameters and multiply-adds."""
    blocks = dict.fromkeys(TABLE, 1)
    for stage, letter in zip(STAGES, text, strict=True):
        first, second = PAIRS[stage]
        blocks[first] += letter == "B"  # the light branch is a block like it
        blocks[second] -= letter == "L"
    parameters = OUTSIDE.parameters + sum(times * TABLE[number].parameters for number, times in blocks.items())
    return parameters, OUTSIDE.macs + sum(times * TABLE[number].macs for number, times in blocks.items())


def test_the_arithmetic_gives_what_is_written_down() -> None:
    """The plain network as the spec has it to the digit, and all light and all both as the sums of three blocks less and more."""
    assert (len(TABLE), len(ROWS)) == (15, 6)
    assert {text: by_hand(text) for text in ROWS} == ROWS
    assert f"{ROWS['HHH'][1] / 1e6:.2f}" == "71.74"
    one_each = [TABLE[PAIRS[stage][1]] for stage in STAGES]
    assert [(block.parameters, block.macs) for block in one_each] == [
        (20_992, 3_233_280),
        (31_992, 1_990_144),
        (797_360, 5_760_000),
    ]


@pytest.mark.parametrize("text", ROWS)
def test_the_network_costs_as_much(text: str) -> None:
    """Every configuration of the adaptive network, counted by running it."""
    cost = count(ModelSpec("mobilenet-v3-large", STAGES).build().fixed(Configuration.parse(text)), 128)
    assert (cost.parameters, cost.macs) == ROWS[text]


def test_the_page_says_what_each_stage_saves() -> None:
    """docs/adapt.md has a line for each stage: which blocks, and the parameters and multiply-adds of the one that falls away."""
    lines = re.findall(r"^\| (\d) \| (\d+)-(\d+) \|.*\| ([\d,]+) \| ([\d,]+) \|$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    assert len(lines) == 5
    for stage, first, second, parameters, macs in lines:
        assert PAIRS[int(stage)] == (int(first), int(second))
        falls = TABLE[int(second)]
        assert (int(parameters.replace(",", "")), int(macs.replace(",", ""))) == (falls.parameters, falls.macs)
