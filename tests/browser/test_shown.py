"""All that a browser shows of a page is in the texts that are scored."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from screening.content import Document
from screening.content.kinds import MARKDOWN
from screening.decode import decode, sniff
from screening.errors import UploadError
from tests.browser.chromium import Seen, look_at
from tests.browser.compare import missing
from tests.browser.generated import pages
from tests.browser.known import KNOWN
from tests.browser.tricks import TRICKS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "screening/samples/uploads"
FILES = {path.name: path for folder in (SAMPLES, HERE / "pages") for path in sorted(folder.rglob("*.html"))}
GENERATED = {**{f"{name}.html": markup for name, markup in pages()}, **TRICKS}
MORE = os.environ.get("CONTENT_SCREENING_PAGES")
SUFFIXES = frozenset((".html", ".htm", ".xhtml"))


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Seen]]:
    """What one browser shows of each page that a test asks for, and where the page is."""
    folder = tmp_path_factory.mktemp("pages")
    asked = {
        item.callspec.params["name"] for item in request.session.items if "name" in getattr(item, "fixturenames", ())
    }
    paths = {}
    for name in sorted(asked):
        paths[name] = FILES.get(name) or folder / name
        if name in GENERATED:
            paths[name].write_bytes(GENERATED[name].encode())
    return dict(zip(paths, zip(paths.values(), look_at(list(paths.values())), strict=True), strict=True))


def decoded(page: Path) -> Document | None:
    """The document, or None if the page is held whatever it says."""
    try:
        return decode(page.read_bytes())
    except UploadError:
        return None


@pytest.mark.parametrize("name", [*FILES, *GENERATED])
def test_what_a_browser_shows_is_scored(name, seen):
    page, shown = seen[name]
    assert not shown.late
    if document := decoded(page):
        lost = missing(shown.lines, document)
        assert not lost or name in KNOWN, lost
        assert lost or name not in KNOWN, "no longer missing: take it from KNOWN"
        if shown.left:
            assert "another page" in {each.what for each in document.not_looked_at}


@pytest.mark.skipif(not MORE, reason="CONTENT_SCREENING_PAGES names no folder")
def test_what_a_browser_shows_of_more_pages_is_scored():
    """What only scripts show, which may be computed or a few words, is told and no failure; so is Markdown.

    Its front matter is read value by value, and a browser shows it in one line.
    """
    lost = lost_of(
        sorted(path for path in Path(MORE or "").rglob("*") if path.suffix.lower() in SUFFIXES), scripts=True
    )
    without = lost_of(list(lost), scripts=False)
    shown_anyway = set(without)
    for path in [path for path in without if sniff(path.read_bytes()) == MARKDOWN]:
        warnings.warn(f"Markdown to us: {without.pop(path)[:9]} in {path}", stacklevel=1)
    for path in lost.keys() - shown_anyway:
        warnings.warn(f"only a script shows {lost[path][:9]} in {path}", stacklevel=1)
    assert not without, "\n".join(f"{path}: {len(runs)} runs, {runs[:9]}" for path, runs in without.items())


def lost_of(pages: list[Path], *, scripts: bool) -> dict[Path, list[str]]:
    """What is missing of each page that misses anything."""
    everything = zip(pages, look_at(pages, scripts=scripts), strict=True)
    lost = {}
    for page, shown in everything:
        assert not shown.late, page
        if (document := decoded(page)) and (runs := missing(shown.lines, document)):
            lost[page] = runs
    return lost
