"""Split photographs into those for training, those for calibration, and those only for measuring."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.images.recipe import ImageRecipe
from models.rows import LabelledRow, read_rows, write_rows
from screening.checks.hashes import MAX_DISTANCE, MIN_QUALITY, pdq
from screening.errors import ConfigError

log = logging.getLogger("models.images.photographs")
SPLITS = ("train", "dev", "held_out")
FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def prepare_photographs(recipe: ImageRecipe, data: Path, out: Path) -> None:
    """Write the rows of `train`, `dev` and `held_out`, one per photograph; leakage.json lists near copies left out.

    A row's `part` is "drawing" or "photograph". Raises ConfigError if a folder or a named file is missing, or if no
    photograph is left to train on.
    """
    wanted, folder = recipe.photographs, data / recipe.photographs.set
    if not folder.is_dir():
        raise ConfigError(f"no folder {folder}", fix="name the folder that holds it with --data")
    files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in FORMATS}
    if gone := sorted({*wanted.drawings, *wanted.leave_out} - set(files)):
        raise ConfigError(f"photographs: there is no {gone[0]!r} in {folder}", fix="give names without their ending")
    used = {name: path for name, path in files.items() if name not in wanted.leave_out}
    order = sorted(used, key=lambda name: hashlib.sha256(f"{recipe.training.seed}/{name}".encode()).digest())
    order, copies = _without_copies(order, used)
    splits: dict[str, list[LabelledRow]] = {name: [] for name in SPLITS}
    for part in ("photograph", "drawing"):
        names = [name for name in order if (name in wanted.drawings) == (part == "drawing")]
        for name, split in zip(names, _deal(recipe, len(names), part), strict=True):
            splits[split].append(_row(recipe, name, used[name], part))
    if not splits["train"]:
        raise ConfigError(f"{folder} has {len(order)} pictures: none is left to train on")
    write_rows(out, splits)
    (out / "leakage.json").write_text(json.dumps({"near_copies": copies}, indent=1) + "\n")
    log.info("%s; %d near copies dropped", {name: len(rows) for name, rows in splits.items()}, len(copies))


def load(rows: Path, split: str) -> list[tuple[LabelledRow, npt.NDArray[np.uint8]]]:
    """Return the rows of a split with their pixels, RGB uint8 [height, width, 3]."""
    return [(row, read(Path(row["image"]))) for row in read_rows(rows, split)]


def read(path: Path) -> npt.NDArray[np.uint8]:
    """Return the pixels of a file, RGB uint8 [height, width, 3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _deal(recipe: ImageRecipe, count: int, part: str) -> Sequence[str]:
    """Return the split of each picture; drawings get the shares of photographs, but at least one dev and held out."""
    dev, held = recipe.photographs.dev, recipe.photographs.held_out
    if part == "drawing":
        dev, held = min(1, count // 3), min(1, count // 3)
    return ["held_out"] * held + ["dev"] * dev + ["train"] * (count - dev - held)


def _row(recipe: ImageRecipe, name: str, path: Path, part: str) -> LabelledRow:
    of_set = {"set": recipe.photographs.set, "source": recipe.photographs.set}
    return {"id": name, "image": str(path.resolve()), **of_set, "label": "", "part": part, "held_out": False,
            "language": "", "targets": {}}  # fmt: skip


def _without_copies(order: Sequence[str], files: Mapping[str, Path]) -> tuple[list[str], list[list[str]]]:
    """Return the names without near copies (by PDQ) of earlier ones, and the pairs [dropped, kept]."""
    kept: dict[str, int] = {}
    copies = []
    for name in order:
        code, quality = pdq(read(files[name]))
        bits = int.from_bytes(code, "big")
        near = (other for other, seen in kept.items() if (bits ^ seen).bit_count() <= MAX_DISTANCE)
        if quality >= MIN_QUALITY and (other := next(near, None)):
            copies.append([name, other])
        else:
            kept[name] = bits
    return list(kept), copies
