"""Places as people write them: what they mean, what is refused, and which overlap."""

from __future__ import annotations

import subprocess
import sys

import pytest

from screening.errors import ConfigError
from screening.storage import open_store, overlap, place


@pytest.mark.parametrize(
    "written",
    ["s3://bucket/x", "http://host/x", "https://host/x", "gcs://bucket/x", "S3://b", "abfss://c@a/x", "s3:/x"],
)
def test_another_scheme_is_refused(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for meaning in (place, open_store):
        with pytest.raises(ConfigError, match="not supported"):
            meaning(written)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("written", "says"),
    [("", "empty"), (" ", "empty"), ("gs://", "no bucket"), ("gs:///x", "no bucket"), (" gs://b/x", "no bucket"),
     ("a\0b", "can't be a path"), ("a" * 300, "can't be a path"), ("file://[x/y", "another machine")],
)  # fmt: skip
def test_what_is_no_place_is_said(written, says):
    with pytest.raises(ConfigError, match=says):
        place(written)


def test_a_place_of_a_bucket_is_left_as_it_is():
    assert place("gs://bucket/a b/é/") == "gs://bucket/a b/é"
    assert place("gs://bucket") == "gs://bucket"


def test_a_file_uri_means_a_path(tmp_path):
    (tmp_path / "a b").mkdir()
    assert place(f"file://{tmp_path}/a%20b") == f"{tmp_path}/a b"
    assert place(f"file://localhost{tmp_path}/a%20b") == f"{tmp_path}/a b"
    assert place(f"file://{tmp_path}/a?b#c") == f"{tmp_path}/a?b#c"
    with pytest.raises(ConfigError, match="another machine"):
        place("file://host/a")


def test_a_path_becomes_real(tmp_path, monkeypatch):
    (tmp_path / "real/in").mkdir(parents=True)
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    for written in ("alias/in", "alias/in/", "./real/../alias/in", f"{tmp_path}/alias/in"):
        assert place(written) == f"{tmp_path}/real/in"
    assert place("alias/new/deeper") == f"{tmp_path}/real/new/deeper"
    assert place("./s3:/x") == f"{tmp_path}/s3:/x"
    assert place("gs://bucket/x/") == "gs://bucket/x"


def test_a_link_that_may_be_an_upload_stays_one(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert place(str(tmp_path / "link")) == f"{tmp_path}/link"


def test_which_places_overlap(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "alias").symlink_to(tmp_path / "a")
    a = str(tmp_path / "a")
    for other in (a, f"{a}/", f"{a}/b", f"{a}/not/there", str(tmp_path), f"{tmp_path}/alias", f"{tmp_path}/alias/new"):
        assert overlap(a, other)
        assert overlap(other, a)
    for other in (f"{a}b", f"{tmp_path}/c", "gs://bucket/a"):
        assert not overlap(a, other)
    assert overlap("gs://b/x", "gs://b/x/y")
    assert overlap("gs://b", "gs://b/y")
    assert not overlap("gs://b/x", "gs://b/xy")


MOUNTED = """
import sys
from screening.storage import overlap
sys.exit(0 if overlap(sys.argv[1] + "/a", sys.argv[1] + "/b/new") else 3)
"""


def test_a_mount_of_the_same_folder_overlaps(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    script = 'mount --bind "$1/a" "$1/b" || exit 4; "$2" -c "$3" "$1"'
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    done = subprocess.run([*alone, str(tmp_path), sys.executable, MOUNTED], check=False, capture_output=True, text=True)
    if done.returncode not in (0, 3):
        pytest.skip(f"nobody may mount here: {done.stderr.strip()}")
    assert done.returncode == 0
