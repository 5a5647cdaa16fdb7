"""The two console scripts; each loads its own program alone, so that an emulator does not pay for the gateway.

Exit status of both: 0 done; 1 the meter or the check said no; 2 wrong use or configuration; 3 no connection;
4 refused by authentication; 5 refused by the guard. Errors go to standard error in one sentence that says what to do;
with `--json` machines get the same as one object.
"""

import sys

import typer


def emulator_program() -> None:
    """`meter-emulator`: meters without hardware."""
    from emulator.commands import app

    _run(app, "meter-emulator")


def gateway_program() -> None:
    """`meter-gateway`: meters to and from MQTT."""
    from gateway.commands import app

    _run(app, "meter-gateway")


def _run(app: typer.Typer, name: str) -> None:
    try:
        app(prog_name=name)
    except BrokenPipeError:  # `| head` has had enough: not an error of ours, and nothing more can be said
        sys.stderr.close()
        sys.exit(0)
