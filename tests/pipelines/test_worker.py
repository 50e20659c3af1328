"""A local job starts its decoders once, and ends them."""

from __future__ import annotations

import pytest

from screening.decode import Decoder, Sandbox
from screening.errors import UploadError
from screening.screener import screener
from screening.settings import Settings


def test_the_worker_takes_over_the_decoder_that_was_checked_before_anything_was_listed(place, monkeypatch):
    made: list[Decoder] = []

    def make(settings: Settings, cores: int = 0, sandbox: Sandbox = "auto") -> Decoder:
        made.append(Decoder(settings.policy.limits, settings.policy.fields, processes=cores, sandbox=sandbox))
        return made[-1]

    monkeypatch.setattr(screener, "make_decoder", make)  # the job's own decoders, and not those that tests keep
    assert place.screen() == 0
    [decoder] = made
    assert place.rows("SELECT count(*) FROM verdicts WHERE medium = 'image' AND decision <> 'error'") == [(4,)]
    with pytest.raises(UploadError, match="decoder_crashed"):  # it was closed
        decoder.decode(b"# A heading\n\nSome words.")
