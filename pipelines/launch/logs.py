"""Structured logs: each line is a JSON object with ids and counts, never content."""

from __future__ import annotations

import json
import logging

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


EVENTS = logging.getLogger("pipelines.events")


class Event:
    """An event that alerts count. In every engine's logs it is one JSON object of ids and counts."""

    def __init__(self, name: str, facts: dict[str, object]) -> None:
        self.facts = {"event": name, **facts}

    def __str__(self) -> str:
        return json.dumps(self.facts, default=str)


def tell(name: str, **facts: object) -> None:
    """Log an event, whatever the level of other logs. terraform/alerts.tf looks for these names."""
    EVENTS.info(Event(name, facts))


class JsonLines(logging.Formatter):
    """Format a record as a JSON object: its time, level, logger and event, and the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        said = {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if isinstance(record.msg, Event):
            said = record.msg.facts
        line = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **said,
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
        return json.dumps(line, default=str)


def log_json(level: int = logging.WARNING) -> None:
    """Send this process's logs to stderr as JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    EVENTS.setLevel(logging.INFO)
