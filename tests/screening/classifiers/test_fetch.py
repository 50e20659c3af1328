"""Bundles in a bucket are copied once, verified, and the copy is what runs."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from screening.classifiers import Classifier, find_bundles, load_bundle
from screening.content import Text
from screening.errors import ConfigError
from screening.storage import open_store

names = itertools.count()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "content-screening" / "bundles"


@pytest.fixture
def place(gcs_server, tiny_bundle) -> str:
    """A prefix with two versions of the tiny text bundle."""
    root = f"gs://{gcs_server.create_bucket(f'bundles-{next(names)}')}/all"
    for version in ("1.2.0", "1.10.0"):
        for path in tiny_bundle(version=version).iterdir():
            open_store(root).put(f"{root}/tiny-text/{version}/{path.name}", path.read_bytes())
    return root


def test_a_bundle_in_a_bucket_is_that_of_the_folder(place, tiny_bundle):
    local = load_bundle(str(tiny_bundle(version="1.10.0")))
    [remote] = find_bundles(place)
    assert remote.id == local.id
    text = [Text("win the prize")]
    assert Classifier(remote).score(text) == Classifier(local).score(text)


def test_it_is_copied_once_and_mended_when_the_copy_is_spoilt(place, cache):
    bundle = load_bundle(f"{place}/tiny-text/1.2.0")
    assert bundle.folder == cache / bundle.id.digest
    made = (bundle.folder / "model.onnx").stat().st_ino
    assert (load_bundle(f"{place}/tiny-text/1.2.0/").folder / "model.onnx").stat().st_ino == made
    (bundle.folder / "model.onnx").write_bytes(b"spoilt")
    assert load_bundle(f"{place}/tiny-text/1.2.0").read("model.onnx") != b"spoilt"
    assert [path.name for path in cache.iterdir()] == [bundle.id.digest], "no draft is left"


def test_another_file_than_the_published_one_is_refused_and_not_kept(place, cache):
    uri = f"{place}/tiny-text/1.2.0"
    open_store(uri).put(f"{uri}/model.onnx", b"another")
    with pytest.raises(ConfigError, match=r"model\.onnx is not the file that was published") as caught:
        load_bundle(uri)
    assert caught.value.file == f"{uri}/bundle.json"
    assert not any(cache.iterdir())


def test_what_is_missing_in_the_bucket_is_said(place):
    store, uri = open_store(place), f"{place}/tiny-text/1.2.0"
    with pytest.raises(ConfigError, match=r"1\.3\.0/bundle\.json: can't be read: not_found"):
        load_bundle(f"{place}/tiny-text/1.3.0")
    store.delete(f"{uri}/tokenizer.json", store.stat(f"{uri}/tokenizer.json").generation)
    with pytest.raises(ConfigError, match=r"tokenizer\.json: can't be read: not_found"):
        load_bundle(uri)


def test_a_bundle_json_of_the_bucket_can_name_no_file_elsewhere(place, cache):
    uri = f"{place}/tiny-text/1.2.0"
    said = json.loads(open_store(uri).get(f"{uri}/bundle.json"))
    said["files"]["../escaped"] = "0" * 64
    open_store(uri).put(f"{uri}/bundle.json", json.dumps(said).encode())
    with pytest.raises(ConfigError, match="a bundle may not hold the file"):
        load_bundle(uri)
    assert not cache.exists()
