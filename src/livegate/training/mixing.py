"""Pictures of a batch mixed with one another: mixup (Zhang et al. 2018, arXiv 1710.09412) and cutmix (Yun et al. 2019, arXiv 1905.04899)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from livegate.training.recipe import Mix


class Mixture(NamedTuple):
    """A batch after mixing.

    Attributes:
        pictures: (N, 3, S, S).
        partners: (N,) int64, the picture that each was mixed with; None if nothing was mixed.
        share: of the picture itself in the mixture, 0..1; the rest is its partner's.
    """

    pictures: Tensor
    partners: Tensor | None = None
    share: float = 1.0


def mixed(pictures: Tensor, settings: Mix, rng: np.random.Generator) -> Mixture:
    """Mix each picture of a batch with another one, or leave them as they are.

    Args:
        pictures: (N, 3, S, S) float; not written to.
        settings: what is done, and how often.
        rng: where chance comes from; without mixing nothing is drawn.
    """
    if settings.name == "none" or rng.random() >= settings.probability:
        return Mixture(pictures)
    share = rng.beta(settings.alpha, settings.beta)
    partners = torch.from_numpy(rng.permutation(len(pictures))).to(pictures.device)
    if settings.name == "mixup":
        return Mixture(share * pictures + (1 - share) * pictures[partners], partners, share)
    return _cut(pictures, partners, share, rng)


def _cut(pictures: Tensor, partners: Tensor, share: float, rng: np.random.Generator) -> Mixture:
    """Put a rectangle of the partner into each picture; what lies outside the picture is lost, so the share is counted again."""
    sides = np.array(pictures.shape[-2:])
    half = sides * np.sqrt(1 - share) / 2
    centre = rng.integers(sides)
    (top, left), (bottom, right) = (np.clip(np.round(centre + way * half), 0, sides).astype(int) for way in (-1, 1))
    result = pictures.clone()
    result[..., top:bottom, left:right] = pictures[partners][..., top:bottom, left:right]
    return Mixture(result, partners, 1 - float((bottom - top) * (right - left) / sides.prod()))
