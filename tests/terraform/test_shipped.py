"""What BigQuery is given: the views are DuckDB's, and the tables are the product's from the first entry on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terraform.shipped import TERRAFORM, shipped


@pytest.mark.parametrize("path", sorted(shipped()), ids=lambda path: path.name)
def test_what_ships_is_what_the_product_gives(path: Path) -> None:
    assert path.read_text() == shipped()[path], "run: python -m tests.terraform.shipped"


def test_nothing_else_ships() -> None:
    assert set(shipped()) == {*(TERRAFORM / "bigquery").iterdir(), *(TERRAFORM / "tables").iterdir()}
