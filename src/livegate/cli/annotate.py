"""A picture with its faces, decisions and scores drawn on it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livegate.decision import Decision, Status
from livegate.errors import LivegateError
from livegate.preprocessing import Pixels

# Blue and orange stay apart for colour-blind eyes; the word says it too.
COLOURS: Final = {Status.BONA_FIDE: (0, 114, 178), Status.ATTACK: (213, 94, 0)}
OTHER: Final = (110, 110, 110)
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX


def annotated(picture: Pixels, decisions: list[Decision]) -> Pixels:
    """A copy of the picture, a band of text below it for each decision, boxes on it: (H + bands, W, 3) uint8, RGB."""
    scale = max(0.4, picture.shape[1] / 900)
    line = round(32 * scale)
    canvas = np.full((picture.shape[0] + line * len(decisions), picture.shape[1], 3), 255, np.uint8)
    canvas[: picture.shape[0]] = picture
    for number, decision in enumerate(decisions):
        colour = COLOURS.get(decision.status, OTHER)
        if decision.face is not None:
            x, y, width, height = (round(value) for value in decision.face)
            cv2.rectangle(canvas[: picture.shape[0]], (x, y), (x + width, y + height), colour, max(1, round(3 * scale)))
        top = picture.shape[0] + line * number
        canvas[top : top + line] = colour
        text = _caption(decision)
        room = picture.shape[1] - 12 * scale
        fit = min(0.72 * scale, 0.72 * scale * room / max(1, cv2.getTextSize(text, FONT, 0.72 * scale, 1)[0][0]))
        place = round(6 * scale), round(top + 0.7 * line)
        cv2.putText(canvas, text, place, FONT, fit, (255, 255, 255), max(1, round(1.6 * fit)), cv2.LINE_AA)
    return canvas


def save(picture: Pixels, decisions: list[Decision], folder: Path, name: str) -> Path:
    """Write the annotated picture as JPEG, named after its source; a short hash of the whole name keeps two of a name apart.

    Raises:
        LivegateError: if it cannot be written.
    """
    stem = Path(name).name.replace("#", "-")
    path = folder / f"{stem}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:6]}.jpg"
    _, data = cv2.imencode(".jpg", annotated(picture, decisions)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    partial = path.with_name(path.name + ".partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data.tobytes())
        partial.replace(path)
    except OSError as error:
        raise LivegateError(f"annotated picture {path} cannot be written ({error.strerror})") from None
    return path


def _caption(decision: Decision) -> str:
    if decision.score is None or decision.threshold is None:
        return f"not judged: {decision.reason}"
    word = "bona fide" if decision.accepted else "attack"
    return f"{word}  score {decision.score:.3f}  threshold {decision.threshold:.3f}  {decision.configuration}"
