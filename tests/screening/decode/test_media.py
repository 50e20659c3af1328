"""Real files, from the folder that CONTENT_SCREENING_MEDIA names: no crash, and a reason for each refusal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from screening.decode import REASONS, Decoder
from screening.errors import UploadError

if MEDIA := os.environ.get("CONTENT_SCREENING_MEDIA"):
    FILES = sorted(path for path in Path(MEDIA).rglob("*") if path.is_file())

    @pytest.fixture(scope="module")
    def decoder():
        with Decoder(processes=2) as decoder:
            yield decoder

    @pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(MEDIA)))
    def test_real_file(decoder, path):
        refusal = None
        try:
            decoder.decode(path.read_bytes())
        except UploadError as error:
            refusal = error.reason
        assert refusal in (None, *REASONS)
        assert refusal not in ("decoder_crashed", "decode_timeout")
        assert refusal is None or "image_valid" not in path.parts
