"""Write the report of a run: one HTML file that needs no other, and in which everything is escaped."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from screening.records import DECISIONS
from screening.report.facts import gather
from screening.report.histogram import HEIGHT, WIDTH
from screening.report.text import visible
from screening.storage import open_store
from screening.tables import ResultTables


def write_report(tables: ResultTables, run_id: str) -> str:
    """Write `{results}/reports/{run_id}.html` and return its URI. Raises ConfigError if the run is not committed."""
    uri = f"{tables.uri}/reports/{run_id}.html"
    page = render(tables, run_id).encode()
    open_store(uri).put(uri, page)
    return uri


def render(tables: ResultTables, run_id: str) -> str:
    """Return the report as HTML. Raises ConfigError if the run is not committed."""
    facts = gather(tables, run_id)
    held = [(decision, items, getattr(facts.run, decision)) for decision, items in facts.held]
    return _template().render(facts=facts, run=facts.run, decisions=DECISIONS, held=held, width=WIDTH, height=HEIGHT)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("screening.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "bytes": _bytes, "utc": _utc, "number": _number}
    return environment.get_template("report.html")


def _utc(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _number(value: float) -> str:
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _bytes(size: int) -> str:
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
