"""``livegate reproduce``: published experiments, repeated, every figure beside the printed one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livegate.cli.words import PRECISION_HELP, RUNTIME_HELP

if TYPE_CHECKING:
    from collections.abc import Callable

    from livegate.data.pairs import Pairs

reproduce = typer.Typer(help="Repeat a published experiment; every figure stands beside the printed one.")


@reproduce.command()
def pta(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the experiment; the same command goes on where it was.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="key=value", help="Changes to the paper's recipe, such as optimiser.epochs=8.")
    ] = None,
    celeba_spoof: Annotated[
        Path | None, typer.Option(metavar="DIR", help="CelebA-Spoof as downloaded, with its folders Data and metas.")
    ] = None,
    index: Annotated[
        str | None, typer.Option(metavar="INDEX", help="Another index instead, with the splits train, dev and test.")
    ] = None,
    by_subject: Annotated[
        bool, typer.Option("--by-subject", help="Carve dev out of train by subject; the paper does it by picture, which leaks.")
    ] = False,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Trainings of each network; the paper has one.")] = 3,
    test: Annotated[str, typer.Option(metavar="SPLIT", help="The split that errors are reported on.")] = "test",
) -> None:
    """Khabarlak 2022, Tables 3, 4, 5 and Figure 2: the plain MobileNetV2 against the adaptive one."""
    from livegate.cli.interrupt import resumable
    from livegate.cli.progress import counting
    from livegate.errors import LivegateError
    from livegate.reproduce.pta import RECIPE
    from livegate.reproduce.pta import reproduce as run
    from livegate.reproduce.pta_report import write
    from livegate.training.recipe import Recipe

    if (celeba_spoof is None) == (index is None):
        raise LivegateError("give either --celeba-spoof DIR or --index INDEX")
    if by_subject and index is not None:
        raise LivegateError("--by-subject is for --celeba-spoof; an index says itself which pictures are dev")
    out.mkdir(parents=True, exist_ok=True)
    chosen = index or str(_celeba_spoof(celeba_spoof or Path(), out, by_subject=by_subject))
    base = Recipe.read(RECIPE, [f"data.index={chosen}", *(overrides or ())])
    with resumable():
        experiment = run(base, range(seeds), out, test, counting)
    print(write(experiment, out))


@reproduce.command()
def seesaw(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where verification.md and verification.json are written.")],
    packs: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of packs: lfw.bin, cfp_fp.bin, …; what is missing is said.")
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Pairs of aligned pictures: a CSV file, or LFW's pairs.txt with --aligned."),
    ] = None,
    aligned: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the aligned pictures that a pairs.txt speaks of.")
    ] = None,
    subject_folders: Annotated[
        bool, typer.Option("--subject-folders", help="In the CSV file, the folder of a picture is named after who it shows.")
    ] = False,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A verification model that is shipped, or its folder.")
    ] = "verifier",
    configuration: Annotated[str | None, typer.Option(metavar="C", help="Configuration; without it the default one.")] = None,
    probes: Annotated[
        str | None, typer.Option(metavar="C", help="Another configuration for probes; references keep the first.")
    ] = None,
    runtime: Annotated[str | None, typer.Option(metavar="R", help=RUNTIME_HELP)] = None,
    precision: Annotated[str | None, typer.Option(metavar="P", help=PRECISION_HELP)] = None,
) -> None:
    """Zhang 2019, Tables 4 and 5: a verification model on packs or pairs, with 10 and 5 folds, with and without flip averaging."""
    from livegate.cli.progress import counting
    from livegate.matching import Compared, compare
    from livegate.reproduce.seesaw import Verified, counted, read_packs, verify
    from livegate.reproduce.seesaw import packs as found_packs
    from livegate.reproduce.seesaw_report import write
    from livegate.verifier import Verifier

    lists: dict[str, Callable[[], Pairs]] = _list(pairs, aligned, packs=packs is not None, subject_folders=subject_folders)
    missing: tuple[str, ...] = ()
    if packs is not None:
        paths, missing = found_packs(packs)
        lists |= read_packs(paths)
    # No threshold of the model is used here, so one that has none can be measured, too.
    verifier = Verifier(model, threshold=0.0, runtime=runtime, precision=precision)
    reference = verifier.choose(configuration)
    probe = reference if probes is None else verifier.choose(probes)

    def compared(found: Pairs) -> Compared:
        pictures = len(found.pictures) if reference == probe else 2 * len(found.comparisons)
        with counting(found.name, pictures) as advance:
            return compare(verifier, found, reference, probe, advance=advance)

    measured = tuple(verify(lists, compared))
    print(write(Verified(model, verifier.identity, (str(reference), str(probe)), measured, missing), counted(), out))


def _list(pairs: Path | None, aligned: Path | None, *, packs: bool, subject_folders: bool) -> dict[str, Callable[[], Pairs]]:
    """What reads the list of pairs, if there is one."""
    from livegate.data.pairs import Pairs
    from livegate.errors import LivegateError

    if pairs is None and not packs:
        raise LivegateError("give --packs DIR, --pairs FILE or both")
    if aligned is not None and (pairs is None or subject_folders):
        raise LivegateError("--aligned is for a pairs.txt of LFW: give it with --pairs, and without --subject-folders")
    if pairs is None:
        return {}
    if aligned is not None:
        read = Pairs.read_lfw(pairs, aligned)
    else:
        read = Pairs.read(pairs, subject_folders=subject_folders)
        read.require_pictures()
    return {pairs.name: lambda: read}  # with its suffix, so that it is no pack's name


def _celeba_spoof(folder: Path, out: Path, *, by_subject: bool) -> Path:
    """The index of the intra-dataset protocol, made once; its name tells how dev was carved out."""
    from livegate.data.index import Index
    from livegate.data.sets import SETS

    protocol = "intra-by-subject" if by_subject else "intra"
    path = out / f"celeba-spoof-{protocol}.csv"
    if not path.exists():
        listing = SETS["celeba-spoof"].read(folder, protocol)
        Index(path, listing.samples, labelled=True, boxed=listing.boxed).write(path)
        for note in listing.notes:
            print(note, file=sys.stderr)
    return path.absolute()
