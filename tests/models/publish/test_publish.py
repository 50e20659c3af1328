"""A version is published whole and once, in a folder as in a bucket, and the index says which there are."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from screening.classifiers import find_bundles, load_bundle
from screening.errors import ConfigError
from screening.storage import join, open_store
from tests.gcs.client import GcsServer
from tests.screening.classifiers.tiny import text_bundle

pytestmark = pytest.mark.train
names = itertools.count()
Publish = Callable[..., str]


@pytest.fixture(params=["folder", "bucket"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if request.param == "folder":
        return str(tmp_path / "bundles")
    server = request.getfixturevalue("gcs_server")
    return f"gs://{server.create_bucket(f'published-{next(names)}')}/all"


@pytest.fixture
def publish(root: str, tmp_path: Path) -> Publish:
    """Publishes the tiny text bundle under a version, with changes to its record and its files."""

    def go(version: str = "1.0.0", files: dict[str, bytes] | None = None, **changes: Any) -> str:
        from models.publish.bundle import publish_bundle

        folder = text_bundle(tmp_path / f"made-{next(names)}", version=version, **changes)
        record = json.loads((folder / "bundle.json").read_text())
        del record["files"]
        lying = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "bundle.json"}
        return publish_bundle(record, {**lying, "MODEL_CARD.md": b"# tiny\n", **(files or {})}, root)

    return go


def index(root: str) -> dict[str, Any]:
    return json.loads(open_store(root).get(join(root, "index.json")))["bundles"]


def found(root: str) -> list[tuple[str, str]]:
    return [(bundle.id.name, bundle.id.version) for bundle in find_bundles(root)]


def test_what_is_published_is_found_and_indexed(publish: Publish, root: str) -> None:
    for version in ("1.9.0", "1.10.0"):
        place = publish(version)
        assert place == f"{root}/tiny-text/{version}"
        listed = index(root)["tiny-text"]
        assert listed["latest"] == version
        assert listed["versions"][version] == load_bundle(place).id.digest
    publish("1.2.0")
    publish("1.0", name="other")
    assert index(root)["tiny-text"]["latest"] == "1.10.0"
    assert list(index(root)["tiny-text"]["versions"]) == ["1.2.0", "1.9.0", "1.10.0"]
    assert found(root) == [("other", "1.0"), ("tiny-text", "1.10.0")]
    assert set(load_bundle(place).manifest.files) == {
        "model.onnx", "tokenizer.json", "calibration.json", "MODEL_CARD.md"
    }  # fmt: skip


def test_a_version_is_never_written_over(publish: Publish, root: str) -> None:
    place = publish()
    before = open_store(root).get(join(place, "bundle.json"))
    with pytest.raises(ConfigError, match="never changes"):
        publish(metrics={"better": 1})
    assert open_store(root).get(join(place, "bundle.json")) == before
    assert load_bundle(place).id.version == "1.0.0"


@pytest.mark.parametrize("differ", ["bundle.json", "a file"])
def test_of_publishers_at_once_one_alone_wins(publish: Publish, root: str, differ: str) -> None:
    together = threading.Barrier(4)

    def go(number: int) -> str | ConfigError:
        together.wait()
        files = {"MODEL_CARD.md": f"# {number}\n".encode()} if differ == "a file" else {}
        try:
            return publish(files=files, metrics={"publisher": number})
        except ConfigError as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(go, range(4)))
    assert sum(isinstance(result, str) for result in results) == 1, results
    assert all("never changes" in str(r) for r in results if isinstance(r, ConfigError))
    [winner] = [number for number, result in enumerate(results) if isinstance(result, str)]
    bundle = load_bundle(f"{root}/tiny-text/1.0.0")
    assert bundle.manifest.metrics == {"publisher": winner}
    assert index(root)["tiny-text"]["versions"] == {"1.0.0": bundle.id.digest}


def test_no_entry_of_the_index_is_lost(publish: Publish, root: str) -> None:
    publish()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(publish, [f"2.{k}.0" for k in range(6)]))
    assert len(index(root)["tiny-text"]["versions"]) == 7
    assert index(root)["tiny-text"]["latest"] == "2.5.0"


BROKEN = {
    "an unknown label in the calibration": ({"heads": [{"name": "hate", "kind": "multiclass", "labels": ["a", "b", "c"],
                                                       "output": "logits_hate"}]}, {}, "is not a label of the bundle"),
    "other inputs": ({"inputs": ["input_ids"]}, {}, "the graph's inputs are"),
    "no graph": ({}, {"model.onnx": b"none"}, "the model does not load"),
    "no tokenizer": ({}, {"tokenizer.json": b"{}"}, "no usable tokenizer"),
    "a file that no bundle holds": ({}, {"notes.txt": b"x"}, "a bundle may not hold the file"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "files", "says"), BROKEN.values(), ids=BROKEN)
def test_what_no_job_would_run_is_not_published(changes, files, says, publish, root, tmp_path):
    with pytest.raises(ConfigError, match=says):
        publish(files=files, **changes)
    assert not open_store(root).exists(f"{root}/tiny-text/1.0.0/bundle.json")
    assert not open_store(root).exists(f"{root}/index.json")
    assert not list(tmp_path.glob("bundles/*/*")), "no draft is left"


def put(root: str, name: str, change: Callable[[bytes], bytes]) -> None:
    uri = join(root, name)
    open_store(root).put(uri, change(open_store(root).get(uri)))


def test_a_bundle_json_that_is_not_the_indexed_one_is_refused(publish: Publish, root: str) -> None:
    publish()
    put(root, "tiny-text/1.0.0/bundle.json", lambda raw: raw + b"\n")
    with pytest.raises(ConfigError, match="is not the published one") as caught:
        find_bundles(root)
    assert caught.value.file == f"{root}/index.json"


INDEXES = {
    "a version that is not there": (lambda raw: raw.replace(b"1.0.0", b"1.1.0"), r"1\.[01]\.0"),
    "a latest that is not the highest": (
        lambda raw: raw.replace(b'"latest": "1.0.0"', b'"latest": "0.9.0"'), "not the highest",
    ),
    "no index": (lambda _: b"[]", r"index\.json"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "says"), INDEXES.values(), ids=INDEXES)
def test_an_index_that_is_wrong_is_refused_until_it_is_written_anew(change, says, publish, root):
    from models.publish.registry import reindex

    publish()
    put(root, "index.json", change)
    with pytest.raises(ConfigError, match=says) as caught:
        find_bundles(root)
    assert caught.value.fix
    reindex(root)
    assert found(root) == [("tiny-text", "1.0.0")]


def test_a_root_without_an_index_gets_one_of_all_that_is_there(publish: Publish, root: str) -> None:
    store = open_store(root)
    for version in ("1.0.0", "1.1.0"):
        publish(version)
        item = store.stat(f"{root}/index.json")
        store.delete(item.uri, item.generation)
    publish("0.9.0")
    assert list(index(root)["tiny-text"]["versions"]) == ["0.9.0", "1.0.0", "1.1.0"]


def test_half_a_publication_is_not_seen_and_can_be_done_again(publish: Publish, root: str, monkeypatch) -> None:
    from models.publish import bundle as module

    publish()

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    # A publisher that dies between its two writes; a process of its own would take seconds to start.
    with monkeypatch.context() as patch:
        patch.setattr(module, "enter", cut_off)
        with pytest.raises(KeyboardInterrupt):
            publish("1.1.0")
    if root.startswith("gs://"):
        assert found(root) == [("tiny-text", "1.0.0")]
        store = open_store(root)
        manifest = store.stat(f"{root}/tiny-text/1.1.0/bundle.json")
        store.delete(manifest.uri, manifest.generation)
        publish("1.1.0")
    else:
        with pytest.raises(ConfigError, match=r"1\.1\.0 is not in the index") as caught:
            find_bundles(root)
        assert "models.registry" in caught.value.fix
        from models.publish.registry import reindex

        reindex(root)
    assert found(root) == [("tiny-text", "1.1.0")]


def test_a_bucket_with_an_index_is_not_listed(publish: Publish, root: str, gcs_server: GcsServer) -> None:
    publish()
    gcs_server.clear()
    assert found(root) == [("tiny-text", "1.0.0")]
    asked = [path.partition("?")[0] for _, path, _ in gcs_server.calls()]
    assert bool(asked) == root.startswith("gs://")
    assert not [path for path in asked if path.endswith("/o")], "listed"
