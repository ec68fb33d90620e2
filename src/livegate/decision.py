"""What Livegate says about a face, and how a score comes out of a network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from livegate.sample import Box

BONA_FIDE_LOGIT, ATTACK_LOGIT = 0, 1
"""Which output of a liveness network is which."""


Task = Literal["liveness", "verification"]
"""What a network is for."""


class Status(StrEnum):
    """The outcome for one picture."""

    BONA_FIDE = "bona-fide"
    ATTACK = "attack"
    NOT_JUDGED = "not-judged"
    ERROR = "error"


class Verdict(StrEnum):
    """The outcome of a comparison behind the gate."""

    MATCH = "match"
    NO_MATCH = "no-match"
    ATTACK = "attack"
    NOT_JUDGED = "not-judged"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one face; plain numbers that can be logged and replayed, never pixels.

    Attributes:
        status: bona fide exactly when there is a score and ``score >= threshold``.
        score: 0..1, higher = more bona fide; None when the picture was not judged.
        threshold: the score from which a face counts as bona fide, for this configuration; None when not judged.
        configuration: the branches that were computed; empty for a network without adaptive blocks.
        latency_ms: time in the network alone; 0 when it did not run.
        total_ms: time from the picture to the decision.
        face: the box that was judged, in pixels of the picture; None when no face was found.
        reason: why the picture was not judged; empty otherwise.
    """

    status: Status
    score: float | None
    threshold: float | None
    configuration: str
    latency_ms: float
    total_ms: float
    face: Box | None
    reason: str = ""

    @classmethod
    def judged(  # noqa: PLR0913 - all facts of it
        cls, score: float, threshold: float, configuration: str, latency_ms: float, total_ms: float, face: Box | None
    ) -> Self:
        """What a score means under a threshold."""
        status = Status.BONA_FIDE if score >= threshold else Status.ATTACK
        return cls(status, score, threshold, configuration, latency_ms, total_ms, face)

    @classmethod
    def not_judged(cls, reason: str, total_ms: float, face: Box | None = None, latency_ms: float = 0.0) -> Self:
        """There is no score."""
        return cls(Status.NOT_JUDGED, None, None, "", latency_ms, total_ms, face, reason)

    @property
    def accepted(self) -> bool:
        """Whether the face was found to be bona fide."""
        return self.status is Status.BONA_FIDE


@dataclass(frozen=True, slots=True)
class Match:
    """The outcome of a comparison behind the gate; plain numbers that can be logged and replayed, never pixels or embeddings.

    Attributes:
        liveness: what was found of the probe; everything else is empty unless it is bona fide.
        similarity: cosine of the two embeddings, -1..1; None when nothing was compared.
        threshold: from which similarity both are one person; None when nothing was compared.
        configuration: the branches that the network for verification computed.
        reason: why the probe is not accepted; empty when it is.
    """

    liveness: Decision
    similarity: float | None = None
    threshold: float | None = None
    configuration: str = ""
    reason: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the probe is a bona fide face of the person of the reference. Whatever is not known is not accepted."""
        known = self.similarity is not None and self.threshold is not None and self.similarity >= self.threshold
        return self.liveness.accepted and known and not self.reason

    @property
    def verdict(self) -> Verdict:
        """In one word."""
        if not self.liveness.accepted:
            return Verdict(self.liveness.status.value)
        if self.similarity is None:
            return Verdict.NOT_JUDGED
        return Verdict.MATCH if self.accepted else Verdict.NO_MATCH


def score_from_logits(logits: NDArray[Any]) -> NDArray[np.float64]:
    """The score of each picture: ``1 / (1 + exp(l_attack - l_bona))``, in float64; higher = more bona fide.

    Args:
        logits: (N, 2) float, 0 bona fide, 1 attack.

    Returns:
        (N,) float64, 0..1.
    """
    difference = logits[:, ATTACK_LOGIT].astype(np.float64) - logits[:, BONA_FIDE_LOGIT].astype(np.float64)
    return np.asarray(np.exp(-np.logaddexp(0.0, difference)), dtype=np.float64)
