"""Pairs and attempts become similarities: of the right pictures, in the right order, and nothing where there is no picture."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from livegate.configuration import Configuration
from livegate.data.index import Index
from livegate.data.pairs import Pairs
from livegate.data.presentations import presentations
from livegate.errors import LivegateError, PairsError, PictureError
from livegate.matching import attempted, compare
from livegate.sample import Comparison, Sample

H, L = Configuration.parse("H"), Configuration.parse("L")
POINTS = ((30.0, 40.0), (80.0, 40.0), (56.0, 60.0), (40.0, 90.0), (70.0, 90.0))


def face(person: int, shot: int, side: int = 112) -> np.ndarray[Any, Any]:
    """A pattern for each person, with some noise of the shot; not symmetric."""
    pattern = np.random.default_rng(person).integers(0, 255, (5, 5, 3)).astype(np.uint8)
    noise = np.random.default_rng(1000 * person + shot).normal(0, 20, (side, side, 3))
    return np.clip(cv2.resize(pattern, (side, side)) + noise, 0, 255).astype(np.uint8)


def encoded(person: int, shot: int, side: int = 112) -> bytes:
    """The same as PNG."""
    out = io.BytesIO()
    Image.fromarray(face(person, shot, side)).save(out, "PNG")
    return out.getvalue()


def listed(pictures: dict[str, Any]) -> Pairs:
    """Two mated and two non-mated pairs of these four pictures."""
    rows = (("a1", "a2", True), ("b1", "b2", True), ("a1", "b1", False), ("b2", "a2", False))
    return Pairs("list", tuple(Comparison(*row) for row in rows), pictures)


PICTURES = {name: encoded("ab".index(name[0]), int(name[1])) for name in ("a1", "a2", "b1", "b2")}


def test_similarities_are_cosines_in_the_order_of_the_list(embedder: Any) -> None:
    """Computed again by hand; mated ones are more alike, and flip averaging adds the mirrored face."""
    done: list[int] = []
    found = compare(embedder, listed(PICTURES), H, H, advance=done.append)
    crops = {name: np.asarray(Image.open(io.BytesIO(data))) for name, data in PICTURES.items()}
    plain = {name: embedder.embed([crop], H)[0].astype(float) for name, crop in crops.items()}
    mirrored = {name: embedder.embed([np.ascontiguousarray(crop[:, ::-1])], H)[0].astype(float) for name, crop in crops.items()}
    both = {name: (plain[name] + mirrored[name]) / np.linalg.norm(plain[name] + mirrored[name]) for name in crops}
    for similarities, vectors in ((found.plain, plain), (found.flipped, both)):
        expected = [vectors[one] @ vectors[other] for one, other in (("a1", "a2"), ("b1", "b2"), ("a1", "b1"), ("b2", "a2"))]
        assert similarities.values.tolist() == pytest.approx(expected, abs=1e-6)
    assert found.plain.mated.tolist() == [True, True, False, False]
    assert min(found.plain.values[:2]) > max(found.plain.values[2:])
    assert sum(done) == 4


def test_references_and_probes_under_their_own_configuration(embedder: Any) -> None:
    """A template enrolled with H is compared with a probe embedded by L."""
    found = compare(embedder, listed(PICTURES), H, L).plain.values
    crops = {name: np.asarray(Image.open(io.BytesIO(data))) for name, data in PICTURES.items()}
    assert found[3] == pytest.approx(float(embedder.embed([crops["b2"]], H)[0] @ embedder.embed([crops["a2"]], L)[0]), abs=1e-6)
    assert not np.allclose(found, compare(embedder, listed(PICTURES), H, H).plain.values)


def test_pictures_that_are_no_aligned_faces(embedder: Any, tmp_path: Path) -> None:
    """One that cannot be decoded gives no response; one of another size or place is the list's fault."""
    damaged = compare(embedder, listed(PICTURES | {"a2": b"no picture"}), H, H)
    for similarities in damaged:
        assert np.isnan(similarities.values).tolist() == [True, False, False, True]
    with pytest.raises(PairsError, match=r"'a2' is 90 x 90; aligned faces are 112 x 112"):
        compare(embedder, listed(PICTURES | {"a2": encoded(0, 2, 90)}), H, H)
    with pytest.raises(PairsError, match="does not exist"):
        compare(embedder, listed(PICTURES | {"a2": tmp_path / "none.png"}), H, H)


@pytest.mark.parametrize("side", [64, 160])
def test_a_network_of_another_side_is_measured(embedder: Any, monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    """Its pictures are resized to it, as they are in training: nearly the same similarities, and none is missing."""
    expected = compare(embedder, listed(PICTURES), H, H)
    monkeypatch.setattr(embedder, "side", side, raising=False)
    for found, one in zip(compare(embedder, listed(PICTURES), H, H), expected, strict=True):
        assert found.values == pytest.approx(one.values, abs=0.05)


def test_what_is_wrong_with_all_pictures_is_no_silence(embedder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only of a face without an embedding is there no response: a wrong shape is told as it is."""

    def strict(crops: list[Any], configuration: Configuration) -> Any:
        raise LivegateError("an aligned face is another array")

    monkeypatch.setattr(embedder, "embed", strict, raising=False)
    with pytest.raises(LivegateError, match="an aligned face is another array"):
        compare(embedder, listed(PICTURES), H, H)


def test_a_face_that_the_network_cannot_embed(embedder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It alone gives no response; where none of a list does, the network is not for it."""
    dark = io.BytesIO()
    Image.fromarray(np.zeros((112, 112, 3), np.uint8)).save(dark, "PNG")
    embed = embedder.embed

    def careful(crops: list[Any], configuration: Configuration) -> Any:
        if any(crop.max() == 0 for crop in crops):
            raise PictureError("the network gives no finite embedding")
        return embed(crops, configuration)

    monkeypatch.setattr(embedder, "embed", careful, raising=False)
    for similarities in compare(embedder, listed(PICTURES | {"a2": dark.getvalue()}), H, H):
        assert np.isnan(similarities.values).tolist() == [True, False, False, True]
    with pytest.raises(PictureError, match="none of its 4 pictures"):
        compare(embedder, listed(dict.fromkeys(PICTURES, dark.getvalue())), H, H)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Three people: two bona fide clips of two frames each, and a print clip of one frame."""
    samples = []
    for person in range(3):
        for clip in ("real1", "real2", "print"):
            for shot in range(1 if clip == "print" else 2):
                name = f"{person}-{clip}-{shot}.png"
                Image.fromarray(face(person, shot + len(clip), 144)).save(tmp_path / name)
                species = "print" if clip == "print" else None
                samples.append(Sample(name, tmp_path, species, "x", "dev", f"s{person}", f"{person}-{clip}", landmarks=POINTS))
    return Index(tmp_path / "index.csv", tuple(samples), labelled=True, boxed=False)


def test_attempts_are_compared_with_their_template(embedder: Any, index: Index) -> None:
    """The template is the mean of the enrolled frames; liveness is taken by name, and what has none has no response."""
    liveness = {sample.name: 0.75 for sample in index.samples if not sample.name.startswith("0-print")}
    found = attempted(embedder, presentations(index), H, L, liveness, "HHH")
    assert len(found) == 3 * 3 * 2 + 3
    assert (found.mated & found.bona_fide).sum() == 6
    frames = embedder.embed([embedder.align(face(1, shot + 5, 144), POINTS) for shot in range(2)], H).astype(float)
    template = frames.mean(axis=0) / np.linalg.norm(frames.mean(axis=0))
    probe = embedder.embed([embedder.align(face(2, 5, 144), POINTS)], L)[0]
    (row,) = np.flatnonzero((found.reference == "x/s1") & (found.probe == "2-real2-0.png"))
    assert found.similarity[row] == pytest.approx(template @ probe, abs=1e-6)
    assert not found.mated[row]
    assert found.similarity[found.mated].min() > found.similarity[~found.mated].max()
    assert found.probe[np.isnan(found.liveness)].tolist() == ["0-print-0.png"]
    assert set(found.configuration.tolist()) == {"HHH/H/L"}


def test_people_whose_names_read_alike_keep_their_own_template(embedder: Any, index: Index) -> None:
    """Subject ``b/c`` of source ``a`` is not subject ``c`` of source ``a/b``."""
    people = {"s0": ("a", "b/c"), "s1": ("a/b", "c")}
    samples = [
        replace(one, source=people[one.subject][0], subject=people[one.subject][1])
        for one in index.samples
        if one.subject in people
    ]
    found = attempted(embedder, presentations(replace(index, samples=tuple(samples))), H, H, {}, "")
    assert set(found.reference.tolist()) == {"a/b/c"}
    assert found.similarity[found.mated].min() > 0.9


def test_pictures_without_landmarks_give_no_similarity(embedder: Any, index: Index) -> None:
    """And an enrolled clip of nothing else is refused."""
    bare = [sample if "real2" not in sample.name else Sample(sample.name, sample.folder, None, "x", "dev", sample.subject, sample.clip)
            for sample in index.samples]  # fmt: skip
    found = attempted(embedder, presentations(Index(index.path, tuple(bare), labelled=True, boxed=False)), H, H, {}, "")
    assert np.isnan(found.similarity).tolist() == found.bona_fide.tolist()
    for sample in index.samples:
        if "0-real1" in sample.name:
            sample.path.write_bytes(b"no picture")
    with pytest.raises(PictureError, match="template x/s0: none of its 2 pictures"):
        attempted(embedder, presentations(index), H, H, {}, "")
