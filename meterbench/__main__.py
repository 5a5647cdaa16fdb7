"""`python -m meterbench emulator ...` and `python -m meterbench gateway ...`: the console scripts without a path."""

import sys

from meterbench.cli import emulator_program, gateway_program

PROGRAMS = {"emulator": emulator_program, "gateway": gateway_program}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in PROGRAMS:
        sys.exit(f"say which program: python -m meterbench {'|'.join(PROGRAMS)} ...")
    PROGRAMS[sys.argv.pop(1)]()
