"""Pictures through an untrained vision transformer: its scores on the GPU, its speed, and the job over JPEG files."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from transformers import ViTConfig, ViTForImageClassification

from models.adopt.image import INPUT, Network
from models.export.convert import convert, output
from models.export.normalise import image_record
from models.recipe import RecipeHead
from screening.classifiers import Bundle, load_bundle
from screening.classifiers.manifest import Pixels
from screening.content import Picture
from tests.generate import picture
from tests.gpu.job import FEW, screened, tell
from tests.gpu.kit import ENGINE, SMALL, Found, Kit
from tests.gpu.parity import NEAR, scored, values
from tests.screening.classifiers.tiny import publish

DISTINCT, TIMES = 256, 8  # pictures, and how often the classifier gets them
FILES = 2_000
HEAD = RecipeHead(name="kind", kind="multilabel", labels=("one", "other", "third"), pool="max")
POLICY = "{policy: pictures, version: 1, categories: [{id: one, signal: one, review: 0.9}]}"
VIT_S = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536}
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def measure(kit: Kit) -> Found:
    """Parity and pictures a second in both precisions, then the job in fp16."""
    found = Found()
    with ProcessPoolExecutor() as pool:  # first: torch and ONNX Runtime have threads once they have run
        given = list(pool.map(content, range(kit.number(DISTINCT, 16))))
        few, every = kit.folder / "few", kit.folder / "all"
        few.mkdir()
        every.mkdir()
        list(pool.map(partial(write, few), range(-FEW, 0)))
        list(pool.map(partial(write, every), range(kit.number(FILES, 16))))
    bundle = vit_bundle(kit.folder / "bundles" / "vit" / "1.0.0", TINY if kit.scale < SMALL else VIT_S)
    exact = values(scored(bundle, "onnxruntime", "fp32", given)[0])
    found.at_least("spread of a label's scores on the CPU", float(np.ptp(exact, axis=0).min()), 0.02)
    for precision, most in NEAR.items():
        signals, seconds = scored(bundle, ENGINE, precision, given * TIMES)
        found.measured(precision, len(signals) / seconds, "pictures/s")
        apart = np.abs(values(signals[: len(exact)]) - exact)
        found.at_most(f"{precision}: largest |Δp|", float(apart.max()), most)
    flag = f"--bundles={kit.folder / 'bundles'}"
    policy = kit.folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    start_up, _ = screened(few, kit.folder / "start-up", flag, f"--policy={policy}")
    seconds, run = screened(every, kit.folder / "results", flag, f"--policy={policy}")
    tell(found, "pictures", kit.number(FILES, 16), seconds, start_up, run)
    return found


def vit_bundle(folder: Path, size: dict[str, int]) -> Bundle:
    """A bundle of a vision transformer on 224 × 224 pixels as it is before training, exported as any other.

    Its last layer is drawn wide, or pictures would all have one score, and parity would say nothing.
    """
    torch.manual_seed(0)
    model = ViTForImageClassification(ViTConfig(image_size=224, patch_size=16, num_labels=len(HEAD.labels), **size))
    model.classifier.weight.data.normal_(0, 1)
    how = Pixels(size=(224, 224), mean=(0.5,) * 3, std=(0.5,) * 3)
    noise = np.random.default_rng(0)
    feeds = [{INPUT: noise.integers(0, 256, (rows, 224, 224, 3), np.uint8)} for rows in (1, 3)]
    convert(Network(model.eval(), how), [HEAD], feeds, folder, "fp32", None)
    (folder / "export.json").unlink()
    head = {"name": HEAD.name, "kind": HEAD.kind, "labels": list(HEAD.labels), "output": output(HEAD)}
    said = {"modality": "image", "image": image_record(how), "inputs": [INPUT], "heads": [head]}
    return load_bundle(str(publish(folder, {"name": "vit", **said})))


def content(seed: int) -> Picture:
    """A picture as a decoder gives it, dark or light, coarse or fine."""
    drawn = np.asarray(picture(seed), np.float32)
    rng = np.random.default_rng(seed)
    pixels = np.clip((drawn - 128) * rng.uniform(0.2, 2) + rng.uniform(20, 235, 3), 0, 255).astype(np.uint8)
    return Picture(pixels.shape[1], pixels.shape[0], pixels)


def write(folder: Path, seed: int) -> None:
    """A picture as a file."""
    picture(seed % (1 << 31)).save(folder / f"{seed:06d}.jpg", quality=85)
