"""Ctrl-C ends every command with one line and exit code 130, and says how to go on only where that is true."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from livegate.cli import main

EARLY = """
import sys

class Stop:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Stop())
from livegate.cli import main
main()
"""

WAITS = """
import signal
import time

signal.signal(signal.SIGINT, signal.default_int_handler)
from livegate.cli import main
from livegate.metrics import Scores

def read(path):
    print("reading", flush=True)
    time.sleep(120)

Scores.read = read
main()
"""
"""A command whose scores take long, also where the shell that started the tests in the background has made them deaf to the signal."""

TURNED = WAITS.replace(
    "    time.sleep(120)\n",
    "    try:\n        time.sleep(120)\n    except KeyboardInterrupt:\n        raise AttributeError from None\n",
)
"""The same, where a library makes an error of its own of the interrupt, as torch does with one that meets it at work."""


def interrupt(*_: object, **__: object) -> NoReturn:
    """As if somebody pressed Ctrl-C here."""
    raise KeyboardInterrupt


def ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[object, str, str]:
    """Exit code, output and errors of a command in this process."""
    monkeypatch.setattr(sys, "argv", ["livegate", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code, *capsys.readouterr()


def test_an_interrupt_while_the_command_is_loaded() -> None:
    """No trace."""
    done = subprocess.run([sys.executable, "-c", EARLY], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "livegate: interrupted\n")


@pytest.mark.parametrize("code", [WAITS, TURNED], ids=["as it is", "turned into an error"])
def test_the_signal_itself(tmp_path: Path, code: str) -> None:
    """A command that waits for its scores is interrupted, whatever becomes of the signal on its way; there is nothing to go on with."""
    words = [sys.executable, "-c", code, "evaluate", "--dev", "dev.csv", "--test", "test.csv", "--out", tmp_path / "report"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (130, "", "livegate: interrupted\n")


def test_training_goes_on_with_resume(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The line names the option."""
    pytest.importorskip("torch")
    monkeypatch.setattr("livegate.training.loop.train", interrupt)
    words = ended(monkeypatch, capsys, "train", "default", "--out", tmp_path)
    assert words == (130, "", "livegate: interrupted; run it again with --resume to go on\n")


def test_an_index_of_videos_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By the same command, since frames that were written are taken; before the frames there is nothing to take."""
    video = tmp_path / "casia" / "train_release" / "1" / "1.avi"
    video.parent.mkdir(parents=True)
    video.touch()
    words = "index", "casia-fasd", tmp_path / "casia", "--out", tmp_path / "index.csv"
    with monkeypatch.context() as patch:
        patch.setattr("livegate.data.frames.extract", interrupt)
        assert ended(patch, capsys, *words) == (130, "", "livegate: interrupted; run it again to go on\n")
    monkeypatch.setattr("livegate.data.sets.casia_fasd.named", interrupt)
    assert ended(monkeypatch, capsys, *words) == (130, "", "livegate: interrupted\n")
