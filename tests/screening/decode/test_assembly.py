"""A document in the making: its limits hold over all of its parts together."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from PIL import Image

from screening.decode import Decoder, Limits, decode
from screening.decode.assembly import MAX_MISSED, MAX_PARTS, Assembly
from screening.errors import UploadError


def pages(number: int, side: int) -> list[Image.Image]:
    """Pictures of so many pixels a side, of which no two are alike."""
    rng = np.random.default_rng(1)
    return [Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).resize((side, side)) for _ in range(number)]


def test_a_file_of_many_large_pages_comes_through_the_wire(make):
    first, *others = pages(12, 1024)
    data = make.encode(first, format="TIFF", save_all=True, append_images=others, compression="tiff_lzw")
    with Decoder() as decoder:
        assert len(decoder.decode(data).parts) == 12


def test_the_limit_of_pictures_holds_over_all_files_of_a_document(make):
    pictures = (base64.b64encode(make.encode(page, format="PNG")).decode() for page in pages(5, 64))
    page = make.page.replace("</article>", "".join(f'<img src="data:image/png;base64,{x}">' for x in pictures))
    document = decode(page.encode(), Limits(frames=3))
    assert sum(part.place.startswith("embedded") for part in document.parts) == 3
    assert [(each.what, each.count) for each in document.not_looked_at] == [("picture", 2)]
    assert "limit `frames`" in document.not_looked_at[0].why


def test_a_document_has_a_limited_number_of_parts():
    made = Assembly("text/html", Limits())
    for number in range(MAX_PARTS):
        made.text("place", "rest", f"text {number}")
    with pytest.raises(UploadError) as refusal:
        made.text("place", "rest", "one more")
    assert (refusal.value.reason, refusal.value.detail) == ("too_complex", f"more than {MAX_PARTS} parts, the limit")


def test_what_is_missed_for_very_many_reasons_stays_counted_in_few_lines():
    made = Assembly("text/html", Limits())
    made.text("main", "main", "words")
    for number in range(2 * MAX_MISSED):
        made.missed("film", f"reason {number}")
    missed = made.document().not_looked_at
    assert len(missed) == MAX_MISSED + 1
    assert sum(each.count for each in missed) == 2 * MAX_MISSED
