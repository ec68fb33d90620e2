"""Parameters and multiply-adds of the seven networks of Khabarlak 2022, Table 4, as specs/pta-mobilenetv2.md recomputed them."""

from __future__ import annotations

import pytest

from livegate.configuration import Configuration
from livegate.models.counting import Cost, count
from livegate.models.mobilenet_v2 import mobilenet_v2

# Name: parameters, multiply-adds of convolutions and linear layers, those of the paper's rule in millions (three digits), and
# parameters and multiply-adds in millions as the paper prints them (two digits).
ROWS = {
    "No PTA": (2_226_434, 97_796_610, "104.152", "2.23", "104.15"),
    "HHH": (2_226_434, 97_796_610, "104.152", "2.23", "104.15"),
    "LHH": (2_172_162, 94_429_698, "100.629", "2.17", "100.63"),
    "HLH": (2_108_162, 90_386_946, "96.508", "2.11", "96.50"),
    "HHL": (1_906_434, 92_743_170, "99.001", "1.91", "99.00"),
    "LLL": (1_733_890, 81_966_594, "87.835", "1.73", "87.84"),
    "BBB": (2_718_978, 113_626_626, "120.468", "2.73", "120.47"),
}
PRINTED_OTHERWISE = {("HLH", "multiply-adds"), ("BBB", "parameters")}
"""The two figures of Table 4 that differ by one in the last digit."""
ONE_RESIDUAL = {64: 54_272, 96: 118_272, 160: 320_000}
"""Parameters of one inverted residual by its channels (spec, below the table)."""


@pytest.fixture(scope="module")
def costs() -> dict[str, Cost]:
    """The counts of all seven networks at 128 x 128."""
    adaptive = mobilenet_v2()
    fixed = {name: adaptive.fixed(Configuration.parse(name)) for name in ROWS if name != "No PTA"}
    return {name: count(network) for name, network in {"No PTA": mobilenet_v2(()).fixed(Configuration(())), **fixed}.items()}


def test_there_are_seven_rows() -> None:
    """Table 4 has the plain network and six configurations."""
    assert len(ROWS) == 7


@pytest.mark.parametrize("name", ROWS)
def test_parameters_equal_the_spec_to_the_digit(costs: dict[str, Cost], name: str) -> None:
    """All trainable numbers are counted, scale and shift of batch normalisation included."""
    assert costs[name].parameters == ROWS[name][0]


@pytest.mark.parametrize("name", ROWS)
def test_multiply_adds_of_convolutions_and_linear_layers_equal_the_spec_to_the_digit(costs: dict[str, Cost], name: str) -> None:
    """The plain count of multiply-adds is exact."""
    assert costs[name].macs == ROWS[name][1]


@pytest.mark.parametrize("name", ROWS)
def test_multiply_adds_of_the_papers_rule_equal_the_spec_as_printed(costs: dict[str, Cost], name: str) -> None:
    """The paper's rule gives the spec's three digits after the point."""
    assert f"{costs[name].paper_madds / 1e6:.3f}" == ROWS[name][2]


@pytest.mark.parametrize("name", ROWS)
def test_table_4_is_met_as_printed_but_for_two_known_figures(costs: dict[str, Cost], name: str) -> None:
    """Rounded to the paper's two digits the counts are the paper's, but for HLH's multiply-adds and BBB's parameters."""
    got = {"parameters": costs[name].parameters, "multiply-adds": costs[name].paper_madds}
    printed = dict(zip(got, ROWS[name][3:], strict=True))
    # Rounded from the whole number: 87.835 M, rounded again, might go either way.
    different = {(name, what) for what, number in got.items() if f"{number / 1e6:.2f}" != printed[what]}
    assert different == {pair for pair in PRINTED_OTHERWISE if pair[0] == name}


def test_the_papers_parameters_of_bbb_are_a_sum_of_rounded_differences(costs: dict[str, Cost]) -> None:
    """2.73 M = 2.23 + (2.23 - 2.17 = 0.06) + 0.12 + 0.32 of rounded figures; the true sum is 2.72 M."""
    heavy = costs["HHH"].parameters
    assert costs["BBB"].parameters == heavy + sum(ONE_RESIDUAL.values())
    assert f"{costs['BBB'].parameters / 1e6:.2f}" == "2.72"
    rounded = [round(2.23 - printed, 2) for printed in (2.17, 2.11, 1.91)]
    assert round(2.23 + sum(rounded), 2) == 2.73


@pytest.mark.parametrize(("name", "channels"), [("LHH", 64), ("HLH", 96), ("HHL", 160)])
def test_a_light_block_saves_exactly_one_inverted_residual(costs: dict[str, Cost], name: str, channels: int) -> None:
    """The heavy branch is two inverted residuals and the light one is one, so the difference is one of them."""
    by_hand = channels * 6 * channels * 2 + 9 * 6 * channels + 2 * (6 * channels * 2 + channels)
    assert by_hand == ONE_RESIDUAL[channels]
    assert costs["HHH"].parameters - costs[name].parameters == by_hand


def test_the_plain_network_and_all_heavy_cost_the_same(costs: dict[str, Cost]) -> None:
    """All-heavy is MobileNetV2 itself (spec, section 3)."""
    assert costs["HHH"] == costs["No PTA"]
