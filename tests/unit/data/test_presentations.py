"""Who is enrolled, who comes and who is attacked: nobody who trained the liveness model, and nothing is dropped unsaid."""

from __future__ import annotations

from pathlib import Path

import pytest

from livegate.data.index import Index
from livegate.data.presentations import presentations
from livegate.errors import IndexFileError
from livegate.sample import Sample


def sample(clip: str, split: str = "dev", source: str = "x", frame: int = 0) -> Sample:
    """A picture of a clip named ``subject kind number``; kinds other than real are species."""
    subject, kind, _ = clip.split()
    return Sample(f"{source}/{clip}/{frame}.png", Path(), None if kind == "real" else kind, source, split, subject, clip)


def index(*samples: Sample) -> Index:
    """These pictures."""
    return Index(Path("index.csv"), samples, labelled=True, boxed=False)


PEOPLE = [sample(f"{name} real {number}", frame=frame) for name in ("ann", "bob") for number in (2, 1) for frame in (0, 1)]
ATTACKS = [sample("ann print 1"), sample("bob replay 1")]


def test_every_kind_of_attempt() -> None:
    """The first clip is enrolled; the others are mated and, against everybody else, zero-effort; attacks meet their own subject."""
    found = presentations(index(*PEOPLE, *ATTACKS))
    assert [(one.name, [frame.name for frame in one.samples]) for one in found.enrolled] == [
        (f"x/{name}", [f"x/{name} real 1/{frame}.png" for frame in (0, 1)]) for name in ("ann", "bob")
    ]
    bona_fide = [(one.subject, probe.name) for one, probe in found.attempts if probe.bona_fide]
    assert bona_fide == [
        (subject, f"x/{probe} real 2/{frame}.png") for subject in ("ann", "bob") for probe in ("ann", "bob") for frame in (0, 1)
    ]
    attacks = [(one.subject, probe.subject, probe.species) for one, probe in found.attempts if not probe.bona_fide]
    assert attacks == [("ann", "ann", "print"), ("bob", "bob", "replay")]
    assert len(found.probes) == 4 + 2
    assert found.skipped == {}


def test_people_of_another_source_are_no_impostors() -> None:
    """Another camera is told too easily; the same name there is another person."""
    other = [sample(f"ann real {number}", source="y") for number in (1, 2)]
    found = presentations(index(*PEOPLE, *ATTACKS, *other))
    assert {(one.name, probe.source) for one, probe in found.attempts} == {("x/ann", "x"), ("x/bob", "x"), ("y/ann", "y")}
    only = presentations(index(*PEOPLE, *ATTACKS, *other), sources=["x"])
    assert {one.source for one in only.enrolled} == {"x"}
    assert only.skipped == {"of another source": 2}


def test_whoever_trained_the_model_is_left_out() -> None:
    """Pictures of train, and pictures of dev whose subject is in train as well; all are counted."""
    trained = [sample("cy real 1", "train"), sample("cy real 2"), sample("cy real 3"), sample("cy print 1")]
    found = presentations(index(*PEOPLE, *ATTACKS, *trained))
    assert found.skipped == {"of split train": 1, "the subject trained the liveness model": 3}
    assert {one.subject for one in found.enrolled} == {"ann", "bob"}
    with pytest.raises(IndexFileError, match="train subjects trained the liveness model"):
        presentations(index(*PEOPLE, *ATTACKS), split="train")


def test_what_cannot_be_used_is_counted() -> None:
    """No subject, no clip, one clip alone, and attacks on people who are not enrolled."""
    nobody = Sample("n.png", Path(), None, "x", "dev")
    found = presentations(index(*PEOPLE, *ATTACKS, nobody, sample("dee real 1"), sample("dee print 1"), sample("eve print 1")))
    assert found.skipped == {
        "no subject or no clip is known": 1,
        "the subject has a single bona fide clip": 1,
        "an attack on a subject that is not enrolled": 2,
    }


def test_an_index_that_gives_no_attempts() -> None:
    """Without labels, without two clips of anybody, without attacks on them."""
    with pytest.raises(IndexFileError, match="species"):
        presentations(Index(Path("i.csv"), tuple(PEOPLE), labelled=False, boxed=False))
    with pytest.raises(IndexFileError, match="no subject with two bona fide clips in split 'test'"):
        presentations(index(*PEOPLE, *ATTACKS), split="test")
    with pytest.raises(IndexFileError, match="no attack on an enrolled subject"):
        presentations(index(*PEOPLE))
