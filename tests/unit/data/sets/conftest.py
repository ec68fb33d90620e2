"""Trees of videos in the layout of a data set: every video is the same tiny clip."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

Plant = Callable[[Path, Iterable[str]], Path]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of 64 x 64 pixels, frame n grey of about 40 n."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 64))
    assert writer.isOpened()
    for number in range(6):
        writer.write(np.full((64, 64, 3), 40 * number, np.uint8))
    writer.release()
    return path


@pytest.fixture(scope="session")
def plant(clip: Path) -> Plant:
    """Put the clip below a folder under each of these names; gives the folder."""

    def planter(root: Path, names: Iterable[str]) -> Path:
        folders = set()
        for name in names:
            path = root / name
            if path.parent not in folders:
                path.parent.mkdir(parents=True, exist_ok=True)
                folders.add(path.parent)
            path.hardlink_to(clip)
        return root

    return planter
