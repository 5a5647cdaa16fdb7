"""Logs go to standard error, a line each, with meter and job where there is one; keys never reach a log."""

import json
import logging
import sys
from typing import Final

_FIELDS: Final = ("meter", "job")


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        said = [f"{name}={value}" for name in _FIELDS if (value := getattr(record, name, None)) is not None]
        return f"{text}  {' '.join(said)}" if said else text


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name in _FIELDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_to_stderr(*, verbose: bool, as_json: bool) -> None:
    """Set up logging for a program that runs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if as_json else _Plain("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("mqtt").setLevel(logging.ERROR)  # aiomqtt counts our pipelined publishes as a concern
