"""Who belongs together: rows of one subject, or of one clip, are not independent trials."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from livegate.metrics.codes import Codes, keys, ranked
from livegate.metrics.scores import Scores

By: TypeAlias = Literal["subject", "clip"]


def cluster_codes(scores: Scores, by: By) -> Codes:
    """The cluster of each row, (N,) int64, numbered 0, 1, 2, … without a gap.

    A subject counts per source: the same name in another source is another person. A clip is what ``Scores.by_clip`` takes for
    one presentation, under whatever configuration. A row without a subject falls back on its clip, one without a clip stands
    alone with its name.

    The numbers depend on what the rows hold and not on their order, so that a resampling with a seed does not, either.
    """
    empty = np.full_like(scores.subject, "")
    subject = scores.subject if by == "subject" else empty
    known = subject != ""
    clip = np.where(known, empty, scores.clip)
    alone = np.where(known | (clip != ""), empty, scores.names)
    split, species = (np.where(clip == "", empty, column) for column in (scores.split, scores.species))
    columns = (scores.source, subject, clip, alone, split, species)
    return np.unique(keys(ranked(column) for column in columns), return_inverse=True)[1].astype(np.int64)
