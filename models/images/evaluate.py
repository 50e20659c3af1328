"""Calibrate the exported model on dev photographs, and measure it on held-out ones beside the classical checks.

    python -m models.images.evaluate RECIPE --rows DIR --data DIR --model DIR

The command writes evaluation.json and calibration.json beside model.onnx, and the figures to the log.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from models.console import command_line, console
from models.export.convert import digest
from models.images.baselines import BASELINES, NUMBERS, numbers
from models.images.compare import auroc, compare_scorers
from models.images.export import OnnxImageModel, windows_of
from models.images.photographs import load
from models.images.recipe import Checked, ImageRecipe, load_image_recipe
from models.images.versions import measured_versions, targets
from models.measure.calibrate import fit, table
from models.measure.metrics import measure
from models.recipe import RecipeHead
from models.text.score import Floats, HeadCalibration, Windows
from screening.classifiers.pictures import cut
from screening.content import Picture
from screening.decode import decode
from screening.errors import ConfigError

log = logging.getLogger("models.images.evaluate")
MODEL, ALL = "model", "regression on all numbers"


@dataclass(frozen=True)
class Measured:
    """Pictures with logits (`windows` by label), `truth` [n, labels] and the baselines' `numbers` [n, numbers]."""

    photographs: npt.NDArray[Any]
    kinds: npt.NDArray[Any]
    cropped: npt.NDArray[np.bool_]
    truth: Floats
    windows: Windows
    numbers: Floats

    def clear(self, column: int) -> npt.NDArray[np.bool_]:
        """Return which pictures are clear cases: damaged this way to half the ramp or more, or not at all."""
        clear: npt.NDArray[np.bool_] = (self.truth[:, column] >= 0.5) | (self.truth[:, column] == 0)
        return clear


def _alone(label: str) -> RecipeHead:
    """Return a label as a head of its own, since each label is calibrated alone."""
    return RecipeHead(name=label, kind="multilabel", labels=(label,), pool="mean")


def measured(recipe: ImageRecipe, model: OnnxImageModel, rows: Path, split: str) -> Measured:
    """Return every measured version of every photograph of a split."""
    names, kinds, crops, owner = list[str](), list[str](), list[bool](), list[int]()
    truth, found, logits = list[Any](), list[list[float]](), list[Any]()
    for row, pixels in load(rows, split):
        for version in measured_versions(recipe, row["id"], pixels, row["part"] == "drawing"):
            tiles = [seen for seen, _ in cut(version.pixels, recipe.image)]
            owner += [len(names)] * len(tiles)
            logits.append(model.logits(tiles))
            names.append(row["id"])
            kinds.append(version.kind)
            crops.append(version.cropped)
            truth.append(targets(recipe, version.strengths))
            found.append(numbers(version.pixels))
    z = np.concatenate(logits)
    windows = replace(windows_of(model.head, z, owner), logits={x: z[:, [k]] for k, x in enumerate(recipe.labels)})
    damaged = np.array(truth, np.float64)
    return Measured(np.array(names), np.array(kinds), np.array(crops), damaged, windows, np.array(found))


def evaluate(recipe: ImageRecipe, rows: Path, data: Path, folder: Path) -> dict[str, Any]:
    """Write and return the evaluation: each label's calibration, and figures on held-out and on damaged photographs."""
    model = OnnxImageModel(folder / "model.onnx", recipe)
    dev, held = (measured(recipe, model, rows, split) for split in ("dev", "held_out"))
    calibration: dict[str, HeadCalibration] = {}
    figures: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    for k, label in enumerate(recipe.labels):
        head, clear = _alone(label), dev.clear(k)
        calibration[label] = fit(head, dev.windows.of(clear), (dev.truth[clear, k] > 0).astype(np.int64))
        on_dev = dev.windows.of(clear).pooled(head, calibration[label])[:, 0]
        tables[label] = table(on_dev, dev.truth[clear, k] > 0)
        figures[label] = _figures(recipe, label, dev, held, held.windows.pooled(head, calibration[label])[:, 0])
        _log(label, figures[label])
    result = {
        "model": digest(folder),
        "rows": {"dev": len(dev.photographs), "held_out": len(held.photographs)},
        "photographs": {s: len(load(rows, s)) for s in ("train", "dev", "held_out")},
        "calibration": {
            "scale": [calibration[x].scale[0] for x in recipe.labels],
            "shift": [calibration[x].shift[0] for x in recipe.labels],
            "surface": None,
        },
        "metrics": figures,
        "real": {check.set: _real(recipe, check, model, data, calibration[check.label]) for check in recipe.checks},
    }
    (folder / "calibration.json").write_text(json.dumps(tables, separators=(",", ":")) + "\n")
    (folder / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def _figures(recipe: ImageRecipe, label: str, dev: Measured, held: Measured, scores: Floats) -> dict[str, Any]:
    """Return one label's figures: against all other pictures, against undamaged ones, by damage; calibration error."""
    k = recipe.labels.index(label)
    clear, learnt = held.clear(k), dev.clear(k)
    own = {name: j for j, (of, name, _) in enumerate(NUMBERS) if of == label}
    ranks = QuantileTransformer(n_quantiles=min(50, int(learnt.sum())))
    regression = make_pipeline(ranks, LogisticRegression(max_iter=1000))
    regression.fit(dev.numbers[learnt], dev.truth[learnt, k] > 0)
    scorers = {MODEL: scores, **{name: held.numbers[:, j] for name, j in own.items()}}
    scorers[ALL] = regression.predict_proba(held.numbers)[:, 1]
    positive = held.truth[:, k] > 0
    whole = clear & ~held.cropped
    out: dict[str, Any] = {"positives": int((positive & whole).sum()), "rows": int(whole.sum())}
    fine = whole & (held.kinds == "fine")
    for name, among in {
        "among_all": whole,
        "among_fine": fine | (whole & positive),
        "cropped": clear & held.cropped,
    }.items():
        chosen = {scorer: values[among] for scorer, values in scorers.items()}
        out[name] = compare_scorers(chosen, positive[among], held.photographs[among], recipe.training.seed)
    out["by_damage"] = {
        kind: {name: round(auroc(values[where], positive[where]), 4) for name, values in scorers.items()}
        for kind, ramp in recipe.damages.items()
        if (ramp.label == label or label == recipe.overall)
        and (where := fine | (whole & positive & (held.kinds == kind))).any()
    }
    out["at_half"] = measure(_alone(label), scores[whole, None], positive[whole].astype(np.int64))
    return out


def _real(
    recipe: ImageRecipe, check: Checked, model: OnnxImageModel, data: Path, calibration: HeadCalibration
) -> dict[str, Any]:
    """Return every score and baseline number of really damaged pictures, decoded as in jobs, and their AUROC."""
    head, k = _alone(check.label), recipe.labels.index(check.label)
    names = list(BASELINES.get(check.label, {}))
    pictures: dict[str, dict[str, float]] = {}
    damaged = []
    for path in sorted((data / check.set).iterdir()):
        seen = decode(path.read_bytes()).main
        if not isinstance(seen, Picture):
            raise ConfigError("not a picture", file=str(path))
        tiles = [tile for tile, _ in cut(seen.pixels, recipe.image)]
        windows = windows_of(head, model.logits(tiles)[:, [k]], [0] * len(tiles))
        score = float(windows.pooled(head, calibration)[0, 0])
        found = dict(zip([name for _, name, _ in NUMBERS], numbers(seen.pixels), strict=True))
        pictures[path.stem] = {MODEL: round(score, 4), **{name: round(found[name], 4) for name in names}}
        damaged.append(path.stem.endswith(check.damaged))
    areas = {
        name: round(auroc(np.array([p[name] for p in pictures.values()]), np.array(damaged)), 4)
        for name in (MODEL, *names)
    }
    log.info("%s: AUROC %s", check.set, areas)
    return {"auroc": areas, "pictures": pictures}


def _log(label: str, figures: dict[str, Any]) -> None:
    for against in ("among_all", "among_fine", "cropped"):
        for name, found in figures[against].items():
            said = ", ".join(f"{figure} {v[0]:.3f} ({v[1]:.3f} to {v[2]:.3f})" for figure, v in found.items())
            log.info("%s %s, %s: %s", label, against, name, said)
    log.info("%s by damage, against fine: %s", label, figures["by_damage"])


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("recipe", type=Path, help="the YAML file of the recipe")
    parser.add_argument("--rows", type=Path, required=True, help="the folder with the rows of photographs")
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the data sets")
    parser.add_argument("--model", type=Path, required=True, help="the folder that models.images.export wrote")
    args = parser.parse_args(argv)
    with console():
        evaluate(load_image_recipe(args.recipe), args.rows, args.data, args.model)


if __name__ == "__main__":
    main()
