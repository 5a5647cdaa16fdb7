"""One row of the page: a feature, and the tests that prove it in either role; and where those tests are."""

from typing import Final, NamedTuple

HDLC: Final = "tests/protocols/hdlc"
DLMS: Final = "tests/protocols/dlms"
DISSECT: Final = "tests/protocols/dissect"
SIGN_ON: Final = "tests/protocols/iec62056_21/test_sign_on.py"
FACE: Final = "tests/emulator/face/cosem"
SERVER: Final = f"{DLMS}/test_server.py"
CLIENT: Final = f"{DLMS}/test_client.py"
DESK: Final = "tests/gateway/desk"
LINK: Final = "tests/gateway/test_dlms_link.py"
WRAPPER: Final = "tests/protocols/test_wrapper.py"
ENDPOINT: Final = "tests/emulator/line/test_endpoint.py"
SETUPS: Final = "tests/emulator/line/test_setups.py"
COMMUNICATION: Final = f"{FACE}/test_communication.py"
FRAMER: Final = f"{HDLC}/test_framer.py"
STATION: Final = f"{HDLC}/test_server.py"
PRIMARY: Final = f"{HDLC}/test_client.py"
GBT: Final = f"{DLMS}/test_general_block_transfer.py"


class Feature(NamedTuple):
    """One row: what, and the tests of it in either role; a test names itself by path and function."""

    name: str
    server: tuple[str, ...]
    client: tuple[str, ...]


def tests(path: str, *names: str) -> tuple[str, ...]:
    """Tests of one file, by what their names say."""
    return tuple(f"{path}::test_{name}" for name in names)
