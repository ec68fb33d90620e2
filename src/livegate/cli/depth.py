"""``livegate depth``: from an index to the depth maps that a depth generator learns from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from livegate.data.depth.teachers import Teacher
    from livegate.preprocessing import Pixels


def depth(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="Index of the pictures (CSV), with labels.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the maps; one that was begun goes on.")],
    mesh: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="MediaPipe's face_landmark.tflite; without it the maps are drawn from five points alone."
        ),
    ] = None,
    split: Annotated[list[str] | None, typer.Option(metavar="S", help="Only this split; may be given again.")] = None,
    sheet: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Save pictures beside their maps, to look at.")] = None,
) -> None:
    """Make a depth map of each bona fide face. A run that was stopped, however hard, goes on when it is given again."""
    from livegate.cli.interrupt import resumable
    from livegate.cli.progress import counting
    from livegate.data.depth.maps import FAILED
    from livegate.data.depth.writing import Plan, write
    from livegate.data.index import Index

    pictures = Index.read(index)
    if sheet is not None:
        _check(sheet, index, *filter(None, [mesh]), *(sample.path for sample in pictures.samples))
    teacher = _teacher(mesh)
    plan = Plan.of(pictures, out, teacher, split or ())
    with resumable(), counting("depth maps", len(plan.samples)) as advance:
        advance(plan.done)
        maps = write(plan, teacher, advance)
    if sheet is not None:
        from livegate.data.depth.sheet import sheet as drawn

        _save(drawn(maps, plan.samples), sheet)
    attacks = sum(not sample.bona_fide and (not split or sample.split in split) for sample in pictures.samples)
    failed = maps.failed
    where = f" (listed in {out / FAILED})" if failed and (out / FAILED).exists() else ""
    made = f"{maps.made:,} made by {maps.teacher}"
    print(f"Depth maps: {out}, {made}, {failed:,} failed{where}, {attacks:,} attacks skipped")
    if failed:
        told = "what failed is not tried again in this folder; to try it again, make the maps anew in another one"
        print(f"livegate: {told}", file=sys.stderr)


def _check(sheet: Path, *read: Path) -> None:
    """Whether the sheet can be written and destroys nothing that is read, before hours of work."""
    from livegate.errors import LivegateError
    from livegate.files import require_other

    if sheet.suffix.lower() != ".png":
        raise LivegateError(f"--sheet {sheet} is written as PNG; let its name end in .png")
    if not sheet.parent.is_dir() or sheet.is_dir():
        raise LivegateError(f"--sheet {sheet} cannot be written; give a file in a folder that there is")
    require_other(sheet, *read)


def _teacher(mesh: Path | None) -> Teacher:
    """The one that was asked for; that it is the geometric one is told."""
    if mesh is None:
        from livegate.data.depth.teachers import FivePoints

        print(
            "livegate: the teacher is five-points, an ellipsoid over the face; --mesh FILE gives real shapes", file=sys.stderr
        )
        return FivePoints()
    from livegate.data.depth.mesh import Mesh

    return Mesh.open(mesh)


def _save(picture: Pixels, path: Path) -> None:
    from livegate.files import write
    from livegate.pictures import encoded

    write(path, encoded(picture, ".png"), "sheet")
