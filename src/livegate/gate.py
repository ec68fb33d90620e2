"""The whole way from a picture to a decision: capture, quality, liveness and, where a face is compared, the match.

A gate fails closed: whatever is missing, in doubt or broken on the way ends in an error or in a decision that accepts nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple, Unpack

import numpy as np
from numpy.typing import NDArray

from livegate import pictures
from livegate.capture import NO_FACE, Capture, Captured, QualityLimits
from livegate.configuration import Branch, Configuration
from livegate.decision import Decision, Match
from livegate.errors import LivegateError, PictureError
from livegate.metrics.scores import mean_score
from livegate.metrics.similarities import cosine
from livegate.preprocessing import Pixels
from livegate.runtime.engine import Engine, EngineOptions
from livegate.runtime.foreign import opened
from livegate.verifier import Verifier
from livegate.weights import DEFAULT, locate

Picture = str | Path | bytes | NDArray[np.uint8]
"""A path, the bytes of an encoded picture, or an array (height, width, 3) uint8 in RGB order, 0..255."""


class Presented(NamedTuple):
    """A face at the gate.

    Attributes:
        decision: whether it is bona fide.
        embedding: (D,) float32, of unit length; None unless it is.
    """

    decision: Decision
    embedding: NDArray[np.float32] | None


class Gate:
    """Tells a bona fide face from a presentation attack, and whose it is. Threads may share one; they take turns, so give each its own where they are to work at once.

    >>> gate = Gate()
    >>> decision = gate.check("face.jpg", configuration="LLL")
    >>> decision.accepted, decision.score, decision.threshold
    >>> gate = Gate(verifier=Verifier("verifier"))
    >>> gate.verify("passport.jpg", "camera.jpg").accepted

    Args:
        model: the name of a shipped model, the folder of an artifact, or a file of another maker.
        contract: what a file of another maker follows where it is not known by its SHA-256, see `livegate.runtime.omz`.
        limits: what a face must have to be judged.
        verifier: makes embeddings, for `present` and `verify`.
        options: how the network is run, see `EngineOptions`.

    Raises:
        LivegateError: if there is no such model.
        ArtifactError: if the artifact has faults, or nothing for the runtime.
    """

    def __init__(
        self,
        model: str | Path = DEFAULT,
        *,
        contract: str | None = None,
        limits: QualityLimits | None = None,
        verifier: Verifier | None = None,
        **options: Unpack[EngineOptions],
    ) -> None:
        self.engine = Engine(opened(locate(str(model)), contract), **options)
        self.engine.manifest.require("liveness", self.engine.artifact.folder)
        self.verifier = verifier
        self._capture = Capture(self.engine.preprocessing, limits)

    def check(self, picture: Picture, configuration: str | None = None) -> Decision:
        """Decide about the largest face of a picture.

        Args:
            picture: a path, encoded bytes, or an array (height, width, 3) uint8 in RGB order, 0..255.
            configuration: letters such as HLH, ``heaviest``, ``lightest``, or None for the model's default.

        Raises:
            PictureError: if the picture cannot be read or the array is not one.
            ConfigurationError: if the model does not have the configuration.
        """
        started = perf_counter()
        chosen = self.engine.choose(configuration)
        return self._decided(self._capture.largest(_pixels(picture)), chosen, started)

    def check_all(self, picture: Picture, configuration: str | None = None) -> list[Decision]:
        """Decide about every face of a picture, the largest first; one decision *not judged* when there is none.

        Takes and raises what `check` does.
        """
        started = perf_counter()
        chosen = self.engine.choose(configuration)
        faces = self._capture.faces(_pixels(picture))
        return [self._decided(captured, chosen, started) for captured in faces] or [self._decided(None, chosen, started)]

    def present(self, picture: Picture, configuration: str | None = None, *, match: str | None = None) -> Presented:
        """Decide about the only face of a picture and, if it is bona fide, embed it. Two faces are not judged: one could vouch for the other.

        Args:
            picture: as `check` takes it.
            configuration: of the network for liveness, as `check` takes it.
            match: the same of the one for verification.

        Raises:
            LivegateError: if the gate has no verifier, and what `check` raises.
        """
        started, verifier = perf_counter(), self._required()
        chosen, matching = self.engine.choose(configuration), verifier.choose(match)
        pixels = _pixels(picture)
        captured, fault = self._only(pixels)
        if captured is None:
            return Presented(Decision.not_judged(fault, _since(started)), None)
        decision = self._decided(captured, chosen, started)
        if not decision.accepted:
            return Presented(decision, None)
        return Presented(decision, verifier.embed([verifier.align(pixels, captured.face.landmarks)], matching)[0])

    def verify(
        self, reference: Picture, probe: Picture, configuration: str | None = None, *, match: str | None = None
    ) -> Match:
        """Decide whether the probe is a bona fide face of the person that the reference shows.

        The reference, which may be the photograph of a document, is asked for one face of good quality, not for liveness.

        Args:
            reference: as `check` takes it.
            probe: what the camera sees.
            configuration: of the network for liveness, as `check` takes it.
            match: the same of the one for verification.

        Raises:
            LivegateError: if the gate has no verifier, and what `check` raises.
        """
        verifier = self._required()
        matching = verifier.choose(match)
        presented = self.present(probe, configuration, match=match)
        if presented.embedding is None:
            return Match(presented.decision, reason=presented.decision.reason or "the probe is a presentation attack")
        pixels = _pixels(reference)
        captured, fault = self._only(pixels)
        if captured is None or captured.fault:
            return Match(presented.decision, reason=f"reference: {fault or (captured.fault if captured else '')}")
        known = verifier.embed([verifier.align(pixels, captured.face.landmarks)], matching)[0]
        similarity = float(cosine(known, presented.embedding))
        threshold = verifier.threshold(matching).value
        reason = "" if similarity >= threshold else "the faces are not alike enough to be one person's"
        return Match(presented.decision, similarity, threshold, str(matching), reason)

    def _only(self, pixels: Pixels) -> tuple[Captured | None, str]:
        """The only face of a picture, or why there is none."""
        faces = self._capture.faces(pixels)
        if len(faces) > 1:
            return None, f"{len(faces)} faces were found; show one person alone"
        return (faces[0], "") if faces else (None, NO_FACE)

    def _required(self) -> Verifier:
        if self.verifier is None:
            raise LivegateError("this gate compares no faces; give it a verifier: Gate(verifier=Verifier(…))")
        return self.verifier

    def warm_up(self) -> None:
        """Run the network once under every branch, so that the first decision takes as long as the next."""
        size, held = self.engine.preprocessing.size, self.engine.configurations
        both = Configuration.uniform(Branch.BOTH, self.engine.manifest.adaptive_blocks)
        shared = both in held and self.engine.variant.entry.kind in {"input", "segments"}  # else each has a part of its own
        for configuration in [both] if shared else held:
            self.engine.scores([np.zeros((size, size, 3), np.uint8)], configuration)

    def _decided(self, captured: Captured | None, configuration: Configuration, started: float) -> Decision:
        def score(crop: Pixels) -> float:
            return float(self.engine.scores([crop], configuration)[0])

        return decided(captured, score, self.engine.threshold(configuration).value, configuration, started)


def decided(
    captured: Captured | None, score: Callable[[Pixels], float], threshold: float, configuration: Configuration, started: float
) -> Decision:
    """What is decided about a face of a picture; *not judged* when there is none, or it is not good enough.

    Args:
        captured: the face.
        score: of its crop, by a network.
        threshold: from which score on it is bona fide.
        configuration: of the network.
        started: when the picture came, by `time.perf_counter`.
    """
    if captured is None or captured.fault:
        reason, box = (NO_FACE, None) if captured is None else (captured.fault, captured.face.box)
        return Decision.not_judged(reason, _since(started), box)
    begun = perf_counter()
    found = score(captured.crop)
    return Decision.judged(found, threshold, str(configuration), _since(begun), _since(started), captured.face.box)


def clip_decision(frames: Sequence[Decision]) -> Decision:
    """One decision for the frames of a video, by the mean of their logits, as `livegate.metrics` scores a presentation.

    Args:
        frames: the decisions of the frames, at least one, all under one configuration; those without a score do not count.

    Returns:
        *Not judged* when no frame was, with the reason of the last one. Times are sums; there is no single face.
    """
    latency, total = (sum(getattr(frame, key) for frame in frames) for key in ("latency_ms", "total_ms"))
    judged = [frame for frame in frames if frame.score is not None]
    if not judged:
        return Decision.not_judged(f"no frame was judged: {frames[-1].reason}", total, latency_ms=latency)
    score = mean_score(np.array([frame.score for frame in judged], dtype=np.float64))
    threshold = max(frame.threshold for frame in judged if frame.threshold is not None)
    return Decision.judged(score, threshold, judged[0].configuration, latency, total, None)


def _pixels(picture: Picture) -> Pixels:
    if isinstance(picture, np.ndarray):
        return pictures.from_array(picture)
    if isinstance(picture, str | Path | bytes):
        return pictures.read(picture)
    raise PictureError(
        f"a picture is a path, the bytes of a file or an array, got {type(picture).__name__}; of Pillow's give np.asarray(image.convert('RGB'))"
    )


def _since(moment: float) -> float:
    return (perf_counter() - moment) * 1000
