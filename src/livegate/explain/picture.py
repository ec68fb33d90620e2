"""A heat map or a depth map as a picture: what the network was given, the map over it, and in words what the colours say."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from livegate.decision import Decision
from livegate.explain.heat import HeatMap
from livegate.files import write
from livegate.pictures import encoded
from livegate.preprocessing import Pixels

BONA_FIDE = (0, 114, 178)
ATTACK = (213, 94, 0)
"""Blue and orange stay apart for colour-blind eyes; the words beside the scale say it too."""
INK, PALE = (34, 34, 34), (105, 105, 105)
STRONGEST = 0.8
"""How much of the picture the strongest colour hides."""
FAINTEST = 0.1
"""The scale reaches at least so far, in logits, so that next to nothing is not painted as if it were much."""
SIDE = 384
"""Pixels of a panel, unless the crop has more."""
EDGE, TITLE, BAR, LABELS, FOOT = 24, 48, 20, 132, 96
"""Pixels of the margin, the title, the width of the scale and of the words beside it, and the words below."""


def drawn(crop: Pixels, heat: HeatMap, decision: Decision) -> Pixels:
    """The crop, the heat map over a grey copy of it with its scale, and in words the decision and how the map was made.

    Args:
        crop: (size, size, 3) uint8, RGB.
        heat: its heat map.
        decision: what was decided about it, with its score.

    Returns:
        (height, width, 3) uint8, RGB.
    """
    side = max(SIDE, len(crop))
    limit = max(FAINTEST, float(np.abs(heat.values).max()))
    seen = _enlarged(crop, side)
    values = np.asarray(cv2.resize(heat.values / limit, (side, side), interpolation=cv2.INTER_LINEAR), np.float64)
    scale = np.repeat(np.linspace(1, -1, side)[:, None], BAR, axis=1)
    page, pen, lefts = _page(seen, _painted(_grey(seen), values), _painted(np.float64(205), scale), decision)
    _label(pen, (lefts[2] + BAR + 10, EDGE + TITLE), side, limit)
    _captions(pen, lefts, side, f"{heat.method}: where it looked", _foot(heat, decision.configuration))
    return np.asarray(page)


def drawn_depth(crop: Pixels, depth: NDArray[np.float64], decision: Decision) -> Pixels:
    """The crop, the depth that was predicted for it with its scale, and in words the decision, which another network made.

    Args:
        crop: (size, size, 3) uint8, RGB, what the generator was given.
        depth: (M, M), 0 far or no face, black; 1 nearest, white: the same for every picture, so that what is flat looks flat.
        decision: what was decided about the face, with its score.

    Returns:
        (height, width, 3) uint8, RGB.
    """
    side = max(SIDE, len(crop))
    near = np.asarray(cv2.resize(depth, (side, side), interpolation=cv2.INTER_LINEAR), np.float64)
    scale = np.repeat(np.linspace(1, 0, side)[:, None], BAR, axis=1)
    page, pen, lefts = _page(_enlarged(crop, side), _shaded(near), _shaded(scale), decision)
    x, top = lefts[2] + BAR + 10, EDGE + TITLE
    pen.text((x, top), "1 nearest", INK, _font(17))
    pen.multiline_text((x, top + side - 42), "0 far, or\nno face", INK, _font(17))
    foot = (
        f"mean depth {depth.mean():.3f}; a bona fide face should rise, an attack stay flat; the scale is the same for every\n"
        "picture; the decision above is that of the liveness network, not of this map"
    )
    _captions(pen, lefts, side, "depth: how near it takes each place to be", foot)
    return np.asarray(page)


def save(picture: Pixels, path: Path) -> None:
    """Write a picture as PNG, whole or not at all; its folder is made if it is missing.

    Args:
        picture: (height, width, 3) uint8, RGB.
        path: the file.

    Raises:
        LivegateError: if it cannot be written.
    """
    write(path, encoded(picture, ".png"), "picture")


def _page(
    seen: Pixels, told: Pixels, scale: Pixels, decision: Decision
) -> tuple[Image.Image, ImageDraw.ImageDraw, tuple[int, int, int]]:
    """Two panels and a scale side by side under the decision; where the left edge of each is."""
    side, top = len(seen), EDGE + TITLE
    lefts = (EDGE, 2 * EDGE + side, 3 * EDGE + 2 * side)
    page = Image.new("RGB", (lefts[2] + BAR + LABELS + EDGE, top + side + FOOT), "white")
    for panel, left in zip((seen, told, scale), lefts, strict=True):
        page.paste(Image.fromarray(panel), (left, top))
    pen = ImageDraw.Draw(page)
    pen.text((EDGE, EDGE), _verdict(decision), BONA_FIDE if decision.accepted else ATTACK, _font(24))
    return page, pen, lefts


def _captions(pen: ImageDraw.ImageDraw, lefts: tuple[int, int, int], side: int, told: str, foot: str) -> None:
    """The words below the panels."""
    below = EDGE + TITLE + side + 8
    pen.text((lefts[0], below), "what the network was given", INK, _font(17))
    pen.text((lefts[1], below), told, INK, _font(17))
    pen.multiline_text((EDGE, below + 34), foot, PALE, _font(15))


def _enlarged(crop: Pixels, side: int) -> Pixels:
    return np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def _shaded(values: NDArray[np.float64]) -> Pixels:
    """Values 0..1, (H, W), from black to white."""
    return np.repeat((255 * np.clip(values, 0, 1) + 0.5).astype(np.uint8)[..., None], 3, axis=2)


def _grey(picture: Pixels) -> NDArray[np.float64]:
    """A pale grey copy, (H, W, 1), on which colours are seen."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    return (60 + 0.75 * luma)[..., None]


def _painted(ground: NDArray[np.float64] | np.float64, values: NDArray[np.float64]) -> Pixels:
    """Values -1..1, (H, W), in colour over a ground of 0..255: the further from zero, the stronger."""
    colour = np.where(values[..., None] > 0, np.array(BONA_FIDE), np.array(ATTACK))
    strength = STRONGEST * np.abs(values)[..., None]
    return np.asarray((1 - strength) * ground + strength * colour + 0.5, np.uint8)


def _label(pen: ImageDraw.ImageDraw, corner: tuple[int, int], height: int, limit: float) -> None:
    """The words beside the scale."""
    (x, y), size = corner, 17
    pen.text((x, y), f"+{limit:.2f}", INK, _font(size))
    pen.multiline_text((x, y + 24), "speaks for\nbona fide", BONA_FIDE, _font(size))
    pen.text((x, y + height / 2), "0", INK, _font(size), anchor="lm")
    pen.text((x, y + height), f"-{limit:.2f}", INK, _font(size), anchor="ld")
    pen.multiline_text((x, y + height - 68), "speaks for\nan attack", ATTACK, _font(size))


def _verdict(decision: Decision) -> str:
    word, sign = ("bona fide", ">=") if decision.accepted else ("attack", "<")
    return f"{word}: score {decision.score:.4f} {sign} threshold {decision.threshold:.4f}"


def _foot(heat: HeatMap, configuration: str) -> str:
    used = f"configuration {configuration}, " if configuration else ""
    size = len(heat.values)
    return f"{used}logit difference {heat.whole:+.2f}; colour: {heat.meaning};\nnothing finer than {heat.grain} of the {size} pixels across can be seen"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
