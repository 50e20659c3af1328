"""Inventory reports: they give uploads as a listing would, and nothing is asked that is known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipelines.listing.inventory import report
from screening.errors import ConfigError
from screening.storage import open_store
from tests.pipelines.listing.conftest import ROWS, inventory_row, listed, pieces, write_report

pytestmark = pytest.mark.usefixtures("small")


@pytest.mark.parametrize("form", [{"parquet": True}, {"header": True}, {"header": False}], ids=str)
def test_a_report_gives_uploads_as_a_listing_would_without_asking_for_one(tmp_path, form):
    rows = [inventory_row(i) for i in range(ROWS)]
    gone = inventory_row(3, generation="5", timeDeleted="2026-11-24T11:00:00Z")
    marker = inventory_row(0, name="a/", size="0")
    source = write_report(tmp_path, [rows[:10], [*rows[10:], gone, marker]], **form)
    found = [upload for piece in pieces(source) for upload in piece.uploads()]
    assert [(u.uri, u.name, u.generation, u.size) for u in found] == [
        (f"gs://in/{row['name']}", row["name"], int(row["generation"]), int(row["size"])) for row in rows
    ]
    assert {upload.created_at for upload in found} == {datetime(2026, 11, 24, 10, tzinfo=UTC)}
    assert {upload.content_type for upload in found} == {"text/plain"}


@pytest.mark.parametrize("parquet", [True, False])
def test_a_report_without_a_needed_field_is_refused(tmp_path, parquet):
    rows = [{k: v for k, v in inventory_row(i).items() if k != "generation"} for i in range(3)]
    with pytest.raises(ConfigError, match=r"no generation\n.*bucket, name, generation, size"):
        list(report(write_report(tmp_path, [rows], parquet=parquet)))


def test_a_report_without_dates_is_refused_where_they_decide(tmp_path):
    rows = [{k: v for k, v in inventory_row(i).items() if k != "timeCreated"} for i in range(3)]
    source = write_report(tmp_path, [rows])
    assert len(list(report(source))) == 1
    with pytest.raises(ConfigError, match="no timeCreated"):
        list(report(source, dated=True))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "not a complete inventory report"),
        ("{", "not a complete inventory report"),
        ('{"report_shards_file_names": ["a.csv"], "shard_count": 2}', "is missing or incomplete"),
        ('{"report_shards_file_names": ["a.csv"]}', "can't be read"),
    ],
)
def test_what_is_no_report_is_said(tmp_path, text, says):
    (tmp_path / "x_manifest.json").write_text(text)
    with pytest.raises(ConfigError, match=says):
        list(report(str(tmp_path / "x_manifest.json")))


def test_a_broken_row_of_a_report_is_named_by_its_number(tmp_path):
    source = write_report(tmp_path, [[inventory_row(0), inventory_row(1, size="many")]])
    with pytest.raises(ConfigError, match=r"report_0\.csv:3: this is not a row of an inventory"):
        [upload for piece in pieces(source) for upload in piece.uploads()]


def test_a_report_in_a_bucket_is_screened_without_a_listing_or_a_look_at_an_object(gcs_server, tmp_path, place):
    gcs_server.clear()
    bucket, reports = gcs_server.create_bucket("in-by-report"), gcs_server.create_bucket("reports-of-it")
    store = open_store(f"gs://{bucket}")
    rows = []
    for i in range(9):
        store.put(f"gs://{bucket}/n/{i}.txt", b"A short note on the weather at the river, number %d." % i)
        found = store.stat(f"gs://{bucket}/n/{i}.txt")
        rows.append(inventory_row(i, bucket=bucket, name=f"n/{i}.txt", generation=str(found.generation)))
    write_report(tmp_path, [rows[:5], rows[5:], rows[2:3]])
    for path in tmp_path.glob("*[nv]"):
        if path.is_file():
            store.put(f"gs://{reports}/r/{path.name}", path.read_bytes())
    gcs_server.clear()
    place.uploads = f"gs://{reports}/r/0b3f_2026-11-25T00:00_manifest.json"
    assert place.screen("--run-id", "one") == 0
    assert place.tables.run("one").listed == 9
    assert place.rows("SELECT count(*) FROM verdicts WHERE decision = 'error'") == [(0,)]
    asked = [path for method, path, _ in gcs_server.calls() if method == "GET" and f"/b/{bucket}/o" in path]
    assert len(asked) == 9
    assert all("alt=media" in path for path in asked)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"size": ""}, ""),
        ({"generation": ""}, "missing_field"),
        ({"name": ""}, "no name"),
        ({"bucket": ""}, "no bucket"),
        ({"size": "-1"}, "can't be a size"),
        ({"size": str(1 << 70)}, "can't be a size"),
        ({"generation": "inf"}, "not a row"),
        ({"timeCreated": "yesterday"}, "not a row"),
    ],
)
def test_a_row_of_a_report_that_lacks_something(tmp_path, changes, says):
    source = write_report(tmp_path, [[inventory_row(0, **changes)]])
    found = listed(source)
    if isinstance(found, ConfigError):
        assert (says in str(found), found.line) == (True, 2)
        assert says not in ("", "missing_field")
    else:
        assert [upload.problem for upload in found] == [says]
        assert found[0].size == 0 or "size" not in changes
