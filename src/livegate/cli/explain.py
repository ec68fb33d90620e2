"""``livegate explain``: pictures of where the network looks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from livegate.cli.check import Row, outcome, printable, rows, tell, told
from livegate.cli.words import CALIBRATION_HELP

if TYPE_CHECKING:
    from collections.abc import Callable

    from livegate.capture import Capture, Captured
    from livegate.configuration import Configuration
    from livegate.decision import Decision
    from livegate.explain.heat import HeatMap
    from livegate.files import Identity
    from livegate.models.checkpoint import Checkpoint
    from livegate.models.scorer import TorchScorer
    from livegate.preprocessing import Pixels

    Explain = Callable[[TorchScorer, Pixels, Configuration], HeatMap]
    Draw = Callable[[Pixels, Captured, Decision], Pixels]
    """From a picture, its face and what was decided about it to what is saved."""
    Judge = tuple[Checkpoint, Configuration, float]

Method = Literal["occlusion", "gradcam", "depth"]

LONGEST = 40
"""At most so many letters of a picture's name stand in that of what is saved."""


def explain(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE…", help="Pictures, folders of pictures.")],
    method: Annotated[
        Method | None,
        typer.Option(
            help="Hide one patch after another (without this), weigh the network's last features (coarse, but quick), or show the depth "
            "that a generator sees."
        ),
    ] = None,
    depth: Annotated[bool, typer.Option("--depth", help="The same as --method depth.")] = False,
    generator: Annotated[
        Path | None,
        typer.Option(metavar="CHECKPOINT", help="For --method depth: a trained depth-generator; the shipped one without it."),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FILE|DIR", help="A .png for one picture, else a folder; the current one without it.")
    ] = Path(),
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A shipped model, the folder of an artifact, or a checkpoint.")
    ] = "default",
    configuration: Annotated[
        str | None,
        typer.Option(metavar="C", help="One of H, L, B for each adaptive block, such as HLH; or heaviest, lightest."),
    ] = None,
    calibration: Annotated[Path | None, typer.Option(metavar="FILE", help=CALIBRATION_HELP)] = None,
    patch: Annotated[
        int | None, typer.Option(metavar="N", help="Side of a patch, in pixels of the crop; an eighth of it without this.")
    ] = None,
) -> None:
    """Save a picture of the largest face that shows what in it speaks for bona fide and what for an attack. Exits as check does."""
    from livegate.errors import LivegateError
    from livegate.files import identities, require_none_of

    chosen = _method(method, depth=depth)
    if patch is not None and chosen != "occlusion":
        raise LivegateError(f"--patch is for --method occlusion, got --method {chosen}; leave it out")
    if generator is not None and chosen != "depth":
        raise LivegateError(f"--generator is for --method depth, got --method {chosen}; leave it out")
    given = identities(file for path in pictures for file in (path.rglob("*") if path.is_dir() else [path]))
    file = _is_file(out)
    if file and (len(pictures) > 1 or pictures[0].is_dir()):
        raise LivegateError(f"--out {out} names one file; for several pictures give a folder")
    if file:
        require_none_of(out, given)
    network = partial(_network, model, configuration, calibration)
    explainer = _explainer(network, chosen, patch, generator)
    place = _Place(out, given, "" if file else explainer.ending)
    raise typer.Exit(told(rows(pictures, partial(explainer.explained, place=place)), place.tell))


def _method(method: Method | None, *, depth: bool) -> Method:
    """The way that is meant."""
    from livegate.errors import LivegateError

    if depth and method not in {None, "depth"}:
        raise LivegateError(f"--depth is --method depth, got --method {method} as well; give one of them")
    return "depth" if depth else method or "occlusion"


def _is_file(out: Path) -> bool:
    """Whether one picture is meant, not a folder."""
    from livegate.errors import LivegateError
    from livegate.pictures import SUFFIXES

    if out.is_dir() or out.suffix.lower() not in SUFFIXES:
        return False
    if out.suffix.lower() != ".png":
        raise LivegateError(f"--out {out} is written as PNG; let its name end in .png")
    return True


@dataclass(frozen=True, slots=True)
class _Place:
    """Where pictures go.

    Attributes:
        out: a folder, or the only file.
        given: what is read, and so never written.
        ending: of the files in a folder; empty where there is only one file.
    """

    out: Path
    given: frozenset[Identity]
    ending: str

    def of(self, name: str) -> Path:
        """The file for a picture; a short hash of the whole name keeps two of a name apart."""
        if not self.ending:
            return self.out
        mark = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:6]
        return self.out / f"{Path(name).stem[:LONGEST]}-{mark}-{self.ending}.png"

    def tell(self, row: Row) -> None:
        """One line: what was decided, and the file where there is one."""
        file = "" if row.decision.score is None else f"; {printable(str(self.of(row.name)))}"
        tell(row, f"{printable(row.name)}: {outcome(row.decision)}{file}")


@dataclass(frozen=True, slots=True)
class _Explainer:
    """A network under one configuration, with one way to explain it."""

    scorer: TorchScorer
    capture: Capture
    configuration: Configuration
    threshold: float
    method: str
    draw: Draw

    @property
    def ending(self) -> str:
        """Method and configuration, as they stand in the name of a file."""
        return "-".join(filter(None, (self.method, str(self.configuration))))

    def explained(self, path: Path, place: _Place) -> Iterator[Row]:
        """Decide about the largest face of a picture, and save what explains it if it can be judged."""
        from livegate.errors import PictureError
        from livegate.explain.picture import save
        from livegate.files import require_none_of
        from livegate.gate import decided
        from livegate.pictures import VIDEO_SUFFIXES, read

        if path.suffix.lower() in VIDEO_SUFFIXES:
            raise PictureError(f"{path}: is a video; only pictures are explained, so save the frame that you mean as one")
        picture = read(path)
        captured = self.capture.largest(picture)
        decision = decided(captured, self._score, self.threshold, self.configuration, perf_counter())
        if captured is not None and decision.score is not None:
            file = place.of(str(path))
            require_none_of(file, place.given)
            save(self.draw(picture, captured, decision), file)
        yield Row(str(path), decision)

    def _score(self, crop: Pixels) -> float:
        from livegate.decision import score_from_logits
        from livegate.preprocessing import to_input

        return float(score_from_logits(self.scorer.logits(to_input([crop]), self.configuration))[0])


def _explainer(network: Callable[[], Judge], method: Method, patch: int | None, generator: Path | None) -> _Explainer:
    """What explains, with the network that a user's words mean."""
    from livegate.errors import MissingExtraError

    try:
        from livegate.models.scorer import TorchScorer

        checkpoint, configuration, threshold = network()
        scorer = TorchScorer(checkpoint.network(), checkpoint.preprocessing)
        draw = _depth(generator) if method == "depth" else _heat(scorer, configuration, method, patch)
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "safetensors", "onnx"}:
            raise
        raise MissingExtraError(f"livegate explain (it uses {error.name})", "train", "onnx") from None
    from livegate.capture import Capture

    return _Explainer(scorer, Capture(checkpoint.preprocessing), configuration, threshold, method, draw)


def _heat(scorer: TorchScorer, configuration: Configuration, method: Method, patch: int | None) -> Draw:
    """A heat map over the crop that was judged."""
    from livegate.explain.gradcam import gradcam
    from livegate.explain.occlusion import occlusion, patch_side
    from livegate.explain.picture import drawn

    side = patch_side(scorer.preprocessing.size, patch)
    explain: Explain = gradcam if method == "gradcam" else partial(occlusion, patch=side)
    return lambda _, captured, decision: drawn(captured.crop, explain(scorer, captured.crop, configuration), decision)


def _depth(generator: Path | None) -> Draw:
    """The depth that a generator sees in the face that was judged."""
    from livegate.cli.notice import licence_once
    from livegate.explain.depth import DepthEye
    from livegate.explain.picture import drawn_depth
    from livegate.runtime.manifest import Licence
    from livegate.weights import GENERATOR

    if generator is None:
        licence_once(GENERATOR.name, Licence.parse((GENERATOR / "LICENSE").read_text("utf-8"), "LICENSE"))
    eye = DepthEye(generator or GENERATOR)
    return lambda picture, captured, decision: drawn_depth(*eye.see(picture, captured.face.box), decision)


def _network(model: str, text: str | None, calibration: Path | None) -> Judge:
    """The network, the configuration that is meant, and from which score on a face is bona fide under it."""
    from livegate.cli.export import source
    from livegate.cli.notice import licence_once
    from livegate.configuration import Configuration
    from livegate.errors import LivegateError
    from livegate.metrics import ARGMAX
    from livegate.runtime.artifact import Artifact
    from livegate.runtime.calibration import Calibration

    made_of = source(model)
    if isinstance(made_of, Artifact):
        from livegate.export.reopened import readable, reopened

        manifest, variant = made_of.manifest, readable(made_of)
        manifest.require("liveness", made_of.folder)
        chosen = manifest.choose(text)
        if calibration is not None:
            variant = Calibration.read(calibration).applied(manifest, variant, calibration)
        licence_once(manifest.name, manifest.licence)
        return reopened(made_of), chosen, manifest.threshold(str(chosen), variant).value
    if calibration is not None:
        raise LivegateError(
            f"{model} is a checkpoint, whose threshold is {ARGMAX.value}; leave out --calibration, or export it first"
        )
    made_of.require("liveness", model)
    return made_of, Configuration.chosen(text, made_of.network().adaptive_blocks), ARGMAX.value
