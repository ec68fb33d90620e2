"""A store of three people, and embeddings that are what a network would give: float32, of length 1."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cryptography", reason="the extra templates is not installed")

from livegate.configuration import Configuration
from livegate.templates.key import Key
from livegate.templates.record import Consent
from livegate.templates.store import TemplateStore

Units = Callable[..., NDArray[np.float32]]
START = 1_700_000_000.0
"""What the clock of the tests says at first: 14 November 2023."""


class Clock:
    """Seconds since 1970 that a test can move."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def units() -> Units:
    """Random directions: (count, size), the same for the same seed."""

    def draw(seed: int, count: int = 2, size: int = 64) -> NDArray[np.float32]:
        rows = np.random.default_rng(seed).standard_normal((count, size))
        return np.float32(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    return draw


@pytest.fixture
def key() -> Key:
    return Key(bytes(range(32)))


@pytest.fixture
def identity() -> str:
    return "ab" * 32


@pytest.fixture
def consent() -> Consent:
    return Consent("opens door 3; form signed", datetime(2023, 11, 14, tzinfo=UTC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "templates.db"


@pytest.fixture
def store(path: Path, key: Key, identity: str, consent: Consent, units: Units, clock: Clock) -> TemplateStore:
    """Ada (keeps 30 days), Grace (300) and Zoë (300), two templates each, drawn from the seeds 0, 1, 2."""
    store = TemplateStore.open(path, key, identity, create=True, clock=clock)
    for seed, (name, days) in enumerate({"Ada": 30, "Grace": 300, "Zoë": 300}.items()):
        store.enroll(name, units(seed), Configuration.parse("HHH"), consent, days)
    return store
