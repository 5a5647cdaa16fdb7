"""A model and its base become one table: what the model says counts, the rest is the base's.

Tables are merged key by key. The lists whose rows have a name of their own (associations by client) are merged row by
row; every other list is replaced whole. An object is taken out with `absent = true`.
"""

from collections.abc import Mapping
from typing import Any, Final

ROW_KEYS: Final = {"association": "client"}
"""Lists of tables that are merged by one key of their rows."""


def merge(base: Mapping[str, Any], derived: Mapping[str, Any]) -> dict[str, Any]:
    """`derived` laid over `base`; neither is changed."""
    merged = dict(base)
    for key, value in derived.items():
        below = merged.get(key)
        if isinstance(value, Mapping) and value.get("absent") is True:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[key] = merge(below, value)
        elif key in ROW_KEYS and isinstance(value, list) and isinstance(below, list):
            merged[key] = _merge_rows(below, value, ROW_KEYS[key])
        else:
            merged[key] = value
    return merged


def _merge_rows(base: list[Any], derived: list[Any], name: str) -> list[Any]:
    rows = {row[name]: row for row in base if isinstance(row, Mapping) and name in row}
    for row in derived:
        if not (isinstance(row, Mapping) and name in row):
            return derived
        if row.get("absent") is True:
            rows.pop(row[name], None)
        else:
            rows[row[name]] = merge(rows.get(row[name], {}), row)
    return list(rows.values())
