"""A picture with its faces, decisions and scores drawn on it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livegate.decision import Decision, Status
from livegate.files import write
from livegate.pictures import encoded
from livegate.preprocessing import Pixels, resize

# Blue and orange stay apart for colour-blind eyes; the word says it too.
COLOURS: Final = {Status.BONA_FIDE: (0, 114, 178), Status.ATTACK: (213, 94, 0)}
OTHER: Final = (110, 110, 110)
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
NARROWEST: Final = 320
"""A narrower picture gets a white margin on the right, so that its text stays readable."""
LONGEST: Final = 4096
"""A picture with a longer side is drawn smaller: one of 1 x 64,000,000 pixels must not get a margin as long as that."""
LETTERS: Final = 40
"""The last of a picture's name, with the number of a frame, that stand in the name of its copy."""
MOST: Final = 40
"""Of more faces only so many, the largest, get a band, so that what is written can be read here again."""


def annotated(picture: Pixels, decisions: list[Decision]) -> Pixels:
    """A copy of the picture, no side longer than 4096, with boxes on it and below it a band of text for each of the first 40.

    Args:
        picture: (H, W, 3) uint8, RGB.
        decisions: the faces, the most important first: its box lies on top.

    Returns:
        (H + bands, max(W, 320), 3) uint8, RGB, where H and W are those of the picture as it is drawn.
    """
    scale = min(1.0, LONGEST / max(picture.shape[:2]))
    height, width = (max(1, round(scale * side)) for side in picture.shape[:2])
    thickness = max(2, round(width / 250))
    upper = np.full((height, max(width, NARROWEST), 3), 255, np.uint8)
    upper[:, :width] = resize(picture, width, height)
    for decision in reversed(decisions):
        if decision.face is not None:
            x, y, wide, high = (round(scale * value) for value in decision.face)
            cv2.rectangle(upper[:, :width], (x, y), (x + wide, y + high), _colour(decision), thickness)
    bands = (_band(_caption(decision), _colour(decision), upper.shape[1]) for decision in decisions[:MOST])
    return np.vstack([upper, *bands])


def save(picture: Pixels, decisions: list[Decision], folder: Path, name: str) -> Path:
    """Write the annotated picture as JPEG, named after its source; a short hash of the whole name keeps two of a name apart.

    Raises:
        LivegateError: if it cannot be written.
    """
    stem = Path(name).name.replace("#", "-")[-LETTERS:]
    path = folder / f"{stem}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:6]}.jpg"
    write(path, encoded(annotated(picture, decisions), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 92), "annotated picture")
    return path


def _band(text: str, colour: tuple[int, int, int], width: int) -> Pixels:
    """White text on a band of a colour, in as many lines as it needs."""
    size = max(0.5, width / 1100)
    edge, line = round(14 * size), round(34 * size)
    lines = _wrapped(text, size, width - 2 * edge)
    band = np.full((line * len(lines) + edge // 2, width, 3), colour, np.uint8)
    for number, words in enumerate(lines, start=1):
        place = edge, line * number - round(4 * size)
        cv2.putText(band, words, place, FONT, size, (255, 255, 255), max(1, round(1.5 * size)), cv2.LINE_AA)
    return band


def _wrapped(text: str, size: float, room: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and cv2.getTextSize(longer, FONT, size, 1)[0][0] > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _colour(decision: Decision) -> tuple[int, int, int]:
    return COLOURS.get(decision.status, OTHER)


def _caption(decision: Decision) -> str:
    if decision.score is None or decision.threshold is None:
        return f"not judged: {decision.reason}"
    word, sign = ("bona fide", ">=") if decision.accepted else ("attack", "<")
    return f"{decision.configuration} {word}, score {decision.score:.3f} {sign} {decision.threshold:.3f}".strip()
