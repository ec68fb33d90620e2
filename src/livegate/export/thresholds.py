"""The threshold of each configuration, set on dev, and pictures that set the ranges of int8 files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from livegate import evaluation
from livegate.configuration import Configuration
from livegate.data.identities import UNKNOWN, FaceFiles
from livegate.data.index import Index
from livegate.decision import Task
from livegate.errors import IndexFileError, LivegateError, MetricError
from livegate.metrics import ARGMAX, REJECT_ALL, Rule, Threshold, measure
from livegate.metrics.scores import Scores
from livegate.metrics.similarities import Similarities, numbered_pairs
from livegate.metrics.verification import at_fmr, equal_error, match_rates
from livegate.preprocessing import Preprocessing, to_input
from livegate.runtime.backends.base import Backend
from livegate.runtime.manifest import Quality, Separation
from livegate.training.recipe import Data
from livegate.training.verification.division import divided
from livegate.training.verification.embedding import Embedder, embedded
from livegate.training.verification.recipe import VerificationRecipe

UNMEASURED = Threshold(REJECT_ALL, f"fixed={REJECT_ALL}", "")
"""That of a network for verification whose cosines nobody has measured: no two faces are one person's."""
FLOOR = Rule("apcer", 0.2)
"""What no camera's own threshold may go below. Of a biometric that takes more than a fifth of the spoofs Android says that it is a convenience."""
RECIPE = "the recipe of this network"
CALIBRATION_PICTURES = 512
"""At most so many pictures set the ranges of an int8 file."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How thresholds are set.

    Attributes:
        dev: the pictures that set them; without it the larger logit wins.
        rule: how.
        advance: called with the number of pictures done since the last call.
    """

    dev: Index | None
    rule: Rule
    advance: Callable[[int], None]

    def check(self) -> None:
        """Check what is known of dev before a picture is scored.

        Raises:
            IndexFileError: if it has no labels, no bona fide or no attacks.
        """
        if self.dev is None:
            return
        self.dev.require_labels()
        classes = {sample.bona_fide for sample in self.dev.samples}
        for bona_fide, words in ((True, "bona fide pictures"), (False, "attacks")):
            if bona_fide not in classes:
                fault = f"has no {words} that can set thresholds"
                raise IndexFileError(self.dev.path, [f"{fault}; add some, or leave out --dev"])

    def facts(
        self, scorer: evaluation.Scorer, configurations: Sequence[Configuration]
    ) -> dict[str, tuple[Threshold, Quality | None]]:
        """The threshold of each configuration, and how good it is on dev where there is one, which `check` lets pass."""
        if self.dev is None:
            return {str(c): (ARGMAX, None) for c in configurations}
        scores = evaluation.score(scorer, self.dev, configurations, advance=self.advance)
        return {str(c): self._fact(scores.where(scores.configuration == str(c))) for c in configurations}

    def _fact(self, scores: Scores) -> tuple[Threshold, Quality]:
        split = ",".join(sorted(set(scores.split.tolist()))) or "dev"
        threshold = self.rule.threshold(scores.values, scores.species, scores.source, split)
        bona_fide = int(scores.bona_fide.sum())
        report = measure(scores.values, scores.species, threshold)
        attacks = len(scores) - bona_fide
        return threshold, Quality(
            split=split, bona_fide=bona_fide, attacks=attacks, d_eer=report.d_eer, floor=_floor(scores, threshold)
        )


def _floor(scores: Scores, threshold: Threshold) -> float:
    """The lowest threshold that a calibration may set; the threshold itself if that is lower, or nothing is low enough for the rule."""
    try:
        floor = FLOOR.threshold(scores.values, scores.species, scores.source, "dev").value
    except MetricError:  # too many gave no response
        return threshold.value
    return min(floor, threshold.value)


@dataclass(frozen=True, slots=True)
class Cosines:
    """How thresholds of verification are set: on all pairs of pictures of dev.

    Attributes:
        dev: aligned faces of known people; without them nobody is accepted.
        fmr: the largest share of non-mated pairs that may be accepted.
        advance: called with the number of pictures done since the last call.
    """

    dev: Index | None
    fmr: float
    advance: Callable[[int], None]

    def check(self) -> None:
        """Check what is known of dev before a picture is embedded.

        Raises:
            IndexFileError: if nobody in it is known.
            MetricError: if there are too few pairs of them.
        """
        if self.dev is None:
            return
        faces = FaceFiles.of_index(self.dev)
        known = faces.labels[faces.labels != UNKNOWN]
        if not known.size:
            fault = "names no subject; thresholds of verification are set on pairs of known people"
            raise IndexFileError(self.dev.path, [fault])
        alike = np.ones((known.size, 1), np.float32)  # how many pairs there are does not hang on the cosines
        at_fmr(numbered_pairs(alike, known), self.fmr, "dev")

    def facts(
        self, scorer: Embedder, configurations: Sequence[Configuration]
    ) -> dict[str, tuple[Threshold, Separation | None]]:
        """The threshold of each configuration, and how well it tells people apart where there is a dev, which `check` lets pass."""
        if self.dev is None:
            return {str(c): (UNMEASURED, None) for c in configurations}
        faces = FaceFiles.of_index(self.dev)
        known = np.flatnonzero(faces.labels != UNKNOWN)
        self.advance(len(self.dev.samples) - len(known))
        found = embedded(scorer, faces, known, configurations, self.advance)
        return {str(c): self._fact(numbered_pairs(embeddings, faces.labels[known])) for c, embeddings in found.items()}

    def _fact(self, similarities: Similarities) -> tuple[Threshold, Separation]:
        threshold = at_fmr(similarities, self.fmr, "dev")
        rates, eer = match_rates(similarities, threshold), equal_error(similarities)
        mated, non_mated = rates.fnmr.trials, rates.fmr.trials
        return threshold, Separation(split="dev", mated=mated, non_mated=non_mated, eer=eer, fnmr=rates.fnmr.value)


@dataclass(frozen=True, slots=True)
class BackendScorer:
    """A backend with the preprocessing that it needs."""

    preprocessing: Preprocessing
    backend: Backend

    def logits(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32 RGB 0..255 to (N, 2) logits: 0 bona fide, 1 attack."""
        return self.run(images, configuration)

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32 RGB 0..255 to what the network gives (N, D)."""
        return self.backend.run(images, configuration)


def part_of(path: Path, part: Literal["train", "dev"], task: Task, recipe: Mapping[str, Any]) -> Index:
    """The pictures of an index that a network learned from, or its dev, which sets thresholds, both as its recipe has them.

    For liveness that is a split without the sources that the recipe leaves out, for verification the people whom the training drew.

    Args:
        path: the index. For verification the one that the network was trained on, since chance draws from its people.
        part: which of the two.
        task: what the network is for.
        recipe: what it was trained with, as plain data; what it does not say is as in a new recipe.

    Raises:
        IndexFileError: if the index has faults, no such split, or nothing in it but sources that are left out.
        RecipeError: if the recipe is none of the task, or for verification the index is not the one that it means.
    """
    index = Index.read(path)
    if task == "liveness":
        return _learned_part(index, part, Data.from_plain(recipe.get("data", {}), f"{RECIPE}, data"))
    drawn = divided(FaceFiles.of_index(index), VerificationRecipe.from_plain(recipe, RECIPE))
    places = drawn.dev if part == "dev" else drawn.training
    return replace(index, samples=tuple(index.samples[place] for place in places.tolist()))


def _learned_part(index: Index, part: Literal["train", "dev"], data: Data) -> Index:
    name = data.dev if part == "dev" else data.train
    split = index.split(name)
    samples = tuple(sample for sample in split.samples if sample.source not in data.leave_out)
    if not samples:
        fault = f"has in its split '{name}' only sources that {RECIPE} leaves out ({', '.join(data.leave_out)})"
        raise IndexFileError(index.path, [f"{fault}; add pictures of others"])
    return replace(split, samples=samples)


def calibration_pictures(index: Index, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Pictures of an index, evenly spread over it, as input of the network."""
    chosen = replace(index, samples=index.samples[:: max(1, len(index.samples) // CALIBRATION_PICTURES)][:CALIBRATION_PICTURES])
    crops = [taken for taken in evaluation.network_inputs(chosen, preprocessing) if isinstance(taken, np.ndarray)]
    if not crops:
        raise LivegateError(f"{index.path}: no picture can be used for calibration")
    return to_input(crops)
