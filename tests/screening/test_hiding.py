"""Promise 9: accept means that all that a viewer would be shown was looked at, wherever it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from screening.content.pdq import pdq
from screening.records import Verdict
from screening.screener import Screener
from screening.settings import load_settings
from screening.storage import open_store
from tests.pipelines.light import Light
from tests.screening import hiding
from tests.screening.checks.conftest import photograph

CONTROLS = {
    "control.html": hiding.page().encode(),
    "control.json": json.dumps(hiding.article()).encode(),
    "control.md": f"# {hiding.NAMED}\n\n{hiding.WORDS}\n".encode(),
    "control.txt": hiding.WORDS.encode(),
    "control.png": hiding._encoded(hiding.Image.fromarray(photograph(1)), format="PNG"),
}
SENTENCES = dict([*hiding.pages(), *hiding.jsons(), *hiding.markdowns(), *hiding.texts()])
PICTURES = dict(hiding.pictures())


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory) -> Iterator[dict[str, Verdict]]:
    """Of all uploads, by a policy that holds the sentence and the picture, and of which nothing else holds these."""
    folder = tmp_path_factory.mktemp("hiding")
    light, uploads = Light(folder), folder / "uploads"
    for name, data in {**CONTROLS, **SENTENCES, **PICTURES}.items():
        path = uploads / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    bank = folder / "known.jsonl"
    bank.write_text(json.dumps({"type": "pdq", "hash": pdq(photograph(0))[0].hex(), "id": "known"}))
    policy = yaml.safe_load(Path(light.policy).read_text())
    for category in policy["categories"]:
        if category["id"] == "hate":
            category["review"] = 0.4  # the tiny model dilutes a sentence in a long text
    policy["banks"].append({"id": "known", "file": str(bank), "use": "block"})
    Path(light.policy).write_text(yaml.safe_dump(policy))
    screener = Screener(load_settings(policy=light.policy, bundles=[light.bundles]), "hiding")
    yield {verdict.name: verdict for verdict in screener.screen(open_store(str(uploads)).list(str(uploads)))}
    screener.close()


def test_there_are_many_places():
    assert len(SENTENCES) + len(PICTURES) >= 200


@pytest.mark.parametrize("name", CONTROLS)
def test_without_it_the_upload_is_accepted(name, verdicts):
    assert (verdicts[name].decision, verdicts[name].reasons) == ("accept", ())


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_is_found_wherever_it_is_hidden(name, verdicts):
    assert "hate" in verdicts[name].reasons


@pytest.mark.parametrize("name", PICTURES)
def test_a_known_picture_is_found_wherever_it_is_hidden(name, verdicts):
    assert "known_hash" in verdicts[name].reasons
