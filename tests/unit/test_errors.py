"""Every error says what is wrong, belongs to one family and can be caught as the builtin that a caller expects."""

from __future__ import annotations

import inspect
from multiprocessing.reduction import ForkingPickler

import pytest

from livegate import errors
from livegate.errors import FaultsError, LivegateError, MissingExtraError, PictureError

BUILTINS = {
    "ConfigurationError": ValueError,
    "PictureError": ValueError,
    "MetricError": ValueError,
    "ParityError": ArithmeticError,
    "MissingExtraError": ImportError,
    "FaultsError": ValueError,
    "DataSetError": ValueError,
    "IndexFileError": ValueError,
    "DepthError": ValueError,
    "ScoreFileError": ValueError,
    "RecipeError": ValueError,
    "CheckpointError": ValueError,
    "PairsError": ValueError,
    "StoreError": ValueError,
    "ArtifactError": ValueError,
    "CalibrationError": ValueError,
}


def test_every_error_has_the_base_and_the_builtin_that_a_caller_expects() -> None:
    """Sixteen errors below the one base, each also a builtin, each drawn in the tree of the module's docstring."""
    found = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, LivegateError)}
    assert len(found) == 17
    del found["LivegateError"]
    assert set(found) == set(BUILTINS)
    for name, kind in found.items():
        assert issubclass(kind, BUILTINS[name]), name
        assert name in (errors.__doc__ or ""), name


def test_a_missing_extra_names_its_install_line() -> None:
    """What to type stands in the message."""
    assert str(MissingExtraError("export", "onnx")).endswith("pip install '.[onnx]'")


def test_all_faults_of_a_file_are_told_together() -> None:
    """The file first, then each fault; the list stays at hand for programs."""
    error = FaultsError("index.csv", ["line 2: no path", "line 3: bad box"])
    assert str(error) == "index.csv: line 2: no path; line 3: bad box"
    assert error.subject == "index.csv"
    assert error.faults == ("line 2: no path", "line 3: bad box")


@pytest.mark.parametrize(
    "error",
    [
        PictureError("a.png: is empty"),
        FaultsError("a.csv", ["no path", "bad box"]),
        MissingExtraError("export", "onnx", "train"),
    ],
)
def test_another_process_gets_an_error_as_it_is(error: LivegateError) -> None:
    """Whatever its constructor takes: kind, message and what it holds for programs."""
    again = ForkingPickler.loads(ForkingPickler.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(("count", "told"), [(1, 1), (8, 8), (9, 8), (1000, 8)])
def test_a_thousand_faults_still_make_one_readable_line(count: int, told: int) -> None:
    """At most eight are told, the others counted, none lost."""
    error = FaultsError("index.csv", [f"fault-{number}." for number in range(count)])
    assert str(error).count("fault-") == told
    assert ("and 992 more" in str(error)) == (count == 1000)
    assert (" more" in str(error)) == (count > told)
    assert len(error.faults) == count
