"""A run has its folder for itself, and a killed one leaves it free."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livegate.errors import RecipeError
from livegate.training.claim import LOCK, claimed
from livegate.training.loop import train
from livegate.training.recipe import Recipe

Make = Callable[..., Recipe]
HOLDS = """
import os, sys, time
from pathlib import Path
from livegate.training.claim import claimed

with claimed(Path(sys.argv[1])):
    worker = os.fork()
    if worker:
        print(worker, flush=True)
    time.sleep(600)
"""
REFUSED = "another training is writing to it; wait until that one has ended, or choose another folder with --out"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked there")


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the folder, and a worker of its own."""
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            worker = int(process.stdout.readline())
            yield process
            os.kill(worker, signal.SIGKILL)
        finally:
            process.kill()


def test_a_second_training_is_refused(
    holder: subprocess.Popen[str], make_recipe: Make, generated: Path, tmp_path: Path
) -> None:
    """It writes nothing, whether it starts or goes on."""
    assert holder.poll() is None
    for resume in (False, True):
        with pytest.raises(RecipeError, match=REFUSED):
            train(make_recipe(data={"index": str(generated)}), tmp_path, resume=resume, quiet=True)
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_a_killed_training_leaves_the_folder_free(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    """At once, though its worker has not noticed yet."""
    with pytest.raises(RecipeError, match=REFUSED), claimed(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with claimed(tmp_path):
        pass


def test_a_file_system_without_locks_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of clusters have none."""

    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("livegate.training.claim.fcntl.lockf", refused)
    with claimed(tmp_path):
        assert (tmp_path / LOCK).exists()
