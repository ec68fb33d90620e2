"""Prints and screens simulated from bona fide pictures.

A presentation attack is captured twice: once by the camera that took the picture, once more as a print or a screen. What the
second capture leaves behind is physics, so it can be computed: ink dots on rotated screens, stripes of sub-pixels that beat
with the lattice of the camera, paper, glass, and the noise of a second sensor.

    picture ─► view (where each camera pixel looks) ─► print or screen, evaluated there in linear light ─► camera ─► picture

The periodic structures are evaluated at the coordinates that the camera pixels look at, never drawn and resampled; so the
moiré is that of the two lattices and not of an interpolation. Every setting is a range ``(low, high)``: a capture draws from it
uniformly; ``(v, v)`` fixes it. The simulator is a source of variety for training and tests. It does not replace measured
attacks in an evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import PictureError
from livegate.pictures import encoded
from livegate.preprocessing import Pixels
from livegate.sample import Landmarks

Light = NDArray[np.float32]
"""Linear light or reflectance, float32, (height, width, 3) or one plane of it; 1 is the white of an sRGB picture."""

Range = tuple[float, float]
"""Lowest and highest value, drawn from uniformly."""


SCREEN_ANGLES = (15.0, 75.0, 0.0, 45.0)
"""Angles of the cyan, magenta, yellow and black screens in degrees: 30 apart where the eye sees them best (ISO 12647-2)."""

_SMALLEST = 32

# Solid cyan, magenta, yellow and black on coated paper: linear RGB near the Fogra39 solids; then inks as a textbook has them.
_REAL_INKS = np.array([[0.00, 0.34, 0.74], [0.79, 0.00, 0.21], [1.00, 0.85, 0.00], [0.012, 0.012, 0.011]])
_IDEAL_INKS = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])

# A sub-pixel fills 0.9 of its third of the pixel and 0.85 of its height; the rest is black matrix.
_STRIPE, _ROW = 0.3, 0.85


def _check_ranges(settings: object, bounds: dict[str, Range]) -> None:
    for entry in fields(settings):  # type: ignore[arg-type]
        if entry.name not in bounds:
            continue
        low, high = getattr(settings, entry.name)
        least, most = bounds[entry.name]
        if not least <= low <= high <= most:
            name = f"{type(settings).__name__}.{entry.name}"
            raise ValueError(f"{name} must be a range (low, high) within {least} to {most}, got {(low, high)}")


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """A camera with a Bayer sensor.

    Attributes:
        blur: standard deviation of the lens's blur, in camera pixels; 0.3 is sharp, 1 a cheap fixed focus at arm's length.
        exposure: factor on the light.
        balance: error of the white balance: gains of red and blue, drawn apart.
        well: photo-electrons of a white pixel; shot noise is their square root. 8,000 is daylight on a phone, 1,000 a dim room.
        read: read noise in electrons; 2 to 5 is usual for small CMOS sensors.
        contrast: strength of an S-shaped tone curve about mid grey, 0 none to 1.
        sharpening: strength of the unsharp mask that cameras apply; 0 none.
        quality: JPEG quality, 1..100.
    """

    blur: Range = (0.3, 0.7)
    exposure: Range = (0.85, 1.1)
    balance: Range = (0.94, 1.06)
    well: Range = (1500.0, 8000.0)
    read: Range = (2.0, 5.0)
    contrast: Range = (0.0, 0.3)
    sharpening: Range = (0.0, 0.6)
    quality: Range = (75.0, 96.0)

    def __post_init__(self) -> None:
        bounds = {
            "blur": (0.0, 20.0), "exposure": (0.05, 20.0), "balance": (0.2, 5.0), "well": (10.0, 1e9), "read": (0.0, 1e3),
            "contrast": (0.0, 1.0), "sharpening": (0.0, 5.0), "quality": (1.0, 100.0),
        }  # fmt: skip
        _check_ranges(self, bounds)


CAMERA = CameraSettings()


@dataclass(frozen=True, slots=True)
class PrintSettings:
    """A colour print, held before a camera.

    Attributes:
        pitch: distance of neighbouring dots in camera pixels. Offices and presses print 85 to 175 lines an inch, 0.30 to
            0.15 mm: two to four pixels when a camera frames a small print closely; finer screens blur to a flat tone.
        lens: standard deviation of the blur before the camera's lattice, in camera pixels: it damps dots before they alias.
        gain: dot gain at half coverage that was not compensated before printing; presses gain 0.13 to 0.20 (ISO 12647-2).
        black: share of the common part of the three colours that is printed in black (grey component replacement), 0..1.
        density: reflectance of a solid ink layer over that of the paper: what takes the depth out of the shadows.
        impurity: 0 for ideal inks, 1 for inks whose unwanted absorption no colour management corrects.
        paper: reflectance of the blank paper; 0.8 to 0.9 is office paper.
        tint: yellowness of the paper: red up and blue down by this factor; negative is bluish from brightener.
        texture: standard deviation of the paper's texture and mottling, over its reflectance.
        fill: side of the printed picture over the side of the frame; below 1 the white border shows.
        tilt: largest shift of a corner by perspective, over the longer side.
        rotation: in degrees.
        bend: sag of the sheet over its height.
        gloss: brightest value of the highlight, in linear light.
        camera: what takes the picture.
    """

    pitch: Range = (1.8, 3.6)
    lens: Range = (0.25, 0.5)
    gain: Range = (0.0, 0.12)
    black: Range = (0.3, 0.7)
    density: Range = (0.02, 0.09)
    impurity: Range = (0.15, 0.5)
    paper: Range = (0.8, 0.95)
    tint: Range = (-0.04, 0.06)
    texture: Range = (0.005, 0.02)
    fill: Range = (0.94, 1.12)
    tilt: Range = (0.0, 0.03)
    rotation: Range = (-4.0, 4.0)
    bend: Range = (-0.03, 0.03)
    gloss: Range = (0.0, 0.18)
    camera: CameraSettings = field(default=CAMERA)

    def __post_init__(self) -> None:
        bounds = {
            "pitch": (1.0, 1e3), "lens": (0.0, 20.0), "gain": (0.0, 0.25), "black": (0.0, 1.0), "density": (0.0, 0.5),
            "impurity": (0.0, 1.0), "paper": (0.1, 1.0), "tint": (-0.5, 0.5), "texture": (0.0, 0.2),
            "fill": (0.3, 3.0), "tilt": (0.0, 0.15), "rotation": (-180.0, 180.0), "bend": (-0.2, 0.2), "gloss": (0.0, 2.0),
        }  # fmt: skip
        _check_ranges(self, bounds)


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """A screen with vertical red, green and blue stripes, held before a camera.

    Attributes:
        pitch: distance of neighbouring screen pixels in camera pixels. Below 2 the lattice of the camera cannot hold the
            stripes, and they fold to moiré of the frequency |1/pitch - 1|; above 2 the grid itself shows.
        aperture: side of the light-gathering part of a camera pixel over its pitch; 1 would cancel moiré where pitch is near 1.
        grid: share of the grid's modulation that the lens lets through, 0..1.
        gamma: exponent of the panel; 2.2 is nominal.
        white: gain of blue over red of the panel's white: 1 is D65, 1.3 about 9000 K, as panels are often set.
        floor: light of a black pixel over that of a white one: 0.001 (1000 : 1) to some hundredths when seen aslant.
        brightness: light of a white screen pixel, as the camera exposes it.
        glare: brightest value of the room's reflection, in linear light.
        band: depth of the band that refresh and rolling shutter leave, 0..1.
        bezel: width of the frame about the panel over the longer side.
        fill: side of the shown picture over the side of the frame; below 1 the bezel shows.
        tilt: largest shift of a corner by perspective, over the longer side.
        rotation: in degrees.
        camera: what takes the picture.
    """

    pitch: Range = (1.05, 2.6)
    aperture: Range = (0.5, 0.8)
    grid: Range = (0.1, 0.45)
    gamma: Range = (2.0, 2.45)
    white: Range = (0.95, 1.3)
    floor: Range = (0.002, 0.03)
    brightness: Range = (0.8, 1.15)
    glare: Range = (0.0, 0.2)
    band: Range = (0.0, 0.12)
    bezel: Range = (0.02, 0.06)
    fill: Range = (0.94, 1.12)
    tilt: Range = (0.0, 0.03)
    rotation: Range = (-5.0, 5.0)
    camera: CameraSettings = field(default=CAMERA)

    def __post_init__(self) -> None:
        bounds = {
            "pitch": (0.3, 1e3), "aperture": (0.1, 1.0), "grid": (0.0, 1.0), "gamma": (1.0, 4.0), "white": (0.3, 3.0),
            "floor": (0.0, 0.5), "brightness": (0.05, 5.0), "glare": (0.0, 2.0), "band": (0.0, 1.0), "bezel": (0.0, 0.5),
            "fill": (0.3, 3.0), "tilt": (0.0, 0.15), "rotation": (-180.0, 180.0),
        }  # fmt: skip
        _check_ranges(self, bounds)


PRINT = PrintSettings()
REPLAY = ReplaySettings()


def print_capture(picture: Pixels, rng: np.random.Generator, settings: PrintSettings = PRINT) -> Pixels:
    """The picture printed in four halftone screens and photographed again.

    Args:
        picture: (height, width, 3) uint8, RGB; each side at least 32 pixels.
        rng: all chance comes from here; the same state gives the same pixels.
        settings: the print and the camera.

    Returns:
        A picture of the same shape and dtype.

    Raises:
        PictureError: the array is not such a picture.
    """
    light, _ = print_light(_checked(picture), rng, settings)
    return photograph(light, rng, settings.camera)


def cutout_capture(picture: Pixels, landmarks: Landmarks, rng: np.random.Generator, settings: PrintSettings = PRINT) -> Pixels:
    """The picture printed, its eyes cut out, and worn as a mask: eyes that blink in a face of paper.

    This is the cut photo attack of CASIA-FASD (Zhang et al. 2012, section 3). Through the holes the camera sees a face behind the
    sheet, in its shade; here it is the picture's own, seen directly.

    Args:
        picture: (height, width, 3) uint8, RGB; each side at least 32 pixels.
        landmarks: points of the face in it; the first two are the eyes.
        rng: all chance comes from here; the same state gives the same pixels.
        settings: the print and the camera.

    Returns:
        A picture of the same shape and dtype.

    Raises:
        PictureError: the array is not such a picture.
    """
    sheet, view = print_light(_checked(picture), rng, settings)
    worn = cv2.remap(to_light(picture), view.x, view.y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shade = np.full(3, rng.uniform(0.5, 0.95))
    behind = np.asarray(worn, dtype=np.float32) * tinted(np.ones_like(view.x), shade)
    return photograph(_over(sheet, behind, 1 - _eye_holes(view, landmarks, rng)), rng, settings.camera)


def replay_capture(picture: Pixels, rng: np.random.Generator, settings: ReplaySettings = REPLAY) -> Pixels:
    """The picture shown on a screen and photographed again.

    Args:
        picture: (height, width, 3) uint8, RGB; each side at least 32 pixels.
        rng: all chance comes from here; the same state gives the same pixels.
        settings: the screen and the camera.

    Returns:
        A picture of the same shape and dtype.

    Raises:
        PictureError: the array is not such a picture.
    """
    light, _ = screen_light(_checked(picture), rng, settings)
    return photograph(light, rng, settings.camera)


def recapture(picture: Pixels, rng: np.random.Generator, settings: CameraSettings = CAMERA) -> Pixels:
    """The scene of the picture taken by another camera: blur, white balance, Bayer mosaic, noise, tone curve, JPEG.

    Args:
        picture: (height, width, 3) uint8, RGB; each side at least 32 pixels.
        rng: all chance comes from here; the same state gives the same pixels.
        settings: the camera.

    Returns:
        A picture of the same shape and dtype.

    Raises:
        PictureError: the array is not such a picture.
    """
    return photograph(to_light(_checked(picture)), rng, settings)


def to_light(picture: Pixels) -> Light:
    """Turn sRGB codes, uint8, into linear light, 0..1, float32 of the same shape (IEC 61966-2-1)."""
    return np.asarray(cv2.LUT(picture, _decoding()), dtype=np.float32)


def halftone(tone: Light, x: Light, y: Light, pitch: float, angle: float, blur: float = 0.0) -> Light:  # noqa: PLR0913
    """Ink coverage of one amplitude-modulated screen; its mean over whole cells is the tone.

    The spot function is the Manhattan distance from the centre of the cell, mapped through its own distribution, so that a
    threshold at the tone covers just that share. The edge of a dot is as soft as a camera pixel, and the tone is bent
    beforehand by what the softness adds. Only for pitches near a divisor of the camera's lattice is the beat too slow for that.

    Args:
        tone: (height, width) wanted coverage, 0..1.
        x: (height, width) position on the print, in pixels.
        y: (height, width) position on the print, in pixels.
        pitch: distance of neighbouring dots, in the same pixels; at least 1.
        angle: of the screen, in degrees.
        blur: standard deviation of the lens's blur, in the same pixels; it damps the waves of the screen.

    Returns:
        (height, width) coverage, 0..1.
    """
    cosine, sine = float(np.cos(np.radians(angle))) / pitch, float(np.sin(np.radians(angle))) / pitch
    distance = _triangle(cosine * x + sine * y) + _triangle(cosine * y - sine * x)
    over = np.maximum(distance - 1, 0)
    threshold = 0.5 * distance * distance - over * over
    soft = min(1.0, 2.0 / pitch)
    ends = np.sqrt(2 * soft * np.minimum(tone, 1 - tone))
    level = np.where(tone < soft / 2, ends, np.where(tone > 1 - soft / 2, 1 + soft - ends, tone + soft / 2))
    kept = float(np.exp(-2 * (np.pi * blur / pitch) ** 2))
    return np.asarray(tone + kept * (np.clip((level - threshold) / soft, 0, 1) - tone), dtype=np.float32)


def separate(light: Light, black: float) -> list[Light]:
    """Coverages of ideal cyan, magenta, yellow and black ink that together reflect ``light``: four (height, width), 0..1.

    Dots of differently turned screens meet by chance (Demichel), so reflectances multiply: red = (1 - cyan) (1 - black).
    """
    red, green, blue = cv2.split(light)
    key = np.asarray(black * (1 - np.maximum(np.maximum(red, green), blue)), dtype=np.float32)
    rest = 1 / np.maximum(1 - key, 1e-4)
    return [*(np.asarray(np.clip(1 - plane * rest, 0, 1), dtype=np.float32) for plane in (red, green, blue)), key]


def screen_grid(x: Light, y: Light, pitch: float, aperture: float = 0.6) -> Light:
    """Light of a white panel of red, green and blue stripes, as each camera pixel gathers it; its mean is 1.

    Args:
        x: (height, width) position on the panel, in camera pixels.
        y: (height, width) position on the panel, in camera pixels.
        pitch: distance of neighbouring screen pixels, in camera pixels.
        aperture: side of the square over which a camera pixel gathers light, in camera pixels.

    Returns:
        (height, width, 3) float32. Neighbouring camera pixels see different parts of the stripes: their beat is the moiré.
    """
    reach = aperture / 2 / pitch
    rows = _pulse(y / pitch, _ROW, reach)
    return _merged([rows * _pulse(x / pitch - channel / 3, _STRIPE, reach) for channel in range(3)])


def sensor(light: Light, rng: np.random.Generator, well: float, read: float) -> Light:
    """Shot and read noise: a pixel of n photo-electrons has the variance n + read², in electrons (Gaussian, mean kept).

    Args:
        light: linear light, any shape; 1 gives ``well`` electrons.
        rng: source of the noise.
        well: photo-electrons of white.
        read: standard deviation of the read noise, in electrons.

    Returns:
        float32 of the same shape, in the unit of ``light``; dark pixels may come out below 0.
    """
    spread = np.sqrt(np.maximum(light, 0) / well + (read / well) ** 2)
    return (light + spread * rng.standard_normal(light.shape, dtype=np.float32)).astype(np.float32, copy=False)


class _View(NamedTuple):
    """Where each camera pixel looks: (height, width) positions in pixels of the picture; and the scale of the view."""

    x: Light
    y: Light
    scale: float

    def seen(self, points: Landmarks) -> Landmarks:
        """Where points of the picture lie in the capture: the camera pixel that looks nearest to each."""
        nearest = [int(np.argmin((self.x - x) ** 2 + (self.y - y) ** 2)) for x, y in points]
        return tuple((float(place % self.x.shape[1]), float(place // self.x.shape[1])) for place in nearest)

    def inside(self, border: float) -> Light:
        """1 where the camera looks at the picture or a border of that width about it, 0 beyond, soft over a pixel."""
        height, width = self.x.shape
        across = np.minimum(self.x, width - 1 - self.x)
        within = np.minimum(across, np.minimum(self.y, height - 1 - self.y))
        return np.asarray(np.clip(within + border + 0.5, 0, 1), dtype=np.float32)


def _checked(picture: Pixels) -> Pixels:
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        got = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
        raise PictureError(f"a picture must be uint8 of shape (height, width, 3), RGB; got {got}")
    if min(picture.shape[:2]) < _SMALLEST:
        raise PictureError(f"a picture to simulate from needs sides of at least {_SMALLEST} pixels, got {picture.shape[:2]}")
    return picture


def _merged(planes: list[Light]) -> Light:
    """Three planes to (height, width, 3); whole planes are several times faster than broadcasting over an axis of 3."""
    return np.asarray(cv2.merge(planes), dtype=np.float32)


def tinted(plane: Light, colour: NDArray[np.float64] | tuple[float, ...] = (1.0, 1.0, 1.0)) -> Light:
    """A plane (H, W) in a colour: (H, W, 3)."""
    return _merged([plane * float(part) for part in colour])


def _over(front: Light, back: Light, share: Light) -> Light:
    """``front`` where the (height, width) share is 1, ``back`` where it is 0."""
    return back + (front - back) * tinted(share)


def _draw(rng: np.random.Generator, values: Range) -> float:
    return float(rng.uniform(*values))


@lru_cache(maxsize=1)
def _decoding() -> Light:
    code = np.arange(256) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


@lru_cache(maxsize=1)
def _srgb() -> Light:
    light = np.arange(65536) / 65535
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def encoding(contrast: float) -> Pixels:
    """The way back as a table of 65,536 codes, with the tone curve in it."""
    code = _srgb()
    code = code + contrast * code * (1 - code) * (2 * code - 1)
    return np.asarray(np.round(255 * code), dtype=np.uint8)


def _triangle(turns: Light) -> Light:
    """Distance from the nearest whole number, 0..1: 1 half way between two."""
    return 2 * np.abs(turns - np.round(turns))


def _pulse(turns: Light, duty: float, reach: float) -> Light:
    """A train of pulses of mean 1, averaged from ``turns - reach`` to ``turns + reach``: exact, by its integral."""
    total = np.zeros_like(turns)
    for sign in (1, -1):
        at = turns + sign * reach
        whole = np.floor(at)
        total += sign * (whole * duty + np.minimum(at - whole, duty))
    return total / (2 * reach * duty)


def _look(picture: Pixels, rng: np.random.Generator, settings: PrintSettings | ReplaySettings, bend: float = 0.0) -> _View:
    height, width = picture.shape[:2]
    fill, angle, tilt = _draw(rng, settings.fill), np.radians(_draw(rng, settings.rotation)), _draw(rng, settings.tilt)
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], dtype=np.float64)
    centre = corners.mean(axis=0)
    turn = fill * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = (corners - centre) @ turn + centre + rng.uniform(-tilt, tilt, (4, 2)) * max(height, width)
    back = cv2.getPerspectiveTransform(moved.astype(np.float32), corners.astype(np.float32)).tolist()
    row, column = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    x, y, depth = (a * column + b * row + c for a, b, c in back)
    x, y = x / depth, y / depth
    return _View(x, y + bend * height * (2 * x / (width - 1) - 1) ** 2, fill)


def _eye_holes(view: _View, landmarks: Landmarks, rng: np.random.Generator) -> Light:
    """1 in the two holes that scissors left, 0 elsewhere, soft over a pixel; (height, width)."""
    right, left = np.array(landmarks[:2])
    apart = max(float(np.hypot(*(left - right))), 1.0)
    along = (left - right) / apart
    half_width, half_height = rng.uniform(0.26, 0.4) * apart, rng.uniform(0.13, 0.24) * apart
    holes = np.zeros_like(view.x)
    for eye in (right, left):
        x, y = view.x - eye[0], view.y - eye[1]
        radius = np.hypot((x * along[0] + y * along[1]) / half_width, (y * along[0] - x * along[1]) / half_height)
        holes = np.maximum(holes, np.clip((1 - radius) * half_height + 0.5, 0, 1))
    return np.asarray(holes, dtype=np.float32)


def _clouds(shape: tuple[int, ...], rng: np.random.Generator, cells: int) -> Light:
    """Smooth standard normal noise with that many cells across; (height, width)."""
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _surround(shape: tuple[int, ...], rng: np.random.Generator) -> Light:
    """The room behind the print or screen, out of focus."""
    return tinted(np.clip(1 + 0.35 * _clouds(shape, rng, 4), 0.1, 2), rng.uniform(0.03, 0.35) * rng.uniform(0.8, 1.2, 3))


def _lobe(shape: tuple[int, ...], rng: np.random.Generator, spread: Range) -> Light:
    """A highlight of height 1: the product of two bells at a random place; (height, width)."""
    bells = []
    for side in shape[:2]:
        at, width = rng.uniform(-0.1, 1.1) * side, _draw(rng, spread) * side
        bells.append(np.exp(-(((np.arange(side, dtype=np.float32) - at) / width) ** 2)))
    return np.asarray(np.outer(bells[0], bells[1]), dtype=np.float32)


def _window(shape: tuple[int, ...], rng: np.random.Generator) -> Light:
    """A window mirrored in glass: a rectangle of height 1 with blurred edges, often partly outside; (height, width)."""
    sides = []
    for side in shape[:2]:
        at, half, edge = rng.uniform(0, 1) * side, rng.uniform(0.1, 0.35) * side, rng.uniform(0.02, 0.08) * side
        away = np.abs(np.arange(side, dtype=np.float32) - at) - half
        sides.append(0.5 - 0.5 * np.tanh(away / edge))
    return np.asarray(np.outer(sides[0], sides[1]), dtype=np.float32)


def print_light(picture: Pixels, rng: np.random.Generator, settings: PrintSettings) -> tuple[Light, _View]:
    """What a camera pixel sees of the print, and where it looks."""
    bend = _draw(rng, settings.bend)
    view = _look(picture, rng, settings, bend)
    shown = np.asarray(cv2.remap(to_light(picture), view.x, view.y, cv2.INTER_LINEAR, borderValue=(1, 1, 1)), dtype=np.float32)
    sheet = _inked(np.clip(shown, 0, 1), view, rng, settings) * _paper(picture.shape, rng, settings)
    shade = 1 + 4 * bend * np.clip(2 * view.x / (picture.shape[1] - 1) - 1, -2, 2)
    sheet = sheet * tinted(shade) + tinted(_draw(rng, settings.gloss) * _lobe(picture.shape, rng, (0.2, 0.7)))
    return _over(sheet, _surround(picture.shape, rng), view.inside(0.06 * max(picture.shape))), view


def _inked(shown: Light, view: _View, rng: np.random.Generator, settings: PrintSettings) -> Light:
    """Reflectance of the print over that of its paper (Neugebauer's mixture, with Demichel's coverages)."""
    pitch, lens = (_draw(rng, drawn) / view.scale for drawn in (settings.pitch, settings.lens))
    pitch, gain = max(pitch, 1.0), _draw(rng, settings.gain)
    impurity, density = _draw(rng, settings.impurity), _draw(rng, settings.density)
    inks = _IDEAL_INKS + impurity * (_REAL_INKS - _IDEAL_INKS)
    inks = density + (1 - density) * inks
    phase = rng.uniform(0, pitch, (4, 2)).tolist()
    planes = [np.ones_like(view.x) for _ in range(3)]
    for tone, angle, (dx, dy), ink in zip(separate(shown, _draw(rng, settings.black)), SCREEN_ANGLES, phase, inks, strict=True):
        spread = tone + 4 * gain * tone * (1 - tone)
        covered = halftone(spread, view.x + dx, view.y + dy, pitch, angle, lens)
        planes = [plane * (1 - (1 - reflected) * covered) for plane, reflected in zip(planes, ink.tolist(), strict=True)]
    return _merged(planes)


def _paper(shape: tuple[int, ...], rng: np.random.Generator, settings: PrintSettings) -> Light:
    """Reflectance of the blank sheet: white point, fibres of about a pixel, and slow mottling."""
    tint, texture = _draw(rng, settings.tint), _draw(rng, settings.texture)
    white = _draw(rng, settings.paper) * np.array([1 + tint, 1, 1 - tint])
    fibres = cv2.GaussianBlur(rng.standard_normal(shape[:2], dtype=np.float32), (0, 0), 0.8)
    rough = 1 + texture * (2.8 * fibres + _clouds(shape, rng, 12))  # the blur leaves 1 / 2.8 of the fibres' deviation
    return tinted(rough, white)


def screen_light(picture: Pixels, rng: np.random.Generator, settings: ReplaySettings) -> tuple[Light, _View]:
    """What a camera pixel sees of the screen, and where it looks."""
    shape = picture.shape
    view, pitch = _look(picture, rng, settings), _draw(rng, settings.pitch)
    table = (np.arange(256) / 255) ** _draw(rng, settings.gamma)
    source = cv2.LUT(picture, table.astype(np.float32))
    shown = cv2.remap(source, view.x, view.y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grid = screen_grid(view.x * view.scale, view.y * view.scale, pitch, _draw(rng, settings.aperture))
    floor, kept, white = _draw(rng, settings.floor), _draw(rng, settings.grid), float(np.sqrt(_draw(rng, settings.white)))
    panel = np.array([1 / white, 1, white]) * _draw(rng, settings.brightness)
    flicker = np.broadcast_to(_refresh(shape[0], rng, settings), view.x.shape)
    lit = (floor + (1 - floor) * shown) * (1 + kept * (grid - 1)) * tinted(flicker, panel)
    bezel, frame = _draw(rng, settings.bezel) * max(shape), np.full(shape, rng.uniform(0.005, 0.05), dtype=np.float32)
    glare = _draw(rng, settings.glare) * (0.25 + 0.75 * _window(shape, rng))
    front = _over(lit, frame, view.inside(0.0)) + tinted(glare)
    return _over(front, _surround(shape, rng), view.inside(bezel)), view


def _refresh(height: int, rng: np.random.Generator, settings: ReplaySettings) -> Light:
    """Rows are read one after the other while the panel flickers: a slow wave down the picture; (height, 1)."""
    depth, waves, phase = _draw(rng, settings.band), rng.uniform(0.5, 2.5), rng.uniform(0, 1)
    turns = np.linspace(0, waves, height, dtype=np.float32) + phase
    return np.asarray(1 - depth * (0.5 + 0.5 * np.cos(2 * np.pi * turns)), dtype=np.float32)[:, None]


def photograph(light: Light, rng: np.random.Generator, settings: CameraSettings) -> Pixels:
    """Lens, Bayer sensor, and what the camera makes of its raw picture."""
    blur = _draw(rng, settings.blur)
    if blur > 0:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), blur), dtype=np.float32)
    red, blue = _draw(rng, settings.balance), _draw(rng, settings.balance)
    gains = np.array([red, 1, blue]) * _draw(rng, settings.exposure)
    raw = sensor(_mosaic(light, gains), rng, _draw(rng, settings.well), _draw(rng, settings.read))
    codes = encoding(_draw(rng, settings.contrast))[_demosaic(raw)]
    amount = _draw(rng, settings.sharpening)
    if amount > 0:
        soft = cv2.GaussianBlur(codes, (0, 0), 1.0)
        codes = np.asarray(cv2.addWeighted(codes, 1 + amount, soft, -amount, 0), dtype=np.uint8)
    return _jpeg(codes, round(_draw(rng, settings.quality)))


def _mosaic(light: Light, gains: NDArray[np.float64]) -> Light:
    """One colour a pixel: red and green in even rows, green and blue in odd ones; (height, width), saturated at 1."""
    red, green, blue = gains.tolist()
    raw = light[..., 1] * green
    raw[0::2, 0::2] = light[0::2, 0::2, 0] * red
    raw[1::2, 1::2] = light[1::2, 1::2, 2] * blue
    return np.asarray(np.minimum(raw, 1), dtype=np.float32)


def _demosaic(raw: Light) -> NDArray[np.uint16]:
    """Three colours a pixel, linear, 0..65535. A pedestal keeps the noise of black pixels symmetric until they are averaged."""
    pedestal, gain = 4096, 53248
    codes = np.clip(raw * gain + pedestal, 0, 65535).astype(np.uint16)
    colours = cv2.cvtColor(codes, cv2.COLOR_BayerRGGB2RGB).astype(np.float32)
    return np.asarray(np.clip((colours - pedestal) * (65535 / gain), 0, 65535), dtype=np.uint16)


def _jpeg(picture: Pixels, quality: int) -> Pixels:
    data = np.frombuffer(encoded(picture, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)
