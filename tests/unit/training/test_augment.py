"""What is done to the pixels of a batch: by chance, within range, the same under the same seed."""

from __future__ import annotations

import pytest
import torch

from livegate.training.augment import READ_NOISE, SHOT_NOISE, PixelAugment, sensor_noise
from livegate.training.recipe import Augment

NOTHING = {"flip": 0, "jitter": 0, "grey": 0, "noise": 0, "blur": 0, "resolution": 0, "jpeg": 0}


@pytest.fixture
def pictures() -> torch.Tensor:
    """Eight random pictures of 32 x 32, black and white among their pixels."""
    pixels = torch.randint(0, 256, (8, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    pixels[:, :, :4], pixels[:, :, 4:8] = 0, 255
    return pixels


@pytest.mark.parametrize("level", [0.25, 0.5, 0.75])
@pytest.mark.parametrize(("shot", "read"), [(0.002, 0.0), (0.0, 0.03), (0.005, 0.02)])
def test_the_variance_of_the_noise_is_shot_times_light_plus_read_squared(
    monkeypatch: pytest.MonkeyPatch, level: float, shot: float, read: float
) -> None:
    """The sensor model of a photon count and a constant: var = shot * x + read ** 2, within 4 sigma of 120,000 pixels."""
    monkeypatch.setattr("livegate.training.augment.SHOT_NOISE", (shot, shot))
    monkeypatch.setattr("livegate.training.augment.READ_NOISE", (read, read))
    torch.manual_seed(0)
    noise = sensor_noise(torch.full((1, 3, 200, 200), level), 1.0) - level
    expected = shot * level + read**2
    assert noise.var().item() == pytest.approx(expected, rel=4 * (2 / 120_000) ** 0.5)
    assert abs(noise.mean().item()) < 4 * (expected / 120_000) ** 0.5


def test_the_strength_is_drawn_for_each_picture_within_its_range() -> None:
    """At half light each picture's variance lies between the weakest and the strongest sensor, and they differ."""
    torch.manual_seed(0)
    variances = (sensor_noise(torch.full((40, 3, 64, 64), 0.5), 1.0) - 0.5).var(dim=(1, 2, 3))
    weakest, strongest = (SHOT_NOISE[end] * 0.5 + READ_NOISE[end] ** 2 for end in (0, 1))
    slack = 4 * (2 / (3 * 64 * 64)) ** 0.5
    assert (variances > weakest * (1 - slack)).all()
    assert (variances < strongest * (1 + slack)).all()
    assert variances.max() > 2 * variances.min()


def test_noise_stays_in_range() -> None:
    """Black and white pixels are clipped, not wrapped."""
    torch.manual_seed(0)
    noisy = sensor_noise(torch.cat([torch.zeros(4, 3, 32, 32), torch.ones(4, 3, 32, 32)]), 1.0)
    assert noisy.min() == 0
    assert noisy.max() == 1
    assert (noisy[:4].amax(dim=(1, 2, 3)) > 0).all()
    assert (noisy[4:].amin(dim=(1, 2, 3)) < 1).all()


def test_the_probability_is_that_of_a_picture_being_changed() -> None:
    """Of 1,000 pictures at 0.3 about 300 change, within 4 sigma of the binomial; the others keep every bit."""
    torch.manual_seed(0)
    pixels = torch.full((1000, 3, 8, 8), 0.5)
    changed = (sensor_noise(pixels, 0.3) != pixels).flatten(1)
    assert set(changed.float().mean(dim=1).round().tolist()) == {0.0, 1.0}
    assert abs(changed.any(dim=1).sum().item() - 300) < 4 * (1000 * 0.3 * 0.7) ** 0.5


def test_probability_zero_changes_nothing(pictures: torch.Tensor) -> None:
    """With everything off a picture comes through as it is, and noise of probability 0 keeps every bit."""
    pixels = pictures.float() / 255
    assert torch.equal(sensor_noise(pixels, 0.0), pixels)
    same = PixelAugment(Augment(**NOTHING))(pictures)
    assert same.dtype == torch.float32
    torch.testing.assert_close(same, pictures.float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["jitter", "grey", "noise", "blur"])
def test_each_change_is_its_own_and_keeps_shape_and_range(pictures: torch.Tensor, name: str) -> None:
    """Alone and certain, each changes every picture, within 0..255."""
    torch.manual_seed(0)
    changed = PixelAugment(Augment(**NOTHING | {name: 1.0}))(pictures)
    assert changed.shape == pictures.shape
    assert changed.min() >= 0
    assert changed.max() <= 255 + 1e-3
    assert ((changed - pictures.float()).abs().amax(dim=(1, 2, 3)) > 1).all()


def test_only_named_pictures_are_jittered(pictures: torch.Tensor) -> None:
    """The others keep every value, and what comes after jitter still sees all."""
    torch.manual_seed(0)
    named = torch.arange(len(pictures)) % 2 == 0
    changed = PixelAugment(Augment(**NOTHING | {"jitter": 1.0}))(pictures, named)
    far = (changed - pictures.float()).abs().amax(dim=(1, 2, 3)) > 1
    assert torch.equal(far, named)
    grey = PixelAugment(Augment(**NOTHING | {"jitter": 1.0, "grey": 1.0}))(pictures, named)
    torch.testing.assert_close(grey[:, 0], grey[:, 1], rtol=0, atol=1e-3)
    none = PixelAugment(Augment(**NOTHING | {"jitter": 1.0}))(pictures, torch.zeros_like(named))
    torch.testing.assert_close(none, pictures.float(), rtol=0, atol=1e-4)


def test_another_brightness_is_a_factor() -> None:
    """As in torchvision and Albumentations: what is dark stays dark. Of a plain grey nothing else can change."""
    torch.manual_seed(0)
    changed = PixelAugment(Augment(flip=0, jitter=1, noise=0))(torch.full((64, 3, 8, 8), 60, dtype=torch.uint8))
    assert 0.8 * 60 - 0.1 <= changed.min() < 52
    assert 68 < changed.max() <= 1.2 * 60 + 0.1


def test_grey_loses_all_colour(pictures: torch.Tensor) -> None:
    """The three channels become one."""
    grey = PixelAugment(Augment(**NOTHING | {"grey": 1.0}))(pictures)
    torch.testing.assert_close(grey[:, 0], grey[:, 1], rtol=0, atol=1e-3)
    torch.testing.assert_close(grey[:, 0], grey[:, 2], rtol=0, atol=1e-3)


def test_the_same_seed_gives_the_same_pixels(pictures: torch.Tensor) -> None:
    """All chance comes from torch's global generator, so that a resumed step repeats it."""
    augment = PixelAugment(Augment(jitter=0.5, grey=0.3, noise=0.5, blur=0.5))
    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outputs.append(augment(pictures))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_a_new_augmentation_repeats_the_pixels_of_an_old_one(pictures: torch.Tensor) -> None:
    """Nothing is remembered from call to call: what a process did before does not matter to one that resumes."""
    settings = Augment(jitter=0.5, grey=0.3, noise=0.5, blur=0.5)
    used, new = PixelAugment(settings), PixelAugment(settings)
    used(pictures)
    used(pictures[:3])
    outputs = []
    for augment in (used, new):
        torch.manual_seed(1)
        outputs.append(augment(pictures))
    assert torch.equal(outputs[0], outputs[1])


def test_the_pictures_themselves_stay_as_they_are(pictures: torch.Tensor) -> None:
    """The batch that was handed in is not written to."""
    before = pictures.clone()
    torch.manual_seed(0)
    PixelAugment(Augment(jitter=1.0, noise=1.0))(pictures)
    assert torch.equal(pictures, before)
