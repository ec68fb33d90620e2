"""Thresholds for a camera of one's own: set on pictures from it, kept in a file beside the artifact, never below the artifact's floor.

A threshold that was set on the pictures of the training seldom rejects the same share at another camera. The network stays as it is; what is
set anew is from which score on a face counts as bona fide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from livegate.errors import CalibrationError, MetricError
from livegate.files import write
from livegate.metrics.rate import Rate
from livegate.metrics.scores import Scores
from livegate.metrics.thresholds import REJECT_ALL, Rule, Threshold
from livegate.runtime.entry import Fact
from livegate.runtime.manifest import FilePath, Manifest, Sha256, Variant

SCHEMA_VERSION: Final = 1
MAX_BYTES = 1024 * 1024
FEWEST = 20
"""So many bona fide pictures there must be; of fewer, 5 % are not even one."""
SITE = "site"
"""What the pictures of one's own camera are called where a split stands."""

Count = Annotated[int, Field(ge=0)]


class Point(Fact):
    """A threshold, and what it does to the pictures.

    Attributes:
        threshold: from which score on a face counts as bona fide.
        rejected: how many bona fide pictures it rejects.
        accepted: how many attacks it accepts, by species.
    """

    threshold: Threshold
    rejected: Count
    accepted: Mapping[str, Count]


class Calibrated(Fact):
    """What was found of one configuration.

    Attributes:
        bona_fide: how many bona fide pictures were judged.
        attacks: how many attacks were, by species.
        asked: the threshold that the rule gives.
        here: the new threshold: that one, or the artifact's floor where the floor is higher.
        shipped: the one whose place it takes.
    """

    bona_fide: Annotated[int, Field(ge=1)]
    attacks: Mapping[str, Annotated[int, Field(ge=1)]]
    asked: Annotated[float, Field(ge=0, le=REJECT_ALL, allow_inf_nan=False)]
    here: Point
    shipped: Point

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        if self.here.threshold.value < self.asked:
            raise ValueError("the threshold is below the one that was asked for")
        for point in (self.here, self.shipped):
            if point.rejected > self.bona_fide or point.accepted.keys() != self.attacks.keys():
                raise ValueError("counts do not fit the numbers of pictures")
            if any(point.accepted[species] > number for species, number in self.attacks.items()):
                raise ValueError("more attacks are accepted than there were")
        return self

    @property
    def held(self) -> bool:
        """Whether the rule asked for less than the floor."""
        return self.asked < self.here.threshold.value

    def rejected(self, point: Point) -> Rate:
        """The share of the bona fide pictures that a point rejects."""
        return Rate(point.rejected, self.bona_fide)

    def worst_accepted(self, point: Point) -> tuple[str, Rate]:
        """The species of which a point accepts the largest share, and that share.

        Raises:
            ValueError: if there were no attacks.
        """
        rates = {species: Rate(point.accepted[species], number) for species, number in self.attacks.items()}
        return max(rates.items(), key=lambda found: found[1].value)


class Calibration(Fact):
    """The thresholds of all configurations of one file of an artifact.

    Attributes:
        schema_version: of this file.
        model: the name of the artifact.
        files: the files of the network and their SHA-256: the scores of any other network are others.
        rule: what was asked for.
        configurations: by configuration.
    """

    schema_version: Literal[1]
    model: str
    files: Mapping[FilePath, Sha256]
    rule: str
    configurations: Mapping[str, Calibrated]

    @classmethod
    def of(cls, scores: Scores, rule: Rule, manifest: Manifest, variant: Variant) -> Self:
        """Set the threshold of each configuration that a variant holds.

        Args:
            scores: of pictures of one's own camera, under each of the configurations; without a species they are bona fide, and those
                without a score set nothing.
            rule: how.
            manifest: of the artifact.
            variant: the one that gave the scores.

        Raises:
            MetricError: if too few bona fide pictures have a score, or the scores lack what the rule needs.
        """
        found = {text: _calibrated(scores, text, rule, manifest, variant) for text in variant.entry.configurations}
        return cls(
            schema_version=SCHEMA_VERSION,
            model=manifest.name,
            files=_hashes(variant),
            rule=str(rule),
            configurations=found,
        )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a file that `write` wrote.

        Raises:
            CalibrationError: with all faults: no such file, unknown or missing keys, values out of range.
        """
        path = Path(path)
        try:
            if not path.is_file():  # a pipe would keep us waiting
                raise CalibrationError(path, ["is no file; give one that livegate calibrate wrote"])
            with path.open("rb") as file:
                text = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise CalibrationError(path, [f"cannot be read ({error.strerror})"]) from None
        if len(text) > MAX_BYTES:
            raise CalibrationError(path, [f"has more than {MAX_BYTES:,} bytes"])
        try:
            return cls.model_validate_json(text, strict=True)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, e['loc'])) or 'whole'}: {e['msg']}" for e in error.errors()]
            raise CalibrationError(path, faults) from None

    def write(self, path: Path) -> None:
        """Write it, whole or not at all.

        Raises:
            LivegateError: if the file cannot be written.
        """
        write(path, (self.model_dump_json(indent=2) + "\n").encode(), "the calibration")

    def applied(self, manifest: Manifest, variant: Variant, where: object) -> Variant:
        """The variant with these thresholds in place of its own.

        Args:
            manifest: of the artifact.
            variant: the one that is run.
            where: the calibration came from, for the message.

        Raises:
            CalibrationError: if it was made for another network, lacks a configuration, or would go below the floor of one.
        """
        faults = list(self._faults(manifest, variant))
        if faults:
            raise CalibrationError(where, faults)
        thresholds = {text: self.configurations[text].here.threshold for text in variant.entry.configurations}
        return variant.model_copy(update={"thresholds": thresholds, "quality": {}})

    def _faults(self, manifest: Manifest, variant: Variant) -> Iterator[str]:
        if self.files != _hashes(variant):
            yield f"was made for another network than {manifest.name} ({variant.target}): its SHA-256 differs; calibrate again"
            return
        if lacking := [text for text in variant.entry.configurations if text not in self.configurations]:
            yield f"has no threshold for configuration {', '.join(lacking)}; calibrate again"
        if unknown := sorted(self.configurations.keys() - set(variant.entry.configurations)):
            yield f"names configurations that the network does not hold: {', '.join(map(repr, unknown))[:200]}"
        for text in variant.entry.configurations:
            found, floor = self.configurations.get(text), manifest.floor(text, variant)
            if found and found.here.threshold.value < floor:
                yield f"sets the threshold {found.here.threshold.value!r} for configuration {text}, below the artifact's floor {floor!r}"


def require_enough(number: int, what: str) -> None:
    """Check that there are enough bona fide pictures.

    Raises:
        MetricError: if there are not.
    """
    if number < FEWEST:
        raise MetricError(f"{number} bona fide pictures {what}, at least {FEWEST} are needed; take more, of several people")


def _calibrated(scores: Scores, text: str, rule: Rule, manifest: Manifest, variant: Variant) -> Calibrated:
    of = scores.where((scores.configuration == text) & ~np.isnan(scores.values))
    bona_fide = of.species == ""
    number, attacks = int(bona_fide.sum()), Counter(sorted(of.species[~bona_fide].tolist()))
    require_enough(number, "were judged")
    asked = rule.threshold(of.values, of.species, of.source, SITE)
    floor = manifest.floor(text, variant)

    def point(threshold: Threshold) -> Point:
        accepted = threshold.accepts(of.values)
        through = {species: int((accepted & (of.species == species)).sum()) for species in attacks}
        return Point(threshold=threshold, rejected=int((bona_fide & ~accepted).sum()), accepted=through)

    return Calibrated(
        bona_fide=number,
        attacks=dict(attacks),
        asked=asked.value,
        here=point(asked if asked.value >= floor else Threshold(floor, f"fixed={floor!r}", "")),
        shipped=point(manifest.threshold(text, variant)),
    )


def _hashes(variant: Variant) -> dict[str, str]:
    return {name: file.sha256 for name, file in variant.files.items()}
