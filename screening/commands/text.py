"""Show the text of an upload's parts, with what the findings point at."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from screening.content import Part, Picture
from screening.report.text import visible
from screening.reread import Reread, Span


def print_text(out: Console, again: Reread) -> None:
    """Print every part: texts whole, with the spans of findings between ⟦LABEL and ⟧, and pictures by their size."""
    if again.doubt:
        out.print(Text(f"\nMind: {again.doubt}.", style="bold"))
    for part in again.document.parts:
        out.print(Text(f"\n{visible(part.place)} ({part.role}, {_size(part)})", style="bold"))
        if not isinstance(part.content, Picture):
            for line in _marked(part.content.text, again.spans[part.place]).split("\n"):
                out.print(visible(line), soft_wrap=True)
    for missed in again.document.not_looked_at:
        out.print(visible(f"\nnot looked at: {missed.count} × {missed.what}: {missed.why}"))


def text_rows(again: Reread) -> dict[str, Any]:
    """Return the same as values for JSON."""
    parts = [
        {
            "place": part.place,
            "role": part.role,
            "text": None if isinstance(part.content, Picture) else part.content.text,
            "spans": [{"label": each.label, "start": each.start, "end": each.end} for each in again.spans[part.place]],
        }
        for part in again.document.parts
    ]
    return {"doubt": again.doubt, "parts": parts}


def _size(part: Part) -> str:
    content = part.content
    return (
        f"{content.width}×{content.height} pixels"
        if isinstance(content, Picture)
        else f"{len(content.text)} characters"
    )


def _marked(text: str, spans: tuple[Span, ...]) -> str:
    """Return the text with the spans marked; those of several findings on the same characters are marked once."""
    labels: dict[tuple[int, int], list[str]] = {}
    for span in spans:
        labels.setdefault((span.start, span.end), []).append(span.label)
    marks = [(start, 1, f"⟦{', '.join(names)}: ") for (start, _), names in labels.items()]
    marks += [(end, 0, "⟧") for _, end in labels]
    for place, _, mark in sorted(marks, reverse=True):
        text = text[:place] + mark + text[place:]
    return text
