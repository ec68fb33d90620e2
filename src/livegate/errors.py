"""Everything Livegate raises on purpose.

    LivegateError
    ├── ConfigurationError (ValueError)      a configuration that does not parse or does not fit the network
    ├── PictureError (ValueError)            a picture that cannot be read: damaged, too large, wrong shape or dtype
    ├── MetricError (ValueError)             a figure that the data cannot give: no trials, one class only
    ├── ParityError (ArithmeticError)        an exported file that disagrees with the network it came from
    ├── MissingExtraError (ImportError)      an optional dependency; the message is the install line
    └── FaultsError (ValueError)             a file or folder with one or more faults, all reported together
        ├── DataSetError                     the folder of a data set, or a list in it
        ├── IndexFileError                   an index of pictures
        ├── PairsError                       a list of pairs to compare, or a pack of them
        ├── DepthError                       a folder of depth maps, or the model that makes them
        ├── ScoreFileError                   a score file
        ├── RecipeError                      a training recipe
        ├── CheckpointError                  a checkpoint folder
        ├── StoreError                       a template store, or the key to one
        ├── ArtifactError                    an artifact folder or its manifest
        └── CalibrationError                 a file of thresholds for a camera of one's own

Catch the base class to catch them all:

    try:
        decision = Gate().check("face.jpg")
    except LivegateError as error:
        print(error)
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Sequence


class LivegateError(Exception):
    """Base of every error that Livegate raises on purpose."""

    def __reduce__(self) -> tuple[Callable[..., LivegateError], tuple[object, ...], dict[str, object]]:
        """Another process gets it by its message, whatever its constructor takes."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class ConfigurationError(LivegateError, ValueError):
    """A configuration that does not parse or does not fit the network."""


class PictureError(LivegateError, ValueError):
    """A picture that cannot be read, or an array that is not a picture."""


class MetricError(LivegateError, ValueError):
    """A figure that the data cannot give."""


class ParityError(LivegateError, ArithmeticError):
    """An exported file that disagrees with the network it came from."""


def install(*extras: str) -> str:
    """What installs extras. Livegate is on no package index, so that a name alone would bring whatever somebody else puts there."""
    return f"install with, in a clone of Livegate: pip install '.[{','.join(extras)}]'"


class MissingExtraError(LivegateError, ImportError):
    """An optional dependency that is not installed.

    Args:
        what: what needs it.
        extras: those of Livegate that bring it, at least one.
    """

    def __init__(self, what: str, *extras: str) -> None:
        named = " and ".join(map(repr, extras))
        plural = "s" if len(extras) > 1 else ""
        super().__init__(f"{what} needs the extra{plural} {named}; {install(*extras)}")


class FaultsError(LivegateError, ValueError):
    """A file with one or more faults.

    Args:
        subject: the file, as the user named it.
        faults: what is wrong with it, one sentence each; at least one.
    """

    shown = 8

    def __init__(self, subject: object, faults: Sequence[str]) -> None:
        self.subject = str(subject)
        self.faults = tuple(faults)
        more = len(self.faults) - self.shown
        tail = f"; and {more} more" if more > 0 else ""
        super().__init__(f"{self.subject}: {'; '.join(self.faults[: self.shown])}{tail}")


class DataSetError(FaultsError):
    """A folder that does not hold the data set that it should, or a list of it with faults."""


class IndexFileError(FaultsError):
    """An index of pictures with faults."""


class PairsError(FaultsError):
    """A list of pairs to compare with faults, or a pack of them."""


class DepthError(FaultsError):
    """A folder of depth maps that is missing, unfinished, damaged, or of other pictures or another teacher; or a model that is no face mesh."""


class ScoreFileError(FaultsError):
    """A score file with faults."""


class RecipeError(FaultsError):
    """A training recipe with faults."""


class CheckpointError(FaultsError):
    """A checkpoint folder with faults."""


class StoreError(FaultsError):
    """A template store that is damaged, of another key or model, or asked for what it must not do; or the key to one."""


class ArtifactError(FaultsError):
    """An artifact folder, or its manifest, with faults."""


class CalibrationError(FaultsError):
    """A file of thresholds for a camera of one's own, with faults."""
