"""The simulator keeps to the physics that it claims, and the generated set to the contract of an index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.data.simulate import (
    SCREEN_ANGLES,
    CameraSettings,
    PrintSettings,
    ReplaySettings,
    cutout_capture,
    halftone,
    print_capture,
    recapture,
    replay_capture,
    screen_grid,
    sensor,
    separate,
    to_light,
)
from livegate.errors import PictureError
from livegate.preprocessing import Pixels

Capture = Callable[..., Pixels]
EYES = ((35.0, 45.0), (60.0, 40.0))


def cut_out(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """A cut-out print; its eyes are where they would be in a picture of 90 x 90 or more."""
    return cutout_capture(picture, EYES, rng)


CAPTURES: tuple[Capture, ...] = (print_capture, replay_capture, recapture, cut_out)
NONE = (0.0, 0.0)
ONE = (1.0, 1.0)
STILL_CAMERA = CameraSettings(
    blur=NONE, exposure=ONE, balance=ONE, well=(1e9, 1e9), read=NONE, contrast=NONE, sharpening=NONE, quality=(100, 100)
)


def lattice(side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Positions x and y of the pixels of a square."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    return x, y


def peak(plane: NDArray[np.float32], lowest: float = 0.02) -> tuple[float, float]:
    """Frequency (x, y) of the strongest wave, in cycles a pixel, y not negative; slower ones than ``lowest`` are left out."""
    side = plane.shape[0]
    window = np.hanning(side)
    power = np.abs(np.fft.fft2((plane - plane.mean()) * window[:, None] * window))
    steps = np.fft.fftfreq(side)
    power[np.hypot(steps[:, None], steps) < lowest] = 0
    power[steps < 0] = 0
    row, column = np.unravel_index(int(np.argmax(power)), power.shape)
    return float(steps[column]), float(steps[row])


def flat(code: int, height: int = 256, width: int = 256) -> Pixels:
    """A grey picture."""
    return np.full((height, width, 3), code, np.uint8)


def noisy(height: int, width: int) -> Pixels:
    """A picture of soft random patches."""
    coarse = np.random.default_rng(5).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height)), dtype=np.uint8)


@pytest.mark.parametrize("pitch", [1.08, 1.15, 1.3])
def test_moire_of_the_grid_has_the_difference_of_the_two_frequencies(pitch: float) -> None:
    """A panel finer than the camera can hold beats at |1 / pitch of the screen - 1 / pitch of the camera|."""
    x, y = lattice(256)
    green = screen_grid(x, np.zeros_like(y), pitch)[..., 1]
    across, down = peak(green)
    assert abs(across) == pytest.approx(abs(1 / pitch - 1), abs=1 / 256)
    assert down == 0


@pytest.mark.parametrize("pitch", [2.4, 3.7])
def test_a_coarse_grid_shows_itself(pitch: float) -> None:
    """A panel that the camera resolves appears at its own frequency, with no folding."""
    x, y = lattice(256)
    across, _ = peak(screen_grid(x, np.zeros_like(y), pitch)[..., 0])
    assert abs(across) == pytest.approx(1 / pitch, abs=1 / 256)


def test_the_colours_of_the_moire_run_a_third_of_a_period_apart() -> None:
    """Stripes lie a third of a pixel apart, so the beats of red, green and blue do too: the moiré is coloured."""
    x, y = lattice(256)
    grid = screen_grid(x, np.zeros_like(y), 1.0 / (1 - 16 / 256))  # a beat of exactly 16 periods
    phases = [float(np.angle(np.fft.fft(grid[0, :, channel])[16])) for channel in range(3)]
    steps = np.abs(np.angle(np.exp(1j * np.diff(phases))))
    assert steps == pytest.approx([2 * np.pi / 3] * 2, abs=0.05)


@pytest.mark.parametrize("pitch", [0.713, 1.131, 1.717, 2.531, 9.031])
def test_the_grid_keeps_the_mean_of_the_light(pitch: float) -> None:
    """Over many beats the grid moves light about and adds none (a pitch that divides the lattice has one endless beat)."""
    x, y = lattice(600)
    assert screen_grid(x + 0.2, y * 1.01, pitch).mean(axis=(0, 1)) == pytest.approx([1, 1, 1], abs=0.03)


@pytest.mark.parametrize("pitch", [1.1, 1.25])
def test_moire_survives_the_whole_replay(pitch: float) -> None:
    """The captured picture of a flat grey patch on a screen carries the beat of the two pitches."""
    settings = ReplaySettings(
        pitch=(pitch, pitch),
        grid=(0.4, 0.4),
        glare=NONE,
        band=NONE,
        tilt=NONE,
        rotation=NONE,
        fill=(1.2, 1.2),
        camera=STILL_CAMERA,
    )
    captured = to_light(replay_capture(flat(150), np.random.default_rng(3), settings))[..., 1].mean(axis=0)
    across, _ = peak(np.repeat(captured[None], 256, axis=0))
    assert abs(across) == pytest.approx(1 - 1 / pitch, abs=1.5 / 256)


@pytest.mark.parametrize("pitch", [1.55, 2.0, 2.7, 4.0, 8.3])
@pytest.mark.parametrize("tone", [0.0, 0.03, 0.2, 0.5, 0.8, 0.97, 1.0])
def test_a_halftone_keeps_the_mean_tone(tone: float, pitch: float) -> None:
    """The dots of each screen cover as much as was asked for."""
    x, y = lattice(200)
    for angle in SCREEN_ANGLES:
        covered = halftone(np.full_like(x, tone), x + 0.31, y + 0.17, pitch + 0.013, angle)
        assert covered.mean() == pytest.approx(tone, abs=0.02)


@pytest.mark.parametrize("angle", SCREEN_ANGLES)
@pytest.mark.parametrize("pitch", [3.0, 6.5])
def test_a_halftone_peaks_at_the_frequency_and_angle_of_its_screen(pitch: float, angle: float) -> None:
    """The strongest wave of a flat tint is one of the two axes of the screen."""
    x, y = lattice(256)
    across, down = peak(halftone(np.full_like(x, 0.3), x, y, pitch, angle))
    assert np.hypot(across, down) == pytest.approx(1 / pitch, abs=1 / 256)
    turned = np.degrees(np.arctan2(down, across)) % 90
    assert min(abs(turned - angle % 90), 90 - abs(turned - angle % 90)) < 3


def test_the_lens_takes_the_depth_of_the_dots_and_not_their_tone() -> None:
    """Blur before the lattice leaves the mean of a screen and damps its waves, fine screens more than coarse ones."""
    x, y = lattice(240)
    left = []
    for pitch in (2.3, 4.7):
        sharp, soft = (halftone(np.full_like(x, 0.4), x, y, pitch, 15.0, blur) for blur in (0.0, 0.5))
        assert soft.mean() == pytest.approx(0.4, abs=0.02)
        left.append(float(soft.std() / sharp.std()))
    assert left == pytest.approx([np.exp(-2 * (np.pi * 0.5 / pitch) ** 2) for pitch in (2.3, 4.7)], rel=0.02)


def test_four_screens_together_keep_the_colour() -> None:
    """Multiplied, ideal inks at the coverages of the separation reflect the colour that was separated."""
    x, y = lattice(240)
    colour = np.array([0.62, 0.4, 0.3], np.float32)
    tones = separate(np.broadcast_to(colour, (240, 240, 3)).copy(), 0.5)
    screens = zip(tones, SCREEN_ANGLES, strict=True)
    cyan, magenta, yellow, key = (1 - halftone(tone, x, y, 3.3, angle) for tone, angle in screens)
    means = [float((ink * key).mean()) for ink in (cyan, magenta, yellow)]
    assert means == pytest.approx(colour.tolist(), abs=0.02)


def test_a_print_has_less_contrast_than_its_picture() -> None:
    """Ink is not black and paper is not white."""
    picture = np.hstack([flat(5, 128, 64), flat(250, 128, 64)])
    settings = PrintSettings(gloss=NONE, fill=(1.2, 1.2), rotation=NONE, camera=STILL_CAMERA)
    captured = to_light(print_capture(picture, np.random.default_rng(0), settings))
    before, after = to_light(picture), captured
    ratio = [float(light[:, 80:].mean() / light[:, :48].mean()) for light in (before, after)]
    assert ratio[1] < ratio[0] / 3


def test_eyes_that_are_cut_out_show_the_face_behind_the_sheet() -> None:
    """Through the holes: the flat picture in shade, without dots; beside them: paper and ink. The holes turn with the eyes."""
    eyes = ((80.0, 128.0), (176.0, 128.0))
    settings = PrintSettings(fill=ONE, tilt=NONE, bend=NONE, gloss=NONE, rotation=(90, 90), camera=STILL_CAMERA)
    captured = to_light(cutout_capture(flat(150), eyes, np.random.default_rng(0), settings))
    scene = float(to_light(flat(150))[0, 0, 0])
    for row, column in ((80, 128), (176, 128)):
        hole = captured[row - 5 : row + 6, column - 5 : column + 6]
        assert hole.std() < 0.003
        assert 0.45 * scene < hole.mean() < scene
    assert captured[118:139, 75:96].std() > 0.03  # where the right eye would be without the turn


@pytest.mark.parametrize("points", [((50.0, 50.0), (50.0, 50.0)), ((-500.0, -500.0), (900.0, 900.0))])
def test_eyes_at_one_point_or_outside_make_no_hole_and_no_fault(points: tuple[tuple[float, float], ...]) -> None:
    """Landmarks come from a detector, which can be wrong."""
    assert cutout_capture(noisy(90, 90), points, np.random.default_rng(0)).shape == (90, 90, 3)


def test_noise_variance_is_linear_in_light() -> None:
    """Shot noise has the variance of its mean, read noise a constant one, and neither moves the mean."""
    rng, well, read = np.random.default_rng(0), 2000.0, 6.0
    for level in (0.05, 0.2, 0.8):
        noise = sensor(np.full((400, 400), level, np.float32), rng, well, read)
        assert noise.mean() == pytest.approx(level, abs=5e-4)
        assert noise.var() == pytest.approx(level / well + (read / well) ** 2, rel=0.03)


def test_noise_grows_with_brightness_in_the_captured_picture() -> None:
    """In linear light, a brighter patch of a recaptured picture has the larger variance."""
    settings = CameraSettings(blur=NONE, exposure=ONE, well=(800, 800), contrast=NONE, sharpening=NONE, quality=(100, 100))
    variances = [
        float(to_light(recapture(flat(code), np.random.default_rng(1), settings))[..., 1].var()) for code in (40, 110, 180, 230)
    ]
    assert variances == sorted(variances)
    assert variances[-1] > 5 * variances[0]


def test_a_still_camera_changes_nothing() -> None:
    """Without blur, noise, gains, tone curve and compression a flat picture comes back as it was."""
    for code in (0, 1, 30, 128, 254, 255):
        picture = recapture(flat(code, 40, 50), np.random.default_rng(0), STILL_CAMERA)
        assert np.abs(picture.astype(int) - code).max() <= 1


def test_blur_and_defocus_take_detail() -> None:
    """A wider lens blur leaves less variance between neighbours."""
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    details = []
    for blur in (0.3, 1.0, 2.0):
        settings = CameraSettings(blur=(blur, blur), well=(1e6, 1e6), sharpening=NONE)
        details.append(float(recapture(picture, np.random.default_rng(0), settings).astype(float).var()))
    assert details[0] > details[1] > details[2]


@pytest.mark.parametrize("capture", CAPTURES)
def test_the_same_generator_gives_the_same_pixels(capture: Capture) -> None:
    """All chance comes from the generator, and different seeds differ; the picture itself stays as it was."""
    picture = noisy(90, 120)
    before = picture.copy()
    first, again, other = (capture(picture, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (128, 32), (241, 135), (1203, 1601)])
def test_every_size_keeps_its_shape_and_dtype(capture: Capture, shape: tuple[int, int]) -> None:
    """Odd, narrow, small and large pictures come back as (height, width, 3) uint8 with something on them."""
    captured = capture(noisy(*shape), np.random.default_rng(2))
    assert captured.shape == (*shape, 3)
    assert captured.dtype == np.uint8
    assert captured.std() > 5


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((64, 64, 3), np.float32),
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((31, 64, 3), np.uint8),
        None,
    ],
    ids=["float", "grey", "alpha", "small", "none"],
)
def test_what_is_no_picture_is_refused(capture: Capture, picture: object) -> None:
    """Wrong dtype, wrong shape, too small and no array at all raise PictureError."""
    with pytest.raises(PictureError, match="picture"):
        capture(picture, np.random.default_rng(0))


@pytest.mark.parametrize("settings", [CameraSettings, PrintSettings, ReplaySettings])
def test_settings_refuse_ranges_that_make_no_sense(settings: type[PrintSettings]) -> None:
    """A range upside down, out of bounds or not a number is refused by name; every range has bounds."""
    names = [entry.name for entry in fields(settings) if entry.name != "camera"]
    assert len(names) >= 8
    for name in names:
        for wrong in ((0.9, 0.1), (-1e9, 1e12), (float("nan"), 1.0)):
            with pytest.raises(ValueError, match=name):
                settings(**{name: wrong})  # type: ignore[arg-type]
