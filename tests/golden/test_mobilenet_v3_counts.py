"""Parameters and multiply-adds of the four networks of anti-spoof-mn3, as specs/anti-spoof-mn3.md, section 3, has them."""

from __future__ import annotations

import pytest

from livegate.configuration import Configuration
from livegate.models.counting import Cost, count
from livegate.models.registry import BACKBONES

# Name: parameters with the spoof head, multiply-adds of convolutions and linear layers at 128 x 128 in millions (two digits).
ROWS = {
    "mobilenet-v3-large": (3_028_914, "71.74"),
    "mobilenet-v3-large-0.75": (1_863_090, "51.44"),
    "mobilenet-v3-small": (975_010, "18.92"),
    "mobilenet-v3-small-0.75": (621_386, "14.56"),
}
HEAD = {"mobilenet-v3-large": 3_028_914 - 3_023_792}
"""Batch normalisation of 1280 channels (2560) and a linear layer to two (2562)."""


def test_there_are_four_rows() -> None:
    """Both sizes, both widths, and no other MobileNetV3 in the registry."""
    assert {name for name in BACKBONES if name.startswith("mobilenet-v3")} == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_counts_equal_the_spec_to_the_digit(name: str) -> None:
    """All trainable numbers; multiply-adds as printed."""
    cost: Cost = count(BACKBONES[name].network().fixed(Configuration(())), 128)
    assert cost.parameters == ROWS[name][0]
    assert f"{cost.macs / 1e6:.2f}" == ROWS[name][1]


def test_the_head_is_batch_normalisation_and_a_linear_layer() -> None:
    """3,023,792 parameters without it."""
    head = BACKBONES["mobilenet-v3-large"].network().blocks[-1]
    assert sum(parameter.numel() for parameter in head.parameters()) == HEAD["mobilenet-v3-large"] == 2 * 1280 + 1280 * 2 + 2
