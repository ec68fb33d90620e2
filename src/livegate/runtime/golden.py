"""Replaying the golden vectors of an artifact: does this machine compute what it should?"""

from __future__ import annotations

import zipfile

import numpy as np

from livegate.configuration import Configuration
from livegate.errors import ArtifactError
from livegate.runtime.engine import Engine


def replay(engine: Engine) -> float:
    """The largest absolute difference of a logit from the golden one, over all pictures and configurations in the artifact.

    Raises:
        ArtifactError: if the file of golden vectors cannot be read.
    """
    path = engine.artifact.folder / engine.manifest.golden.file
    try:
        with np.load(path, allow_pickle=False) as file:
            images, names, logits = (file[key] for key in ("images", "configurations", "logits"))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ArtifactError(engine.artifact.folder, [f"{path.name} cannot be read ({error})"]) from None
    pixels = images.astype(np.float32)
    got = np.stack([engine.logits(pixels, Configuration.parse(str(name))) for name in names])
    return float(np.abs(got - logits).max())
