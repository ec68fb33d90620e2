"""Attempts on a verification system, made from an index of presentations: who is enrolled, who comes, and who is attacked.

Of each subject the first bona fide clip, by name, is enrolled. Its other bona fide clips are mated attempts, the bona fide clips of other
subjects of the same source are zero-effort impostors, and the attacks that show the subject are attacks on it.

The liveness model must not have seen these people: subjects of the split train are left out, whatever other split they are in as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from livegate.data.index import Index
from livegate.errors import IndexFileError
from livegate.sample import Sample, Split

Person = tuple[str, str]
"""Source and subject: the same name in another source is another person."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A subject and the pictures that its template is made from.

    Attributes:
        source: the data set.
        subject: who it is.
        samples: the frames of the enrolled clip, at least one, all bona fide.
    """

    source: str
    subject: str
    samples: tuple[Sample, ...]

    @property
    def name(self) -> str:
        """Of the template, for people; `person` tells two apart."""
        return f"{self.source}/{self.subject}"

    @property
    def person(self) -> Person:
        """Whose it is."""
        return self.source, self.subject


@dataclass(frozen=True, slots=True)
class Presentations:
    """Templates and what is compared with them.

    Attributes:
        enrolled: at least one, in the order of (source, subject).
        attempts: (template, picture): mated bona fide, zero-effort bona fide and attacks.
        skipped: reason → how many pictures are in no attempt for it.
    """

    enrolled: tuple[Enrolled, ...]
    attempts: tuple[tuple[Enrolled, Sample], ...]
    skipped: Mapping[str, int]

    @property
    def probes(self) -> tuple[Sample, ...]:
        """Every picture that is compared with a template, once."""
        return tuple({sample.name: sample for _, sample in self.attempts}.values())


def presentations(index: Index, split: str = Split.DEV, sources: Collection[str] = ()) -> Presentations:
    """Attempts from the pictures of one split.

    Args:
        index: labelled, with subjects and clips.
        split: whose pictures are taken; not train.
        sources: only of these data sets; all when empty.

    Raises:
        IndexFileError: if ``split`` is train, nobody can be enrolled, or there is no attack.
    """
    index.require_labels()
    if split == Split.TRAIN:
        raise IndexFileError(index.path, ["its train subjects trained the liveness model; take the split dev or test"])
    trained = {(one.source, one.subject) for one in index.samples if one.split == Split.TRAIN and one.subject}
    skipped: Counter[str] = Counter()
    clips: defaultdict[Person, defaultdict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    attacks: defaultdict[Person, list[Sample]] = defaultdict(list)
    for sample in index.samples:
        person = sample.source, sample.subject
        if reason := _unused(sample, split, sources, trained):
            skipped[reason] += 1
        elif sample.bona_fide:
            clips[person][sample.clip].append(sample)
        else:
            attacks[person].append(sample)
    for person in [person for person, found in clips.items() if len(found) < 2]:
        skipped["the subject has a single bona fide clip"] += sum(map(len, clips.pop(person).values()))
    for person in [person for person in attacks if person not in clips]:
        skipped["an attack on a subject that is not enrolled"] += len(attacks.pop(person))
    if not clips or not attacks:
        lacks = "subject with two bona fide clips" if not clips else "attack on an enrolled subject"
        raise IndexFileError(index.path, [f"has no {lacks} in split '{split}'; give source, subject and clip of each picture"])
    enrolled, probes = _enrolled(clips)
    attempts = [
        (one, sample) for one in enrolled for person, found in probes.items() if person[0] == one.source for sample in found
    ]
    attempts += [(one, sample) for one in enrolled for sample in attacks[one.source, one.subject]]
    return Presentations(enrolled, tuple(attempts), dict(skipped))


def _unused(sample: Sample, split: str, sources: Collection[str], trained: Collection[Person]) -> str:
    """Why a picture is not taken; empty when it is."""
    if sources and sample.source not in sources:
        return "of another source"
    if sample.split != split:
        return f"of split {sample.split or 'unknown'}"
    if not sample.subject or not sample.clip:
        return "no subject or no clip is known"
    return "the subject trained the liveness model" if (sample.source, sample.subject) in trained else ""


def _enrolled(
    clips: Mapping[Person, Mapping[str, list[Sample]]],
) -> tuple[tuple[Enrolled, ...], dict[Person, list[Sample]]]:
    """Templates, and the frames of all clips but the enrolled ones."""
    enrolled, probes = [], {}
    for person in sorted(clips):
        first, *others = sorted(clips[person])
        enrolled.append(Enrolled(*person, tuple(clips[person][first])))
        probes[person] = [sample for clip in others for sample in clips[person][clip]]
    return tuple(enrolled), probes
