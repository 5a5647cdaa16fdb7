"""One target under atheris, in this process: `python -m tests.fuzz.one NAME CORPUS_FOLDER LIBFUZZER_FLAGS...`.

The library is instrumented as it is imported, so nothing of it may be imported before. atheris ends the process.
"""

import sys
from importlib import import_module


def main() -> None:
    """Fuzz until the flags say stop, or until the target raises."""
    import atheris

    name, *flags = sys.argv[1:]
    with atheris.instrument_imports(include=["protocols", "emulator", "gateway"]):
        module = import_module(f"tests.fuzz.{name}")
    atheris.Setup([sys.argv[0], *flags], module.target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
