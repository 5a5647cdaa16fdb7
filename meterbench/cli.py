"""The two console scripts, and the one place where an error becomes an exit status.

0 done; 1 the meter or the check said no; 2 wrong use or configuration; 3 no connection; 4 refused by authentication;
5 refused by the guard. Errors go to standard error in one sentence; with `--json` the same as one JSON object.
"""

import sys

import typer

import emulator.commands
import gateway.commands


def emulator_program() -> None:
    """`meter-emulator`: meters without hardware."""
    _run(emulator.commands.app, "meter-emulator")


def gateway_program() -> None:
    """`meter-gateway`: meters to and from MQTT."""
    _run(gateway.commands.app, "meter-gateway")


def _run(app: typer.Typer, name: str) -> None:
    try:
        app(prog_name=name)
    except BrokenPipeError:  # `| head` has had enough: not an error of ours, and nothing more can be said
        sys.stderr.close()
        sys.exit(0)
