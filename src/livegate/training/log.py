"""What a person sees of a training run, and what is left of it: a progress bar, a CSV file and TensorBoard."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from livegate.files import replacing
from livegate.training.lesson import Errors

LOG = "log.csv"
SMOOTHING = 0.98


def read_log(folder: Path) -> list[dict[str, float]]:
    """The epochs of a run so far, by the log in its folder.

    Each has ``step`` at its end, ``epoch``, ``loss``, the lesson's figures on dev as shares, and ``seconds`` since the last start.
    """
    with (folder / LOG).open(encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


class Log:
    """The log of a run, one line an epoch; what was logged after the state that is resumed from is dropped.

    Args:
        folder: where the run writes.
        columns: the names of the figures on dev.
        total: steps of the whole run.
        done: steps done before.
        quiet: show no progress bar.
    """

    def __init__(self, folder: Path, columns: Sequence[str], *, total: int, done: int, quiet: bool) -> None:
        self.path = folder / LOG
        self.started = time.monotonic()
        self.loss = float("nan")
        self._keep(["step", "epoch", "loss", *columns, "seconds"], done)
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=done)
        self.progress = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  {task.fields[dev]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=quiet or done >= total,
        )
        if done >= total and not quiet:
            Console(stderr=True).print(
                f"{folder}: complete, all of {total:,} steps were done before", soft_wrap=True, markup=False
            )
        self.task = self.progress.add_task("", total=total, completed=done, loss=0.0, dev="")

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.progress.stop()
        self.board.close()

    def step(self, step: int, loss: float) -> None:
        """Note the loss of a step."""
        self.loss = loss if self.loss != self.loss else SMOOTHING * self.loss + (1 - SMOOTHING) * loss
        self.board.add_scalar("loss", loss, step)
        self.progress.update(self.task, completed=step, loss=self.loss)

    def epoch(self, step: int, epoch: int, errors: Errors) -> None:
        """Note the errors on dev at the end of an epoch."""
        for name, value in errors.figures.items():
            self.board.add_scalar(name.replace("_", "/", 1), value, step)
        self.progress.update(self.task, dev=errors.words)
        row = (step, epoch, f"{self.loss:.5f}", *(f"{value:.6f}" for value in errors.figures.values()))
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow((*row, f"{time.monotonic() - self.started:.0f}"))
        if self.progress.disable or not self.progress.console.is_terminal:
            Console(stderr=True).print(f"epoch {epoch}: loss {self.loss:.4f}, {errors.words}")

    def _keep(self, columns: Sequence[str], done: int) -> None:
        """Start the file, or cut off the lines that come after the state that is resumed from."""
        lines: list[list[str]] = []
        if self.path.exists():
            with self.path.open(encoding="utf-8", newline="") as file:
                lines = [row for row in list(csv.reader(file))[1:] if row and int(row[0]) <= done]
        with replacing(self.path) as file:
            csv.writer(file).writerows([list(columns), *lines])
