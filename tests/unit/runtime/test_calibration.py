"""Thresholds for a camera of one's own: what sets them, what they may not do, and which files are refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, CalibrationError, MetricError
from livegate.gate import Gate
from livegate.metrics.rate import Rate
from livegate.metrics.scores import Scores
from livegate.metrics.thresholds import Rule
from livegate.runtime.artifact import Artifact
from livegate.runtime.calibration import FEWEST, MAX_BYTES, Calibration
from livegate.runtime.engine import Engine
from livegate.runtime.manifest import Manifest, Quality, Variant
from livegate.weights import locate

RULE = Rule.parse("bpcer=0.05")
BONA_FIDE = np.linspace(0.205, 0.995, 80)
"""Eighty scores, 0.01 apart: four of them, 5 %, are below 0.245."""


def site(attacks: Mapping[str, list[float]] | None = None, silent: int = 0) -> Callable[[Variant], Scores]:
    """The same scores under every configuration of a variant."""
    values = [*BONA_FIDE, *[np.nan] * silent]
    species = [""] * len(values)
    for name, scores in (attacks or {}).items():
        values, species = [*values, *scores], species + [name] * len(scores)

    def scores(variant: Variant) -> Scores:
        held = variant.entry.configurations
        names = [f"{place}.jpg" for place in range(len(values))]
        return Scores.join([Scores.build(names, values, species=species, configuration=text) for text in held])

    return scores


def with_threshold(manifest: Manifest, value: float, floor: float | None) -> Manifest:
    """The manifest of a model whose thresholds all have this value, and this floor."""
    plain = manifest.model_dump(mode="json")
    for facts in plain["configurations"].values():
        facts["threshold"]["value"] = value
    quality = Quality(split="dev", bona_fide=1, attacks=1, d_eer=0.1, floor=floor).model_dump()
    plain["provenance"]["quality"] = dict.fromkeys(plain["configurations"], quality)
    return Manifest.model_validate(plain)


@pytest.fixture(scope="module")
def shipped(artifact: Path) -> tuple[Manifest, Variant]:
    """What the shipped model says of itself."""
    opened = Artifact.open(artifact)
    return opened.manifest, opened.variant()


def calibrated(shipped: tuple[Manifest, Variant], scores: Scores, *, value: float, floor: float | None) -> Calibration:
    """A calibration of a model with these thresholds and floors."""
    return Calibration.of(scores, RULE, with_threshold(shipped[0], value, floor), shipped[1])


def test_every_configuration_gets_the_threshold_of_the_rule(shipped: tuple[Manifest, Variant]) -> None:
    """Of eighty scores four lie below the threshold; what the shipped one does to them is told beside."""
    found = calibrated(shipped, site({"replay": [0.3, 0.3], "print": [0.1, 0.3, 0.5, 0.9]})(shipped[1]), value=0.5, floor=0.1)
    assert len(found.configurations) == 27
    for one in found.configurations.values():
        assert one.here.threshold.value == pytest.approx(0.245)
        assert (one.bona_fide, one.attacks, one.held) == (80, {"print": 4, "replay": 2}, False)
        assert (one.here.rejected, one.here.accepted) == (4, {"print": 3, "replay": 2})
        assert (one.shipped.threshold.value, one.shipped.rejected, one.shipped.accepted) == (0.5, 30, {"print": 2, "replay": 0})
        assert [one.worst_accepted(point) for point in (one.here, one.shipped)] == [
            ("replay", Rate(2, 2)),
            ("print", Rate(2, 4)),
        ]


def test_pictures_that_were_not_judged_set_nothing(shipped: tuple[Manifest, Variant]) -> None:
    """At a camera people walk by: pictures without a face are no answers of the network."""
    plain, with_silent = (calibrated(shipped, site(silent=silent)(shipped[1]), value=0.5, floor=0.1) for silent in (0, 300))
    assert with_silent == plain


@pytest.mark.parametrize(
    ("floor", "expected", "held"), [(0.1, 0.245, False), (0.4, 0.4, True), (None, 0.5, True), (0.9, 0.5, True)]
)
def test_no_threshold_falls_below_the_floor(
    shipped: tuple[Manifest, Variant], floor: float | None, expected: float, *, held: bool
) -> None:
    """Without a floor in the manifest, or with one above its threshold, the threshold itself is the floor."""
    found = calibrated(shipped, site()(shipped[1]), value=0.5, floor=floor).configurations["HHH"]
    assert (found.here.threshold.value, found.held) == (pytest.approx(expected), held)
    assert found.asked == pytest.approx(0.245)


def test_a_threshold_may_rise_as_far_as_the_rule_asks(shipped: tuple[Manifest, Variant]) -> None:
    """The floor is a lower limit only."""
    found = calibrated(shipped, site()(shipped[1]), value=0.01, floor=None).configurations["LLL"]
    assert (found.here.threshold.value, found.held) == (pytest.approx(0.245), False)


def test_too_few_pictures_are_refused(shipped: tuple[Manifest, Variant]) -> None:
    """Nineteen judged pictures set no share of 5 %; twenty do."""
    manifest, variant = shipped
    few = site(silent=5)(variant)
    places = np.arange(len(few)) % (len(BONA_FIDE) + 5)
    nineteen = few.where((places < FEWEST - 1) | np.isnan(few.values))
    with pytest.raises(MetricError, match="19 bona fide pictures were judged, at least 20 are needed; take more"):
        Calibration.of(nineteen, RULE, manifest, variant)
    assert Calibration.of(few.where(places < FEWEST), RULE, manifest, variant).configurations["HHH"].bona_fide == FEWEST


@pytest.fixture
def file(shipped: tuple[Manifest, Variant], tmp_path: Path) -> Path:
    """A calibration of the shipped model, stricter than it."""
    path = tmp_path / "calibration.json"
    Calibration.of(site()(shipped[1]), Rule.parse("fixed=0.99"), *shipped).write(path)
    return path


def test_what_was_written_is_read(shipped: tuple[Manifest, Variant], file: Path) -> None:
    """To the last digit."""
    assert Calibration.read(file) == Calibration.of(site()(shipped[1]), Rule.parse("fixed=0.99"), *shipped)


def test_the_engine_takes_the_thresholds(artifact: Path, file: Path) -> None:
    """All of them, and nothing else: the scores are the same."""
    plain, own = Engine(artifact), Engine(artifact, calibration=file)
    for configuration in own.configurations:
        assert own.threshold(configuration).value == 0.99 > plain.threshold(configuration).value
    crop = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    heavy = Configuration.parse("HHH")
    assert own.scores([crop], heavy) == plain.scores([crop], heavy)


def test_the_gate_decides_by_them(astronaut: Path, file: Path) -> None:
    """A face that the shipped threshold accepts is rejected by a stricter one."""
    accepted, rejected = Gate().check(astronaut), Gate(calibration=file).check(astronaut)
    assert accepted.score == rejected.score < 0.99
    assert (accepted.accepted, rejected.accepted, rejected.threshold) == (True, False, 0.99)


def changed(file: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The file after a change."""
    plain = json.loads(file.read_text("utf-8"))
    change(plain)
    file.write_text(json.dumps(plain), "utf-8")
    return file


def test_a_threshold_below_the_floor_is_refused(artifact: Path, file: Path) -> None:
    """Whoever can write the file cannot let attacks in."""
    changed(file, lambda plain: plain["configurations"]["HLH"].update(asked=0.0))
    changed(file, lambda plain: plain["configurations"]["HLH"]["here"]["threshold"].update(value=1e-6))
    with pytest.raises(
        CalibrationError, match=r"sets the threshold 1e-06 for configuration HLH, below the artifact's floor 0\.\d+$"
    ):
        Engine(artifact, calibration=file)


def test_a_calibration_of_another_network_is_refused(artifact: Path, file: Path) -> None:
    """Its scores are others; the hash tells."""
    changed(file, lambda plain: plain["files"].update({"model.onnx": "0" * 64}))
    with pytest.raises(
        CalibrationError, match=r"was made for another network than pta-mobilenet-v2 \(onnx\): its SHA-256 differs"
    ):
        Engine(artifact, calibration=file)


def test_a_configuration_without_a_threshold_is_refused(artifact: Path, file: Path) -> None:
    """None falls back to the shipped one unnoticed."""
    changed(file, lambda plain: plain["configurations"].pop("LLL"))
    with pytest.raises(CalibrationError, match="has no threshold for configuration LLL; calibrate again"):
        Engine(artifact, calibration=file)


def test_a_network_for_verification_has_none(file: Path) -> None:
    """Its thresholds are cosines."""
    with pytest.raises(ArtifactError, match="is for verification, not for liveness"):
        Engine(locate("verifier"), calibration=file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "whole: Invalid JSON"),
        (b"\xff\xfe", "whole: Invalid JSON"),
        (b"[]", "whole: Input should be an object"),
        (b'{"schema_version": 2}', "schema_version: Input should be 1"),
        (b"[" * 100_000, "whole: Invalid JSON"),
        (b" " * (MAX_BYTES + 1), "has more than 1,048,576 bytes"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """Hostile bytes end in one line."""
    path = tmp_path / "calibration.json"
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match=message):
        Calibration.read(path)


def test_a_configuration_that_the_network_does_not_hold_is_refused(artifact: Path, file: Path) -> None:
    """Nothing in the file is passed over."""
    changed(file, lambda plain: plain["configurations"].update(XXX=plain["configurations"]["HHH"]))
    with pytest.raises(CalibrationError, match="names configurations that the network does not hold: 'XXX'"):
        Engine(artifact, calibration=file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found["here"].update(rejected=81), "counts do not fit the numbers of pictures"),
        (lambda found: found["shipped"].update(accepted={"print": 1}), "counts do not fit the numbers of pictures"),
        (lambda found: found.update(asked=0.995), "the threshold is below the one that was asked for"),
        (lambda found: found.update(bona_fide="80"), "should be a valid integer"),
    ],
)
def test_figures_that_contradict_each_other_are_refused(
    file: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    """What was counted is what the file is believed for."""
    changed(file, lambda plain: change(plain["configurations"]["HHH"]))
    with pytest.raises(CalibrationError, match=message):
        Calibration.read(file)


@pytest.mark.parametrize("value", ["NaN", -0.1, 1.5, "x", "0.9", True])
def test_a_value_that_is_no_threshold_is_refused(file: Path, value: object) -> None:
    """Numbers outside 0..1 and what is no number."""
    changed(file, lambda plain: plain["configurations"]["HHH"]["here"]["threshold"].update(value=value))
    with pytest.raises(CalibrationError, match=r"configurations\.HHH\.here\.threshold"):
        Calibration.read(file)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    """Nothing, a folder and a pipe, which nobody waits for, with what to do."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.json", tmp_path, tmp_path / "pipe"):
        with pytest.raises(CalibrationError, match="is no file; give one that livegate calibrate wrote"):
            Calibration.read(path)
