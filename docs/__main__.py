"""Write the generated pages of this folder, or see whether they are what they should be.

    python -m docs            writes every page that differs
    python -m docs --check    writes nothing; says which differ and ends with 1

A module of this folder with a table `PAGES` (path below `docs/` -> function that makes the page) takes part; nothing
else has to be registered.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Final

FOLDER: Final = Path(__file__).parent

NOTE: Final = "<!-- This page is generated: python -m docs writes it from the tables of the program. -->\n\n"


def pages() -> dict[str, Callable[[], str]]:
    """Every generated page by its path below `docs/`."""
    found: dict[str, Callable[[], str]] = {}
    for module in iter_modules([str(FOLDER)]):
        if module.name.startswith("_"):
            continue
        table: Mapping[str, Callable[[], str]] = getattr(import_module(f"docs.{module.name}"), "PAGES", {})
        found.update(table)
    return found


def differing(folder: Path = FOLDER) -> dict[str, str]:
    """The pages that are not what they should be, with what they should be."""
    wanted = {path: NOTE + make().strip() + "\n" for path, make in sorted(pages().items())}
    return {path: text for path, text in wanted.items() if _read(folder / path) != text}


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def main(arguments: list[str]) -> int:
    """Run the command line; the exit status is the answer."""
    if unknown := [each for each in arguments if each != "--check"]:
        sys.stderr.write(f"python -m docs knows --check and nothing else, not {unknown[0]}\n")
        return 2
    pages_due = differing()
    if "--check" in arguments:
        for path in pages_due:
            sys.stderr.write(f"docs/{path} is not what the program says; run python -m docs\n")
        return 1 if pages_due else 0
    for path, text in pages_due.items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(text, encoding="utf-8")
        sys.stdout.write(f"docs/{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
