"""``livegate check``: from pictures, folders and videos to decisions."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from livegate.cli.notice import licence_once
from livegate.cli.words import CALIBRATION_HELP, CONTRACT_HELP, PRECISION_HELP, RUNTIME_HELP
from livegate.decision import Decision, Status
from livegate.errors import LivegateError, PictureError

if TYPE_CHECKING:
    from livegate.gate import Gate
    from livegate.preprocessing import Pixels

EXIT_CODES = {Status.BONA_FIDE: 0, Status.ATTACK: 1, Status.ERROR: 2, Status.NOT_JUDGED: 3}
GRAVITY = (Status.ERROR, Status.ATTACK, Status.NOT_JUDGED, Status.BONA_FIDE)
"""In a batch the first of these that occurs decides the exit code."""
WORDS = {Status.BONA_FIDE: "bona fide", Status.ATTACK: "attack", Status.NOT_JUDGED: "not judged", Status.ERROR: "error"}
NO_POLICY = (
    "chooses the configuration by a latency budget, which this version cannot do yet; name one, such as --configuration LLL"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of output.

    Attributes:
        name: the picture's path as given; of a frame with ``#`` and its number; of a face with its number after that.
        decision: the outcome.
        counts: whether it counts for the exit code; frames of a video do not, their clip does.
    """

    name: str
    decision: Decision
    counts: bool = True


def check(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE…", help="Pictures, folders of pictures, videos.")],
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A shipped model, the folder of an artifact, or anti-spoof-mn3.onnx or .xml.")
    ] = "default",
    configuration: Annotated[
        str | None,
        typer.Option(metavar="C", help="One of H, L, B for each adaptive block, such as HLH; or heaviest, lightest."),
    ] = None,
    runtime: Annotated[str | None, typer.Option(metavar="R", help=RUNTIME_HELP)] = None,
    precision: Annotated[str | None, typer.Option(metavar="P", help=PRECISION_HELP)] = None,
    calibration: Annotated[Path | None, typer.Option(metavar="FILE", help=CALIBRATION_HELP)] = None,
    budget_ms: Annotated[
        float | None, typer.Option(metavar="N", help="Milliseconds for one decision (not yet: exits with 2).")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Frames to look at in a video.")] = 16,
    all_faces: Annotated[bool, typer.Option("--all-faces", help="Judge every face, not only the largest.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    save_annotated: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write each picture with box, decision and score drawn on it.")
    ] = None,
    contract: Annotated[str | None, typer.Option(metavar="K", help=CONTRACT_HELP)] = None,
) -> None:
    """Decide whether faces are bona fide. Exit: 0 all are, 1 an attack, 2 an error, 3 not judged."""
    if configuration == "auto" or budget_ms is not None:
        raise LivegateError(f"{'--budget-ms' if budget_ms is not None else '--configuration auto'} {NO_POLICY}")
    from livegate.gate import Gate

    gate = Gate(model, contract=contract, runtime=runtime, precision=precision, calibration=calibration)
    gate.engine.choose(configuration)
    licence_once(gate.engine.manifest.name, gate.engine.manifest.licence)
    gate.warm_up()
    checker = _Checker(gate, configuration, frames, all_faces, save_annotated)
    raise typer.Exit(told(rows(pictures, checker.judged), _print_json if as_json else _print))


def rows(paths: list[Path], judge: Callable[[Path], Iterator[Row]]) -> Iterator[Row]:
    """The rows of all pictures, of those in a folder too; an error in one is a row of its own and stops nothing."""
    for given in paths:
        try:
            for path in expanded(given):
                yield from _of(path, judge)
            if others := unread(given):
                print(f"livegate: {others}", file=sys.stderr)
        except OSError as error:
            yield _error(given, PictureError(f"{given}: cannot be opened ({error.strerror}); give the path of a picture"))
        except LivegateError as error:
            yield _error(given, error)


def told(rows: Iterable[Row], tell: Callable[[Row], None]) -> int:
    """Tell of each row as it comes.

    Returns:
        The exit code of all that count.
    """
    seen: set[Status] = set()
    for row in rows:
        tell(row)
        if row.counts:
            seen.add(row.decision.status)
    return EXIT_CODES[next(status for status in GRAVITY if status in seen)]


@dataclass(frozen=True, slots=True)
class _Checker:
    gate: Gate
    configuration: str | None
    frames: int
    all_faces: bool
    annotated: Path | None

    def judged(self, path: Path) -> Iterator[Row]:
        """The rows of a picture or video."""
        from livegate.pictures import VIDEO_SUFFIXES

        return self._video(path) if path.suffix.lower() in VIDEO_SUFFIXES else self._picture(path)

    def _picture(self, path: Path) -> Iterator[Row]:
        from livegate.pictures import read

        if self.annotated is None and not self.all_faces:
            yield Row(str(path), self.gate.check(path, self.configuration))
            return
        yield from self._judged(str(path), read(path))

    def _judged(self, name: str, pixels: Pixels, *, counts: bool = True) -> list[Row]:
        """The faces of one picture that is at hand, and its annotated copy where one is wanted."""
        from livegate.cli.annotate import save

        if self.all_faces:
            decisions = self.gate.check_all(pixels, self.configuration)
        else:
            decisions = [self.gate.check(pixels, self.configuration)]
        if self.annotated is not None:
            save(pixels, decisions, self.annotated, name)
        names = [name] if len(decisions) == 1 else [f"{name}#face{number}" for number in range(len(decisions))]
        return [Row(name, decision, counts) for name, decision in zip(names, decisions, strict=True)]

    def _video(self, path: Path) -> Iterator[Row]:
        from livegate.gate import clip_decision
        from livegate.pictures import frames

        if self.all_faces:
            # One decision over several people would let one of them vouch for another.
            raise PictureError(f"{path}: --all-faces is for pictures; leave it out to judge the largest face of each frame")
        judged: list[Decision] = []
        for number, pixels in frames(path, self.frames):
            rows = self._judged(f"{path}#{number}", pixels, counts=False)
            judged += [row.decision for row in rows]
            yield from rows
        yield Row(str(path), clip_decision(judged))


def _of(path: Path, judge: Callable[[Path], Iterator[Row]]) -> Iterator[Row]:
    try:
        yield from judge(path)
    except LivegateError as error:
        yield _error(path, error)


def expanded(path: Path) -> list[Path]:
    """The pictures and videos of a folder, sorted; anything else as it is."""
    if not path.is_dir():
        return [path]
    from livegate.pictures import SUFFIXES, VIDEO_SUFFIXES

    found = [file for file in _files(path) if _read(file)]
    if not found:
        raise PictureError(
            f"{path}: the folder holds no picture; pictures end in {', '.join(sorted(SUFFIXES | VIDEO_SUFFIXES))}"
        )
    return found


def unread(path: Path) -> str:
    """How many files of a folder are none of these, in words: an iPhone's .heic for one, of which somebody might believe that it was judged."""
    others = [file for file in _files(path) if not _read(file)] if path.is_dir() else []
    if not others:
        return ""
    endings = ", ".join(sorted({file.suffix.lower() or "no ending" for file in others}))
    return printable(f"{path}: {len(others)} other file{'s were' if len(others) > 1 else ' was'} not looked at ({endings})")


def _files(folder: Path) -> list[Path]:
    """Everything in a folder and those within it, sorted."""
    return sorted(Path(place, name) for place, _, names in os.walk(folder, onerror=_refuse) for name in names)


def _read(file: Path) -> bool:
    from livegate.pictures import SUFFIXES, VIDEO_SUFFIXES

    return file.suffix.lower() in SUFFIXES | VIDEO_SUFFIXES and file.is_file()


def _refuse(error: OSError) -> NoReturn:
    """A folder that cannot be entered is no empty one."""
    raise PictureError(f"{error.filename}: the folder cannot be read ({error.strerror}); check its permissions") from None


def _error(path: Path, error: LivegateError) -> Row:
    return Row(str(path), Decision(Status.ERROR, None, None, "", 0.0, 0.0, None, " ".join(str(error).split())))


def _print(row: Row) -> None:
    tell(row, sentence(row.name, row.decision))


def _print_json(row: Row) -> None:
    print(json.dumps(_plain(row)), flush=True)


def tell(row: Row, words: str) -> None:
    """Tell people of a row in these words; of an error in its own, and on standard error."""
    if row.decision.status is Status.ERROR:
        print(f"livegate: {printable(row.decision.reason)}", file=sys.stderr, flush=True)
    else:
        print(words, flush=True)


def sentence(name: str, decision: Decision) -> str:
    """A decision in one line for people."""
    start = f"{printable(name)}: {outcome(decision)}"
    if decision.score is None:
        return f"{start}, {decision.total_ms:.1f} ms"
    return f"{start}, {decision.latency_ms:.1f} ms network, {decision.total_ms:.1f} ms in all"


def outcome(decision: Decision) -> str:
    """What was decided, in words, without the times."""
    word = WORDS[decision.status]
    if decision.score is None or decision.threshold is None:
        return f"{word} ({decision.reason})"
    sign = ">=" if decision.accepted else "<"
    used = f", configuration {decision.configuration}" if decision.configuration else ""
    return f"{word}, score {decision.score:.4f} {sign} threshold {decision.threshold:.4f}{used}"


def printable(text: str) -> str:
    """Text whose control characters cannot play tricks on a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def _plain(row: Row) -> dict[str, object]:
    decision = row.decision
    return {
        "path": row.name,
        "status": decision.status.value,
        "score": decision.score,
        "threshold": decision.threshold,
        "configuration": decision.configuration,
        "latency_ms": round(decision.latency_ms, 3),
        "total_ms": round(decision.total_ms, 3),
        "face": None if decision.face is None else [round(number, 1) for number in decision.face],
        "reason": decision.reason,
    }
