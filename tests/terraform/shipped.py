"""What terraform/ ships of the result tables, made from the product: `python -m tests.terraform.shipped` writes it.

`terraform/bigquery/*.sql` are DuckDB's views in BigQuery's words; `terraform/tables/*.json` are the first entries of
the Delta logs, so that BigQuery finds tables before the first run. A test holds both against the product.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import sqlglot
from deltalake import DeltaTable
from sqlglot import exp

from screening.tables.schema import SCHEMAS
from screening.tables.views import VIEWS

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"


def views() -> dict[str, str]:
    """Each view's query in BigQuery's words; `${dataset}` stands for the project and data set."""
    plain = {name: f"SELECT * FROM stored_{name}" for name in SCHEMAS if name != "verdicts"}
    for statement in VIEWS:
        created = sqlglot.parse_one(statement, read="duckdb")
        plain[created.this.name] = created.expression.sql("duckdb")
    return {name: _bigquery(query) for name, query in plain.items()}


def _bigquery(query: str) -> str:
    tree = sqlglot.parse_one(query, read="duckdb")
    local = {each.alias for each in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name and table.name not in local:
            table.set("this", exp.to_identifier(f"${{dataset}}.{table.name}", quoted=True))
    return tree.sql("bigquery", pretty=True) + "\n"


def first_entries() -> dict[str, str]:
    """The first entry of each table's Delta log, as this version writes it; `${id}` stands for the table's id."""
    entries = {}
    for name, schema in SCHEMAS.items():
        with tempfile.TemporaryDirectory() as folder:
            DeltaTable.create(folder, schema)
            written = Path(folder, "_delta_log", f"{0:020}.json").read_text().splitlines()
        actions = [json.loads(line) for line in written]
        [about] = [each["metaData"] for each in actions if "metaData" in each]
        about |= {"id": "${id}", "createdTime": 0}
        kept = [each for each in actions if "commitInfo" not in each]
        entries[name] = "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in kept)
    return entries


def shipped() -> dict[Path, str]:
    """Every file that is made, and what should stand in it."""
    made = {TERRAFORM / "bigquery" / f"{name}.sql": text for name, text in views().items()}
    made |= {TERRAFORM / "tables" / f"{name}.json": text for name, text in first_entries().items()}
    for path, text in made.items():
        unknown = set(re.findall(r"[$%]\{.*?\}", text)) - {"${dataset}", "${id}"}
        assert not unknown, f"{path} holds what Terraform would take for a template: {unknown}"
    return made


if __name__ == "__main__":
    for path, text in shipped().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
