"""The fleet's key file: two forms, keys that never show, faults that name the meter and not the key."""

from pathlib import Path

import pytest

from gateway.configuration.config import ConfigError
from gateway.configuration.credentials import read_fleet
from gateway.configuration.fleet_keys import keys_for, parse_fleet_keys
from protocols.secret import Secret
from protocols.settings.section import SecretSource

BLOCK = "000102030405060708090A0B0C0D0E0F"
TOML = f"""
authentication = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
[MB0001]
system_title = "4D54420102030405"
hls = "a secret text"
block = "{BLOCK}"
[MB0002]
hls = "another"
"""
CSV = f"""meter,system_title,hls,block,lls
MB0001,4D54420102030405,a secret text,{BLOCK},
MB0002,,another,,
"""


@pytest.mark.parametrize("text", [TOML, CSV])
def test_each_meter_has_its_keys(text: str) -> None:
    fleet = parse_fleet_keys(text)
    one, two = keys_for(fleet, "MB0001"), keys_for(fleet, "MB0002")
    assert one.system_title == b"MTB\x01\x02\x03\x04\x05"
    assert one.secrets["hls"] == Secret("a secret text")
    assert one.secrets["block"] == Secret(bytes.fromhex(BLOCK))
    assert two.secrets["hls"] == Secret("another")
    assert two.system_title == b""
    assert "lls" not in one.secrets
    assert "secret" not in repr(fleet).lower().replace("secret(...)", "").replace("secrets", "")


def test_keys_without_a_meter_are_every_meters() -> None:
    fleet = parse_fleet_keys(TOML)
    for meter in ("MB0001", "MB0002", "MB0003"):
        assert len(keys_for(fleet, meter).secrets["authentication"]) == 16
    assert keys_for({}, "MB0001").secrets == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[MB0001]\nblok = 'hidden-key'", "MB0001: 'blok' is no key"),
        ("[MB0001]\nsystem_title = 'hidden-key'", "MB0001: system_title is 16 hexadecimal digits"),
        ("[MB0001]\nblock = 12", "MB0001: block is to be text"),
        ("[MB0001\nblock = 'hidden-key'", "neither TOML nor CSV"),
        ("meter,block\n,hidden-key", "line 2 of the key file names no meter"),
        ("meter,blok\nMB0001,hidden-key", "MB0001: 'blok' is no key"),
    ],
)
def test_what_is_wrong_is_said_without_the_key(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "keys").write_text(text)
    with pytest.raises(ConfigError) as wrong:
        read_fleet(SecretSource(file="keys"), tmp_path)
    assert sentence in str(wrong.value)
    assert "hidden-key" not in str(wrong.value)
