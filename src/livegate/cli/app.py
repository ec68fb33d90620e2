"""The command ``livegate``: gathers the verbs, and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.core import TyperGroup

from livegate import __version__
from livegate.cli.bench import bench
from livegate.cli.calibrate import calibrate
from livegate.cli.check import check, printable
from livegate.cli.compare import compare
from livegate.cli.depth import depth
from livegate.cli.doctor import doctor
from livegate.cli.enroll import enroll
from livegate.cli.evaluate import evaluate
from livegate.cli.explain import explain
from livegate.cli.export import export
from livegate.cli.extras import extra_of
from livegate.cli.forget import forget
from livegate.cli.identify import identify
from livegate.cli.index import index
from livegate.cli.inspect import inspect
from livegate.cli.interrupt import noticed
from livegate.cli.models import models
from livegate.cli.protocol import protocol
from livegate.cli.reproduce import reproduce
from livegate.cli.score import score
from livegate.cli.templates import templates
from livegate.cli.train import train
from livegate.cli.verify import verify
from livegate.errors import LivegateError, MissingExtraError

ERROR = 2
"""Exit code of every error, a wrong usage included."""


class _Heard(TyperGroup):
    """Ends with an error when nobody listens any more; Typer would end with 1, which here means an attack."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override] # what Typer expects here has no public name
        """Run a command, and what it told to the end."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise LivegateError("standard output was closed before everything was told") from None


app = typer.Typer(cls=_Heard, add_completion=False, pretty_exceptions_enable=False)
for verb in (
    check,
    index,
    score,
    calibrate,
    evaluate,
    compare,
    depth,
    train,
    explain,
    export,
    bench,
    inspect,
    models,
    doctor,
    verify,
    enroll,
    identify,
    forget,
):
    app.command()(verb)
app.add_typer(protocol, name="protocol")
app.add_typer(reproduce, name="reproduce")
app.add_typer(templates, name="templates")


def _version(asked: bool) -> None:  # noqa: FBT001 - so Typer calls it
    if asked:
        print(f"livegate {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error; may stand anywhere.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Tell a bona fide (live) face from a presentation attack (spoof), on this device, at the cost you choose."""


def main() -> None:
    """Run the command line. Exit codes: 0 all bona fide or done, 1 an attack, 2 an error, 3 not judged."""
    debug = "--debug" in sys.argv[1:]
    # An error is one line: the video decoder writes none of its own.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # File names may hold bytes that are no text.
            stream.reconfigure(errors="backslashreplace")
    with noticed() as interrupted:
        try:
            app([argument for argument in sys.argv[1:] if argument != "--debug"], prog_name="livegate")
        except Exception as error:
            if interrupted():
                raise KeyboardInterrupt from error
            if debug:
                traceback.print_exc()
            else:
                print(f"livegate: {_sentence(error)}", file=sys.stderr)
            sys.exit(ERROR)


def _sentence(error: Exception) -> str:
    """What a person is told of an error, in one line."""
    if isinstance(error, ModuleNotFoundError):
        module = (error.name or "").partition(".")[0]
        if extra := extra_of(module):
            error = MissingExtraError(f"this command (it uses {module})", extra)
    text = printable(" ".join(str(error).split()))
    if isinstance(error, LivegateError | OSError):
        return text
    return f"unexpected {type(error).__name__}: {text}; --debug shows where"
