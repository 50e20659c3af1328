"""The jobs and a reviewer at work on our GCS server, each with exactly the rights that terraform/ gives it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest
from deltalake import DeltaTable

from pipelines import release, screen
from screening.cli import main as screening
from screening.errors import ScreeningError
from screening.storage import delta_options, open_store
from screening.tables import ResultTables
from tests.generate import write_articles
from tests.screening.tables.conftest import a_review, a_run, a_verdict
from tests.terraform.bindings import TERRAFORM, permissions, sources

pytestmark = pytest.mark.usefixtures("kept_decoders")

As = Callable[[str], AbstractContextManager[None]]
LOG = "_delta_log/00000000000000000000.json"


@pytest.fixture
def home(gcs_server, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The buckets as Terraform leaves them: empty tables, and some uploads."""
    gcs_server.clear()
    tag = uuid.uuid4().hex[:8]
    names = ("uploads", "live", "quarantine", "results")
    buckets = {name: f"gs://{gcs_server.create_bucket(f'{name}-{tag}')}" for name in names}
    for table in (TERRAFORM / "tables").iterdir():
        # A checkpoint every five commits instead of every hundred, so that writing the second one is tried too.
        entry = table.read_text().replace("${id}", str(uuid.uuid4()))
        assert entry.count('"configuration":{}') == 1
        entry = entry.replace('"configuration":{}', '"configuration":{"delta.checkpointInterval":"5"}')
        open_store(buckets["results"]).put(f"{buckets['results']}/{table.stem}/{LOG}", entry.encode())
    write_articles(tmp_path / "articles", 12, seed=3, mean_words=80)
    for path in (tmp_path / "articles").rglob("*.txt"):
        open_store(buckets["uploads"]).put(f"{buckets['uploads']}/{path.name}", path.read_bytes())
    yield buckets
    gcs_server.allow(None)
    gcs_server.clear()


@pytest.fixture
def acting(gcs_server, home) -> As:
    """Calls within the block have the rights of one identity."""
    given = permissions(sources())

    @contextmanager
    def as_identity(who: str) -> Iterator[None]:
        rules = []
        for (each, place), may in given.items():
            bucket, _, folder = place.partition("/")
            if each == who and bucket in home:
                where = f"{home[bucket].removeprefix('gs://')}/{folder and folder + '/'}"
                rules += [(permission, where) for permission in may]
        gcs_server.allow(rules)
        yield
        gcs_server.allow(None)

    return as_identity


def run_screen(home: dict[str, str], run_id: str) -> int:
    return screen.main(["--input", home["uploads"], "--results", home["results"], "--run-id", run_id])


def run_release(home: dict[str, str]) -> int:
    flags = {"--results": "results", "--live": "live", "--quarantine": "quarantine"}
    return release.main([part for flag, name in flags.items() for part in (flag, home[name])])


def commit(tables: ResultTables, uri: str) -> None:
    part = tables.write_part("one", [a_verdict(run_id="one", uri=uri)])
    tables.commit_run(a_run("one", **part.counts), [part])


def versions(home: dict[str, str]) -> dict[str, int]:
    uris = {name: f"{home['results']}/{name}" for name in ("verdicts", "runs", "reviews", "releases")}
    return {name: DeltaTable(uri, storage_options=delta_options(uri)).version() for name, uri in uris.items()}


@pytest.mark.slow
def test_each_identity_can_do_its_work(home, acting: As, gcs_server, capfd) -> None:
    with acting("screen"):
        assert run_screen(home, "one") == 0
    tables = ResultTables(home["results"])
    (uri,) = tables.connection().execute("SELECT uri FROM verdicts WHERE decision = 'accept' LIMIT 1").fetchone()
    with acting("reviewers"):
        decide = ["review", uri, "--decision", "overturn", "--reason", "seen", "--results", home["results"]]
        assert screening(decide) == 0
    with acting("release"):
        assert run_release(home) == 0
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    alarms = (TERRAFORM / "alerts.tf").read_text().replace('\\"', '"')  # what these look for in the logs
    for event in set(re.findall(r'"("event": "\w+")"', alarms)) - {'"event": "refused"'}:
        assert [line for line in lines if event in line], event
    extracted = re.findall(r'jsonencode\("("\w+": \(.*?\))"\)\}', alarms)
    assert [re.search(each, "\n".join(lines))[1] for each in extracted] == ["0.0", "0"]
    done = dict(tables.connection().execute("SELECT action, count(*) FROM releases GROUP BY 1").fetchall())
    assert done["quarantine"] >= 1
    assert done["live"] == len(list(open_store(home["live"]).list(home["live"]))) > 0
    assert not [call for call in gcs_server.calls() if call[2] == 403]


@pytest.mark.slow
def test_release_is_not_held_up_by_a_run_that_only_screen_may_finish(home, acting: As, gcs_server) -> None:
    tables = ResultTables(home["results"])
    with acting("screen"):
        part = tables.write_part("run-1", [a_verdict(uri=f"{home['uploads']}/deleted.txt")])
        tables.commit_verdicts(a_run(accept=1), [part])  # and the committer dies before the ledger row
    assert tables.runs() == []
    with acting("release"):
        assert run_release(home) == 0
    assert versions(home)["releases"] == 0
    with acting("screen"):
        tables.heal()
    with acting("release"):
        assert run_release(home) == 0
    assert versions(home)["releases"] == 1
    assert not [call for call in gcs_server.calls() if call[2] == 403]


def test_many_reviews_are_appended_without_the_right_to_overwrite(home, acting: As, gcs_server) -> None:
    tables = ResultTables(home["results"])
    with acting("reviewers"):
        for number in range(14):
            tables.append_reviews([a_review("uphold", uri=f"gs://in/{number}")])
    assert len(tables.dataset("reviews").to_table()) == 14
    refused = {unquote(path).rpartition("/")[2] for _, path, status in gcs_server.calls() if status == 403}
    assert refused == {"_last_checkpoint"}  # of the second checkpoint, which readers find without it


def test_reviews_are_joined_by_who_appends_them(home, acting: As) -> None:
    tables = ResultTables(home["results"], join_above=4)
    with acting("reviewers"):
        for number in range(8):
            tables.append_reviews([a_review("uphold", uri=f"gs://in/{number}")])
    uri = f"{home['results']}/reviews"
    assert len(DeltaTable(uri, storage_options=delta_options(uri)).file_uris()) <= 5
    assert len(tables.dataset("reviews").to_table()) == 8


@pytest.mark.slow
@pytest.mark.parametrize("who", ["release", pytest.param("reviewers", marks=pytest.mark.slow)])
def test_nobody_but_screen_gives_a_verdict(home, acting: As, who: str) -> None:
    tables = ResultTables(home["results"])
    with acting("screen"):
        part = tables.write_part("forged", [a_verdict(run_id="forged")])
    before = versions(home)
    with acting(who):
        with pytest.raises(ScreeningError, match="403"):
            tables.write_part("forged", [a_verdict("forged", "/in/b.txt")])
        with pytest.raises(ScreeningError, match=r"denied|403|Forbidden"):
            tables.commit_run(a_run("forged", **part.counts), [part])
    assert versions(home) == before


@pytest.mark.parametrize("who", ["screen", "reviewers"])
def test_nobody_but_release_writes_to_live(home, acting: As, who: str) -> None:
    with acting(who), pytest.raises(ScreeningError, match="403"):
        open_store(home["live"]).put(f"{home['live']}/forged.txt", b"x")


def test_a_reviewer_cannot_take_a_review_back(home, acting: As) -> None:
    tables = ResultTables(home["results"])
    with acting("reviewers"):
        tables.append_reviews([a_review("uphold")])
        store = open_store(home["results"])
        [path] = [each.uri for each in store.list(f"{home['results']}/reviews") if each.uri.endswith(".parquet")]
        for uri in (path, f"{home['results']}/reviews/{LOG}"):
            with pytest.raises(ScreeningError, match="403"):
                store.put(uri, b"")
            with pytest.raises(ScreeningError, match="403"):
                store.delete(uri, store.stat(uri).generation)


def test_screen_decides_nothing_in_a_person_s_place(home, acting: As) -> None:
    before = versions(home)
    with acting("screen"), pytest.raises(ScreeningError):
        ResultTables(home["results"]).append_reviews([a_review("overturn")])
    assert versions(home) == before
