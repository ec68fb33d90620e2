"""``livegate explain``: pictures of where the network looks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from livegate.cli.check import Row, outcome, printable, rows, tell, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from livegate.capture import Capture, Captured
    from livegate.configuration import Configuration
    from livegate.decision import Decision
    from livegate.explain.heat import HeatMap
    from livegate.models.checkpoint import Checkpoint
    from livegate.models.scorer import TorchScorer
    from livegate.preprocessing import Pixels

    Explain = Callable[[TorchScorer, Pixels, Configuration], HeatMap]

LONGEST = 40
"""At most so many letters of a picture's name stand in that of its heat map."""


def explain(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE…", help="Pictures, folders of pictures.")],
    method: Annotated[
        Literal["occlusion", "gradcam"],
        typer.Option(help="Hide one patch after another, or weigh the network's last features (coarse, but quick)."),
    ] = "occlusion",
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
    patch: Annotated[
        int | None, typer.Option(metavar="N", help="Side of a patch, in pixels of the crop; an eighth of it without this.")
    ] = None,
) -> None:
    """Save a picture of the largest face that shows what in it speaks for bona fide and what for an attack. Exits as check does."""
    from livegate.errors import LivegateError
    from livegate.files import require_other

    if patch is not None and method != "occlusion":
        raise LivegateError(f"--patch is for --method occlusion, got --method {method}; leave it out")
    given = [file for path in pictures for file in (path.rglob("*") if path.is_dir() else [path])]
    file = _is_file(out)
    if file and (len(pictures) > 1 or pictures[0].is_dir()):
        raise LivegateError(f"--out {out} names one file; for several pictures give a folder")
    if file:
        require_other(out, *given)
    explainer = _explainer(model, configuration, method, patch)
    place = _Place(out, given, "" if file else explainer.ending)
    raise typer.Exit(told(rows(pictures, partial(explainer.explained, place=place)), place.tell))


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
    """Where heat maps go.

    Attributes:
        out: a folder, or the only file.
        given: what is read, and so never written.
        ending: of the files in a folder; empty where there is only one file.
    """

    out: Path
    given: list[Path]
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
    explain: Explain

    @property
    def ending(self) -> str:
        """Method and configuration, as they stand in the name of a file."""
        return "-".join(filter(None, (self.method, str(self.configuration))))

    def explained(self, path: Path, place: _Place) -> Iterator[Row]:
        """Decide about the largest face of a picture, and save its heat map if it can be judged."""
        from livegate.errors import PictureError
        from livegate.explain.picture import drawn, save
        from livegate.files import require_other
        from livegate.pictures import VIDEO_SUFFIXES, read

        if path.suffix.lower() in VIDEO_SUFFIXES:
            raise PictureError(f"{path}: is a video; only pictures are explained, so save the frame that you mean as one")
        captured = self.capture.largest(read(path))
        decision = self._decision(captured)
        if captured is not None and decision.score is not None:
            file = place.of(str(path))
            require_other(file, *place.given)
            heat = self.explain(self.scorer, captured.crop, self.configuration)
            save(drawn(captured.crop, heat, decision), file)
        yield Row(str(path), decision)

    def _decision(self, captured: Captured | None) -> Decision:
        """What `livegate.gate` would decide; the times are nobody's matter here."""
        from livegate.capture import NO_FACE
        from livegate.decision import Decision, Status, score_from_logits
        from livegate.preprocessing import to_input

        if captured is None:
            return Decision(Status.NOT_JUDGED, None, None, "", 0, 0, None, NO_FACE)
        box = captured.face.box
        if captured.fault:
            return Decision(Status.NOT_JUDGED, None, None, "", 0, 0, box, captured.fault)
        (score,) = score_from_logits(self.scorer.logits(to_input([captured.crop]), self.configuration)).tolist()
        status = Status.BONA_FIDE if score >= self.threshold else Status.ATTACK
        return Decision(status, score, self.threshold, str(self.configuration), 0, 0, box)


def _explainer(model: str, text: str | None, method: str, patch: int | None) -> _Explainer:
    """What explains, with the model and the configuration that a user's words mean."""
    from livegate.errors import MissingExtraError

    try:
        from livegate.explain.gradcam import gradcam
        from livegate.explain.occlusion import occlusion, patch_side
        from livegate.models.scorer import TorchScorer

        checkpoint, configuration, threshold = _network(model, text)
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "safetensors", "onnx"}:
            raise
        raise MissingExtraError(f"livegate explain (it uses {error.name})", "train", "onnx") from None
    from livegate.capture import Capture

    side = patch_side(checkpoint.preprocessing.size, patch)
    methods: dict[str, Explain] = {"occlusion": partial(occlusion, patch=side), "gradcam": gradcam}
    scorer = TorchScorer(checkpoint.network(), checkpoint.preprocessing)
    return _Explainer(scorer, Capture(checkpoint.preprocessing), configuration, threshold, method, methods[method])


def _network(model: str, text: str | None) -> tuple[Checkpoint, Configuration, float]:
    """The network, the configuration that is meant, and from which score on a face is bona fide under it."""
    from livegate.cli.export import source
    from livegate.cli.notice import licence_once
    from livegate.configuration import Branch, Configuration
    from livegate.evaluation import ARGMAX
    from livegate.runtime.artifact import Artifact
    from livegate.runtime.manifest import HEAVIEST, LIGHTEST

    made_of = source(model)
    if isinstance(made_of, Artifact):
        from livegate.export.reopened import reopened

        made_of.manifest.require("liveness", made_of.folder)
        chosen = made_of.manifest.choose(text)
        licence_once(made_of.manifest)
        return reopened(made_of), chosen, made_of.manifest.configurations[str(chosen)].threshold.value
    made_of.require("liveness", model)
    blocks = made_of.network().adaptive_blocks
    uniform = {None: Branch.HEAVY, HEAVIEST: Branch.BOTH, LIGHTEST: Branch.LIGHT}
    if text in uniform:
        return made_of, Configuration.uniform(uniform[text], blocks), ARGMAX
    return made_of, Configuration.parse(text or "", blocks), ARGMAX
