"""What installs a package that is missing is said truly: the list of the command line is that of pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from livegate.cli.extras import EXTRAS, MODULES, PACKAGES, extra_of
from livegate.runtime.backends.base import RUNTIMES

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
"""Not the metadata of what is installed, which may be older."""


def test_the_extras_are_those_of_the_package() -> None:
    """Each with all packages that it brings, and no other."""
    extras = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["optional-dependencies"]
    stated = {extra: {re.split(r"[<>=~! ]", line)[0] for line in lines} for extra, lines in extras.items()}
    assert {extra: set(packages) for extra, packages in EXTRAS.items()} == stated


def test_every_runtime_names_an_extra_that_brings_it() -> None:
    """Those of the base install name none."""
    assert len(RUNTIMES) == 6
    for runtime in RUNTIMES.values():
        assert not runtime.extra or runtime.package in EXTRAS[runtime.extra]


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("torch", "train"),
        ("lightning_fabric", "train"),
        ("onnxscript", "onnx"),
        ("cryptography", "templates"),
        ("dlib", "dlib"),
        ("face_recognition_models", "dlib"),
        ("ai_edge_litert", "litert"),
        ("numpy", None),
        ("nothing", None),
        ("", None),
    ],
)
def test_a_module_leads_to_its_extra(module: str, extra: str | None) -> None:
    """By the name that it is imported as, which may differ from that of its package."""
    assert extra_of(module) == extra


def test_every_package_is_listed_once() -> None:
    """For ``livegate doctor``; what is imported under another name is one of them."""
    assert len(PACKAGES) == len(set(PACKAGES)) >= 18
    assert set(MODULES) <= set(PACKAGES)
