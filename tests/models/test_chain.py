"""The whole chain on 200 generated rows with a tiny random encoder, run as users do: the product runs what it makes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.publish.bundle import publish
from models.recipe import load_recipe
from models.train import make_bundle
from screening.classifiers import load_bundle
from screening.errors import ConfigError
from tests.models.conftest import make_base, make_data, make_document

pytestmark = pytest.mark.train
TEXTS = ["the river town library road school", "free prize click winner cash urgent claim"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recipe, data, base model and, below `out`, all that `models.train` makes of them."""
    folder = tmp_path_factory.mktemp("chain")
    make_base(folder)
    document = make_document(folder)
    document["heads"][1]["surface"] = True
    document["policy"] = ["loud", "spam"]
    document["heads"][0] |= {"unit": "sentence", "any": "noisy"}
    document["sources"][0]["genre"] = "message"
    document["sources"][1]["labels"]["ordinary"]["tone"] = "calm"
    document["plant"] = {"carriers": ["contrast"], "share": 0.5, "max_tokens": 32}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(document))
    run("models.train", folder / "tiny.yaml", "--data", make_data(folder), "--out", folder / "out")
    return folder


def run(module: str, *args: Any) -> None:
    done = subprocess.run([sys.executable, "-m", module, *map(str, args)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def screening(*args: Any, lines: str = "") -> str:
    """What the command prints."""
    argv = [str(Path(sys.executable).with_name("screening")), *map(str, args)]
    return subprocess.run(argv, input=lines, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def bundle_folder(place: Path) -> Path:
    return place / "out" / "bundles" / "tiny" / "0.1.0"


def scores(folder: Path, texts: list[str]) -> list[dict[str, float]]:
    lines = "".join(json.dumps({"id": str(k), "text": t}) + "\n" for k, t in enumerate(texts))
    said = screening("classify", "--bundle", folder, "--engine", "onnxruntime", lines=lines)
    return [json.loads(line)["scores"] for line in said.splitlines()]


def test_every_label_of_every_head_is_scored_by_its_name(bundle_folder: Path) -> None:
    good, bad = scores(bundle_folder, TEXTS)
    assert list(good) == ["calm", "loud", "noisy", "spam"]
    assert bad["spam"] > good["spam"]
    assert bad["loud"] > good["loud"]
    assert good["noisy"] == pytest.approx(1 - good["calm"])  # of one sentence


def test_the_bundle_tells_what_was_measured_and_the_card_says_it(bundle_folder: Path) -> None:
    bundle = load_bundle(str(bundle_folder))
    assert set(bundle.calibration) == set(bundle.labels)
    for table in bundle.calibration.values():
        [(genre, texts)] = table.harmless.items()
        assert genre == "message"
        assert 0 < len(texts.highest) <= texts.rows <= table.rows
    record = json.loads((bundle_folder / "bundle.json").read_text())
    spam = record["metrics"]["spam"]
    assert spam["auroc"] > 0.8
    low, high = spam["intervals"]["auroc"]
    assert low <= spam["auroc"] <= high
    assert record["metrics"]["export"]["against_fp32"]["spam"]["same_decision"] >= 0.995
    card = (bundle_folder / "MODEL_CARD.md").read_text()
    for figure in (spam["auroc"], spam["floor"]["auroc"], spam["form_alone"]["auroc"]):
        assert f"{figure:.3f}" in card
    assert record["training_data"][0] == {"name": "made", "licence": "none", "rows": 150, "dev_rows": 50}


def test_curves_and_plots_lie_beside(place: Path) -> None:
    for picture in ("network/curves.svg", "model/plots/spam.svg", "model/plots/tone.svg"):
        assert "<svg" in (place / "out" / picture).read_text()


def test_an_upload_is_screened_with_it(place: Path, bundle_folder: Path) -> None:
    (place / "policy.yaml").write_text(
        "policy: tiny\nversion: 1\ncategories:\n  - {id: scams_and_fraud, signal: spam, review: 0.5}\n"
    )
    (place / "good.txt").write_text(TEXTS[0])
    (place / "bad.txt").write_text(" ".join(TEXTS[1:] * 3))
    argv = (
        "file",
        "--policy",
        place / "policy.yaml",
        "--bundles",
        bundle_folder.parent.parent,
        "--engine",
        "onnxruntime",
    )
    said = screening(*argv, "--format", "json", place / "good.txt", place / "bad.txt")
    verdicts = [json.loads(line)["decision"] for line in said.splitlines()]
    assert verdicts == ["accept", "review"]


def test_what_is_done_is_not_done_again_and_a_version_never_changes(place: Path, bundle_folder: Path) -> None:
    before = {path: path.read_bytes() for path in bundle_folder.iterdir()}
    recipe = load_recipe(place / "tiny.yaml")
    with pytest.raises(ConfigError, match="never changes"):
        make_bundle(recipe, place / "nowhere", place / "out")  # no data is read: only the last step is left
    with pytest.raises(ConfigError, match="never changes"):
        publish(recipe, place / "out" / "model", place / "out" / "bundles")
    assert {path: path.read_bytes() for path in bundle_folder.iterdir()} == before
    assert [p.name for p in bundle_folder.parent.iterdir()] == ["0.1.0"]


def test_what_was_measured_of_another_file_is_not_published(place: Path, tmp_path: Path) -> None:
    model = shutil.copytree(place / "out" / "model", tmp_path / "model")
    with (model / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ConfigError, match=r"another model\.onnx.*\n.*evaluate again"):
        publish(load_recipe(place / "tiny.yaml"), model, tmp_path / "bundles")
    assert not (tmp_path / "bundles").exists()


def test_a_known_error_is_one_message_and_no_traceback(place: Path, tmp_path: Path) -> None:
    argv = ["-m", "models.train", str(place / "tiny.yaml"), "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no data set 'made'" in done.stderr
    assert "Traceback" not in done.stderr
