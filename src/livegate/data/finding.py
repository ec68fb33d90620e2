"""Face boxes and landmarks for sets that bring none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from livegate.data.sets.dataset import Listing
from livegate.data.sets.stills import Tally
from livegate.errors import PictureError
from livegate.faces import FaceFinder
from livegate.pictures import read
from livegate.sample import Box, Sample, Split


def find_faces(listing: Listing, finder: FaceFinder, advance: Callable[[int], None]) -> Listing:
    """Look for the largest face of each picture.

    Args:
        listing: pictures without boxes.
        finder: the detector.
        advance: told 1 after each picture.

    Returns:
        The same samples, boxed. One without a found face has no box, which means its whole picture. One that cannot be read is
        left out of train; elsewhere it stays, so that scoring counts it as no response. Notes count both.
    """
    notes = Tally()
    samples = []
    for sample in listing.samples:
        try:
            samples.append(_found(sample, finder, notes))
        except PictureError as error:
            notes.add(f"picture(s) of {sample.split or 'no split'} cannot be read", str(error))
            if sample.split != Split.TRAIN:
                samples.append(sample)
        advance(1)
    return Listing(tuple(samples), boxed=True, notes=(*listing.notes, *notes.sentences()))


def _found(sample: Sample, finder: FaceFinder, notes: Tally) -> Sample:
    face = next(iter(finder.find(read(sample.path))), None)
    if face is None:
        notes.add(f"picture(s) of {sample.split or 'no split'} show no face that was found; each is taken whole", sample.name)
        return sample
    points = tuple((round(x, 1), round(y, 1)) for x, y in face.landmarks)
    return replace(sample, box=Box(*(round(number, 1) for number in face.box)), landmarks=points)
