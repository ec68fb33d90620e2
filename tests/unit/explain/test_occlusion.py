"""Occlusion shows what the evidence rests on, with its sign, in bounded memory."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from livegate.configuration import Configuration
from livegate.errors import LivegateError
from livegate.explain.heat import evidence
from livegate.explain.occlusion import PIXELS_AT_ONCE, occlusion
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Pixels, Preprocessing, to_input


class Recorder:
    """A network that calls everything undecided and remembers how much it was given at once."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def logits(self, images: NDArray[np.float32], _: Configuration) -> NDArray[np.float32]:
        """(N, 2) zeros."""
        self.shapes.append(images.shape)
        return np.zeros((len(images), 2), np.float32)


def test_only_what_is_looked_at_lights_up(quarter: TorchScorer, crop: Pixels, plain: Configuration) -> None:
    """A network that is blind but for one quarter: outside of it, less half a patch, nothing happens."""
    values = occlusion(quarter, crop, plain, patch=8).values
    strongest = np.abs(values).max()
    assert strongest > 0.01
    outside = np.ones_like(values, bool)
    outside[: 32 + 4, : 32 + 4] = False
    assert np.abs(values[outside]).max() < 1e-4 * strongest
    assert (np.abs(values[:32, :32]) > 1e-3 * strongest).mean() > 0.9


def test_a_linear_network_falls_by_what_was_hidden(crop: Pixels) -> None:
    """Its evidence is a weighted sum of pixels, so hiding a patch takes the weighted difference to the blurred crop there."""
    crop = crop[:32, :32]
    torch.manual_seed(0)
    linear = nn.Linear(3 * 32 * 32, 2)
    scorer = TorchScorer(Network([nn.Flatten(), linear]).eval(), Preprocessing(size=32))
    weights = (linear.weight[0] - linear.weight[1]).detach().double().numpy().reshape(3, 32, 32)
    blurred = cv2.GaussianBlur(crop, (0, 0), 2.5)
    lost = (crop.astype(float) - blurred) / Preprocessing().std
    values = occlusion(scorer, crop, Configuration(()), patch=5).values
    for y, x in ((0, 0), (0, 27), (27, 0), (27, 27)):
        expected = np.einsum("chw,hwc->", weights[:, y : y + 5, x : x + 5], lost[y : y + 5, x : x + 5])
        assert abs(expected) > 1e-3
        assert values[y + 2, x + 2] == pytest.approx(expected, abs=1e-4)


def test_what_speaks_for_one_speaks_against_the_other(
    small: TorchScorer, swapped: TorchScorer, crop: Pixels, plain: Configuration
) -> None:
    """With the two outputs exchanged every sign turns round."""
    values = occlusion(small, crop, plain).values
    assert values.min() < -1e-3
    assert values.max() > 1e-3
    np.testing.assert_allclose(occlusion(swapped, crop, plain).values, -values, atol=1e-5)


def test_a_flat_crop_has_nothing_to_hide(small: TorchScorer, plain: Configuration) -> None:
    """The patch has the colours around it, so on one colour it cannot be seen."""
    flat = np.full((64, 64, 3), (200, 120, 40), np.uint8)
    assert np.abs(occlusion(small, flat, plain).values).max() < 1e-5


def test_it_is_the_same_again(small: TorchScorer, crop: Pixels, plain: Configuration) -> None:
    """Bit for bit, and the crop is left as it was."""
    before = crop.copy()
    first = occlusion(small, crop, plain)
    assert (occlusion(small, crop, plain).values == first.values).all()
    assert (crop == before).all()
    assert (first.values.shape, first.grain) == ((64, 64), 8)
    assert first.whole == evidence(small, to_input([crop]), plain)
    assert "patch of 8 x 8 pixels" in first.meaning


@pytest.mark.parametrize(("size", "patch", "across"), [(64, 8, 15), (64, 9, 15), (64, 2, 63), (64, 32, 3), (256, 32, 15)])
def test_memory_is_bounded(size: int, patch: int, across: int) -> None:
    """Patches overlap by half, or more where they do not fit evenly; their copies come in batches of so many pixels."""
    recorder = Recorder()
    occlusion(recorder, np.zeros((size, size, 3), np.uint8), Configuration(()), patch)  # type: ignore[arg-type]
    counts = [count for count, *_ in recorder.shapes]
    assert sum(counts) == 1 + across**2
    assert max(counts) * size**2 <= PIXELS_AT_ONCE
    assert {shape[1:] for shape in recorder.shapes} == {(3, size, size)}


@pytest.mark.parametrize("patch", [-1, 0, 1, 33])
def test_a_patch_that_shows_nothing_is_refused(small: TorchScorer, crop: Pixels, plain: Configuration, patch: int) -> None:
    """Too small takes for ever, too large covers the face."""
    with pytest.raises(LivegateError, match=rf"a patch of {patch} pixels .* crop of 64; give 2 to 32"):
        occlusion(small, crop, plain, patch)
