"""From times to figures: one row a contestant, as JSON, as a table, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from screening.classifiers.manifest import Head
from tests.benchmarks.engines.ceilings import Sizes
from tests.benchmarks.engines.clock import spread
from tests.benchmarks.engines.contest import Timed, agreement, ratio

REFERENCES = {
    "cpu": (("transformers.pipeline, batch 32", "fp32"), ("ONNX Runtime, sorted", "fp32"), ("OpenVINO raw", "bf16")),
    "gpu": (("transformers.pipeline, sorted", "fp16"), ("torch SDPA, sorted", "fp16"), ("torch SDPA, sorted", "fp16")),
}  # what ratios are to: the plain choice, the good one, and the best that others have
RATIOS = ("over_pipeline", "over_sorted", "over_best_peer")  # and of the processor's time, with `_cpu`
COLOURS = {"peer": "#9aa5b1", "ours": "#1f6fb4"}
Row = dict[str, Any]


def rows(
    timed: Sequence[Timed], heads: Sequence[Head], ceilings: Mapping[str, Any], sizes: Sizes, dollars: float
) -> list[Row]:
    """A row a contestant; ratios are None where the reference did not take part."""
    return [_row(one, timed, heads, ceilings, sizes, dollars) for one in timed]


def _row(
    one: Timed, timed: Sequence[Timed], heads: Sequence[Head], ceilings: Mapping[str, Any], sizes: Sizes, dollars: float
) -> Row:
    contestant, tokens, articles = one.contestant, one.work.tokens, len(one.work.texts)
    by_name = {(t.contestant.name, t.contestant.precision): t for t in timed if t.contestant.way == "raw"}
    references = REFERENCES[contestant.hardware]
    speeds = spread(one.speeds(), 0)
    ceiling = ceilings.get(contestant.precision, {}).get("gpu" if contestant.hardware == "gpu" else "all cores", {})
    gflops = speeds["median"] * sizes.flops(one.work.lengths) / tokens / 1e9
    per_second = speeds["median"] * articles / tokens
    return {
        "name": contestant.name,
        "precision": contestant.precision,
        "way": contestant.way,
        "hardware": contestant.hardware,
        "note": contestant.note,
        "articles": articles,
        "tokens_per_second": speeds,
        "articles_per_second": round(per_second, 1),
        **{name: ratio(one, by_name.get(key)) for name, key in zip(RATIOS, references, strict=True)},
        **{f"{name}_cpu": ratio(one, by_name.get(key), "cpu") for name, key in zip(RATIOS, references, strict=True)},
        "load_seconds": round(one.start_up() or one.load, 2),
        "gflops": round(gflops, 1),
        "share_of_ceiling": round(gflops / ceiling["layer"], 3) if ceiling else None,
        "agreement": agreement(heads, one, timed),
        "dollars_per_million_articles": round(1e6 / per_second / 3600 * dollars, 2) if dollars else None,
    }


def show(found: Sequence[Row]) -> None:
    """The table; `CPU` columns count processor time, which hardly changes when the machine is shared."""
    table = Table(title="useful tokens/s, × peers in the same round: median (lowest–highest)", box=None)
    left, right = ("contestant", "way"), ("tokens/s", "× pipeline", "× sorted", "× best peer", "CPU × pipeline",
        "CPU × best", "load s", "ceiling", "agree", "$/M articles")  # fmt: skip
    for name in left + right:
        table.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    for row in found:
        table.add_row(
            f"{row['name']}, {row['precision']}",
            row["way"],
            f"{row['tokens_per_second']['median']:,.0f}",
            *(_spread(row[name]) for name in RATIOS),
            *(_cell(row[name] and row[name]["median"], ".2f") for name in ("over_pipeline_cpu", "over_best_peer_cpu")),
            _cell(row["load_seconds"], ".1f"),
            _cell(row["share_of_ceiling"], ".0%"),
            _cell(row["agreement"], ".4f"),
            _cell(row["dollars_per_million_articles"], ".2f"),
        )
    console = Console(width=max(180, Console().width), highlight=False)
    console.print(table)
    for row in found:
        if row["note"]:
            console.print(f"  {row['name']}, {row['precision']}: {row['note']}", style="dim")


def _cell(value: float | None, shown: str) -> str:
    return "" if value is None else format(value, shown)


def _spread(value: Mapping[str, float] | None) -> str:
    return f"{value['median']:.2f} ({value['low']:.2f}–{value['high']:.2f})" if value else ""


def draw(found: Sequence[Row], machine: Mapping[str, Any], file: Path) -> None:
    """Bars of the ratio to `transformers.pipeline`, raw above, through a job below; whiskers are the rounds' spread."""
    shown = [row for row in found if row["over_pipeline"]]
    groups = {way: [row for row in shown if row["way"] == way] for way in ("raw", "job")}
    groups = {way: sorted(own, key=lambda row: row["over_pipeline"]["median"]) for way, own in groups.items() if own}
    if not groups:
        return
    heights = [len(own) for own in groups.values()]
    figure = Figure(figsize=(10, 1.6 + 0.38 * sum(heights)), layout="constrained")
    titles = {"raw": "raw: texts in, scores out", "job": "through a whole job: files in (start-up apart)"}
    plots = figure.subplots(len(groups), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    widest = max(row["over_pipeline"]["high"] for row in shown)
    for axes, (way, own) in zip(plots, groups.items(), strict=True):
        for place, row in enumerate(own):
            value = row["over_pipeline"]
            colour = COLOURS["ours" if row["name"].startswith("ours") else "peer"]
            around = [[value["median"] - value["low"]], [value["high"] - value["median"]]]
            axes.barh(place, value["median"], xerr=around, color=colour, height=0.7, capsize=3, ecolor="#333333")
            text = f"{value['median']:.2f} ×   {row['tokens_per_second']['median']:,.0f} tokens/s"
            axes.text(value["high"] + 0.015 * widest, place, text, va="center", fontsize=9)
        axes.set_yticks(range(len(own)), [f"{row['name']}, {row['precision']}" for row in own], fontsize=9)
        axes.set_title(titles[way], loc="left", fontsize=10, fontweight="bold")
        axes.axvline(1, color="#333333", linewidth=0.8, linestyle=":")
        axes.spines[["top", "right"]].set_visible(False)
    plots[-1].set_xlim(0, 1.35 * widest)
    plots[-1].set_xlabel(
        f"useful tokens/s, × {REFERENCES[shown[0]['hardware']][0][0]}, in the same round: median, lowest and highest"
    )
    figure.suptitle(f"Text classification on {machine['gpu'] or machine['cpu']}, {machine['cores']} cores", fontsize=11)
    figure.savefig(file, dpi=150)
