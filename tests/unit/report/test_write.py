"""Three files for three kinds of readers; no name in a score file can do more than be read."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from livegate.errors import LivegateError
from livegate.metrics import Scores
from livegate.report import Report, Resample, compare_scores, write, write_comparison
from livegate.report.document import as_json
from livegate.report.schemas import SCHEMAS, schema

TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "h2",
        "p",
        "strong",
        "ul",
        "li",
        "dl",
        "dt",
        "dd",
        "div",
        "nav",
        "a",
    ),
    *("section", "table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "details", "summary"),
    *("svg", "g", "path", "defs", "use", "text", "clippath", "rect", "pattern"),
}
"""All that the template and the figures hold."""


class Parsed(HTMLParser):
    """What a page is made of: its tags, the attributes of all, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep tag and attributes."""
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text += data


@pytest.fixture(scope="module")
def pages(
    report: Report, hostile: Report, drawn: Callable[..., Scores], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Every file that is written, by what it is about and its kind."""
    folder = tmp_path_factory.mktemp("pages")
    resample = Resample(replicates=5)
    files = {
        "report": write(report, folder / "report"),
        "hostile": write(hostile, folder / "hostile"),
        "comparison": write_comparison(compare_scores(drawn("test"), drawn("test"), "fixed=0.5", resample=resample), folder),
    }
    return {f"{about}{path.suffix}": path.read_text("utf-8") for about, written in files.items() for path in written[:3]}


def test_nine_files_are_looked_at(pages: dict[str, str]) -> None:
    """So that the tests below test something."""
    assert sorted(pages) == sorted(
        f"{about}.{kind}" for about in ("report", "hostile", "comparison") for kind in ("json", "md", "html")
    )


def test_no_report_claims_what_it_cannot(pages: dict[str, str]) -> None:
    """Neither of the two words that are a laboratory's."""
    for name, text in pages.items():
        assert not re.search("certif|complian", text, re.IGNORECASE), name
    for model in SCHEMAS.values():
        assert not re.search("certif|complian", schema(model), re.IGNORECASE)


@pytest.mark.parametrize("name", ["report.html", "hostile.html", "comparison.html"])
def test_html_loads_nothing_and_runs_nothing(pages: dict[str, str], name: str) -> None:
    """Known tags alone, no handlers, links inside the page, and a policy that forbids the rest."""
    page = Parsed(pages[name])
    assert set(page.tags) <= TAGS
    assert len(page.tags) > 100
    for tag, attribute, value in page.attributes:
        assert not attribute.startswith("on"), (tag, attribute)
        assert attribute not in {"src", "srcset", "action", "data", "poster"}, (tag, attribute)
        if attribute in {"href", "xlink:href"}:
            assert value.startswith("#"), (tag, value)
        assert all(url.startswith("#") for url in re.findall(r"url\(\s*['\"]?(.*?)\)", value)), value
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in page.attributes
    assert "@import" not in pages[name]
    assert page.tags.count("html") == page.tags.count("main") == 1
    assert pages[name].startswith("<!doctype html>")


def test_hostile_names_are_only_read(pages: dict[str, str]) -> None:
    """They stand in the text as they are written; template and mathematics are not carried out; long ones are cut."""
    read = Parsed(pages["hostile.html"]).text.replace("\u00a0", " ")
    for text in (
        '<script>alert("x")</script>',
        '"><img src=x onerror=alert(1)>',
        r"$\frac{1}{0}$ {{ 7 * 7 }} {% raw %}",
        r"\u202egnp.exe\u2066",
    ):
        assert text in read
    for kind in ("html", "md"):
        text = pages[f"hostile.{kind}"]
        assert not set(text) & {"\x1b", "\x07", "\x7f", "\u202e", "\u2066"}
        assert "long" * 20 not in text
        assert len(text) < 2_000_000
    assert json.loads(pages["hostile.json"])["results"][0]["configuration"] == '<script>alert("x")</script>'


def test_no_heading_of_markdown_stands_above_nothing(pages: dict[str, str]) -> None:
    """A section of figures alone is left to the HTML."""
    lines = [line for line in pages["report.md"].splitlines() if line]
    assert not [one for one, below in pairwise([*lines, "## end"]) if one.startswith("## ") and below.startswith("## ")]


def test_markdown_holds_no_markup_of_others(pages: dict[str, str]) -> None:
    """No tag, picture or link is left, and each table keeps its columns."""
    text = pages["hostile.md"]
    assert not re.search(
        r"(?<!\\)[<>\[\]`|*~$](?![ *-])", re.sub(r"^\| .* \|$|^\*\*.*|^- .*\*\*", "", text, flags=re.MULTILINE)
    )
    assert not re.search(r"(?<!\\)(<|\[|`|\$|~)", text)
    assert "http://" not in text
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) > 10
    for table in tables:
        assert len({re.sub(r"\\.", "", line).count("|") for line in table}) == 1


def test_reports_validate_and_read_back(report: Report, hostile: Report) -> None:
    """JSON gives the same report, strict: no NaN, no unknown key, and the version that it says."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    for one in (report, hostile):
        text = as_json(one)
        assert Report.model_validate_json(text) == one
        assert json.loads(text, parse_constant=refuse)["schema"] == 2
    with pytest.raises(ValueError, match="more"):
        Report.model_validate({**json.loads(as_json(report)), "more": 1})


@pytest.mark.parametrize("name", SCHEMAS)
def test_published_schemas_are_those_of_the_models(name: str) -> None:
    """Run ``python -m livegate.report.schemas`` after a change of a model, and raise the version when a key goes."""
    module = sys.modules["livegate.report.schemas"].__file__
    assert module is not None
    assert Path(module).with_name(name).read_text("utf-8") == schema(SCHEMAS[name])


def rates(node: Any) -> list[dict[str, Any]]:
    """Every rate in a JSON document."""
    if isinstance(node, list):
        return [found for item in node for found in rates(item)]
    if not isinstance(node, dict):
        return []
    return ([node] if "trials" in node else []) + [found for item in node.values() for found in rates(item)]


def test_every_rate_has_its_counts_and_limits(report: Report) -> None:
    """Errors, trials, value and exact interval agree everywhere in the JSON."""
    found = rates(json.loads(as_json(report)))
    assert len(found) > 500
    for rate in found:
        assert rate["low"] <= rate["value"] == rate["errors"] / rate["trials"] <= rate["high"]


def test_no_name_of_machine_person_or_folder_is_told(pages: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a report says of where it was made could be said by anybody with such a machine."""
    made = json.loads(pages["report.json"])["made"]
    assert set(made) == {"date", "versions", "system", "machine", "processors"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", made["date"])
    assert {"livegate", "python", "numpy", "matplotlib"} <= set(made["versions"])
    for name in ("report.html", "report.md", "report.json"):
        assert str(Path.home()) not in pages[name] or str(Path.home()) == "/"


def test_readers_find_what_they_need(pages: dict[str, str]) -> None:
    """Summary first; both kinds of interval named; oracles and the literature labelled; sample size with its side."""
    for kind in ("md", "html"):
        text = pages[f"report.{kind}"].replace("\u00a0", " ").replace("\\", "")
        for part in (
            "In plain words",
            "What cannot be concluded",
            "exact 95 %",
            "bootstrap 95 %",
            "Clopper-Pearson",
            "in these tables is an oracle",
            "one-sided 95 %",
            "None of these is a figure of ISO/IEC 30107-3",
            "under each other's name" if kind == "md" else "under each other&#39;s name",
            "ACER as the Model Zoo counts it (3.81 % published)",
            "this can be chance",
            "4 other configurations",
            "seed 0",
        ):
            assert part in text, (kind, part)
        assert text.index("In plain words") < text.index("Configurations")


def test_figures_are_drawn_and_named(pages: dict[str, str]) -> None:
    """Six, each told to those who cannot see it, in the colours of the page; none in a comparison."""
    labels = [value for tag, name, value in Parsed(pages["report.html"]).attributes if (tag, name) == ("svg", "aria-label")]
    assert labels == ["species", "det", "det-species", "roc", "scores", "reliability"]
    assert "var(--ink)" in pages["report.html"]
    assert "#010203" not in pages["report.html"]
    assert "<svg" not in pages["comparison.html"]


def test_without_matplotlib_a_sentence_takes_the_place_of_figures(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, with the install line; all else is written."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    written = write(report, tmp_path)
    text = Parsed(written.html.read_text("utf-8")).text
    assert "pip install '.[report]'" in written.without
    assert text.count(written.without) == 1
    assert "<svg" not in written.html.read_text("utf-8")
    assert written.json.is_file()
    assert "Species" in written.markdown.read_text("utf-8")


def test_writing_leaves_no_part_behind(report: Report, tmp_path: Path) -> None:
    """Three complete files and nothing else, in a folder that is made; a file in the folder's place is one sentence."""
    folder = tmp_path / "new" / "folder"
    assert write(report, folder).without == ""
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json", "report.md"]
    with pytest.raises(LivegateError, match="cannot be made"):
        write(report, folder / "report.md")
