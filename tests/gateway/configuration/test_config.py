"""The configuration: what is wrong is said in one sentence with file, line, key and what would be right."""

from pathlib import Path

import pytest

from gateway.configuration.config import ConfigError, load
from gateway.configuration.span import milliseconds, octets, written
from protocols.settings.toml_line import line_of

GOOD = """\
id = "gw1"
[broker]
url = "mqtt://127.0.0.1:1883"
[defaults]
auth = "lls"
read = { instantaneous = "1m" }
[[meter]]
id = "MB0001"
url = "dlms+tcp://127.0.0.1:4059?client=48&server=1"
[[meter]]
id = "MB0002"
url = "dlms+tcp://127.0.0.1:4060?client=48&server=1"
auth = "none"
"""


RULE = '[[guard.rule]]\nkind = "protected"\nreason = "ill people"\n'
PERMISSION = '[guard.permission.x]\nrequested_by = ["asha"]\nrules = '


def faults(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    return [fault.replace(str(tmp_path) + "/", "") for fault in caught.value.faults]


def test_a_good_file_is_read_and_defaults_are_spread(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(GOOD, encoding="utf-8")
    config = load(file)
    assert [(meter.id, meter.auth, meter.read["instantaneous"].every) for meter in config.meter] == [
        ("MB0001", "lls", 60_000), ("MB0002", "none", 60_000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('id = "gw1"', 'id = "headend"', "gateway.toml: 'headend' can't be a gateway's id"),
        ('id = "gw1"', "", "gateway.toml: key id: is missing"),
        ("mqtt://", "mqqt://", "gateway.toml, line 3: key broker.url: 'mqqt://127.0.0.1:1883' is no broker URL; write"),
        ("mqtt://", "mqtt://user:secret@", "line 3: key broker.url"),
        ("[broker]\n", "[broker]\nretain = 1\n", "line 3: key broker.retain: unknown key; known here are url"),
        ("[broker]\n", "[broker]\nkeepalife = '1m'\n", "key broker.keepalife: unknown key; did you mean `keepalive`"),
        ('"1m"', '"1 minute"', "key read.instantaneous.every: '1 minute' is no span of time; write 30s"),
        ('id = "MB0002"', 'id = "MB0001"', "the meter id 'MB0001' is given twice"),
        ('id = "MB0002"', 'id = "a/b"', "line 11: meter \"a/b\", key id: 'a/b' can't be a meter's id"),
        ("dlms+tcp://127.0.0.1:4060", "dmls+tcp://127.0.0.1:4060", "did you mean dlms+tcp://"),
        ('client=48&server=1"\nauth', 'client=48&password=x"\nauth', 'line 12: meter "MB0002", key url'),
        ('auth = "none"', 'auth = "hls-rot13"', "line 13: meter \"MB0002\", key auth: input should be 'none', 'lls'"),
        ('auth = "none"', 'keys = { hls = { en = "X" } }', "key keys.hls.en: unknown key; did you mean `env`"),
        ('auth = "none"', "keys = { hls = {} }", "name the secret by { env"),
        ('auth = "none"', 'keys = { hls = "hush" }', "key keys.hls: name the secret by { env = ... } or"),
        ("[broker]\n", '[broker]\npassword = "hush"\n', "line 3: key broker.password: name the secret by { env"),
        ('auth = "none"', 'keys = { aes = { env = "X" } }', "a name there is no key's; known here are lls, hls"),
        ('auth = "none"', "retries = -1", "key retries: input should be greater than or equal to 0 (given: -1)"),
        ("[broker]\n", '[[guard.rule]]\nkind = "hours"\nfrom = "26:00"\n[broker]\n', "line 4: key guard.rule[0].from"),
        ("[broker]\n", '[clock]\nzone = "Mars/Base"\n[broker]\n', "'Mars/Base' is no time zone"),
        ("[broker]\n", '[store]\nbytes_max = "12 parsecs"\n[broker]\n', "'12 parsecs' is no size; write 512 MiB"),
        ("[broker]", "[broker", "this is not TOML"),
        ("127.0.0.1:1883", "127.0.0.1:99999", "line 3: key broker.url: 'mqtt://127.0.0.1:99999' has no possible port"),
        ("127.0.0.1:1883", "127.0.0.1:mqtt", "has no possible port"),
        ("[broker]\n", '[metrics]\nlisten = "127.0.0.1:70000"\n[broker]\n', "key metrics.listen: port 70000 is"),
        ("[broker]\n", 'status_every = "5m"\n[broker]\n', "line 2: key status_every: 5m is too long"),
        ("[broker]\n", '[guard.rule]\nkind = "hours"\n[broker]\n', "key guard.rule: there may be several"),
        ("[broker]\n", RULE + 'groups = ["hospitl"]\n[broker]\n', "line 5: key guard.rule[0].groups: no meter is"),
        ("[broker]\n", RULE + 'meters = ["MB0003"]\n[broker]\n', "there is no meter 'MB0003'; did you mean `MB000"),
        ("[broker]\n", PERMISSION + '["hour"]\n[broker]\n', "key guard.permission.x.rules: there is no rule"),
        ("[broker]\n", RULE.replace("protected", "protekted") + "[broker]\n", "kind 'protekted' is not known; did"),
        ("[broker]\n", "[clock]\nstart = 2024-10-28T00:00:00\n[broker]\n", "clock.start: a time needs its offset"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, before: str, after: str, sentence: str) -> None:
    assert before in GOOD
    said = faults(tmp_path, GOOD.replace(before, after, 1))
    assert any(sentence in fault for fault in said), said
    assert all("\n" not in fault for fault in said)
    assert not any("secret@" in fault or "hush" in fault for fault in said)


def test_every_fault_is_said_at_once(tmp_path: Path) -> None:
    assert len(faults(tmp_path, GOOD.replace('"1m"', '"x"').replace("mqtt://", "x://"))) == 3


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load(tmp_path / "nothing.toml")


def test_secrets_are_read_from_where_they_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("000102030405060708090A0B0C0D0E0F\n", encoding="utf-8")
    monkeypatch.setenv("TEST_LLS", "meterbench")
    keys = 'keys = { block = { file = "key" }, lls = { env = "TEST_LLS" } }'
    file = tmp_path / "gateway.toml"
    file.write_text(GOOD.replace('auth = "none"', keys), encoding="utf-8")
    sources = load(file).meter[1].keys
    assert sources["block"].read(tmp_path).reveal() == bytes(range(16))
    assert sources["lls"].read(tmp_path).reveal() == b"meterbench"
    monkeypatch.delenv("TEST_LLS")
    with pytest.raises(ValueError, match="TEST_LLS is not set"):
        sources["lls"].read(tmp_path)
    with pytest.raises(ValueError, match="can't be read"):
        sources["block"].read(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("text", "ms"), [("15m", 900_000), ("1h30m", 5_400_000), ("250ms", 250), ("1d", 86_400_000), ("0.5s", 500)]
)
def test_spans_are_read_as_people_write_them(text: str, ms: int) -> None:
    assert milliseconds(text) == ms


@pytest.mark.parametrize("wrong", ["", "15", "m", "15 m", "-1s", 15, None, "1y", "1s "])
def test_what_is_no_span_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="is no span"):
        milliseconds(wrong)


@pytest.mark.parametrize(("text", "size"), [("1 KiB", 1024), ("5MB", 5_000_000), (77, 77), ("12", 12)])
def test_sizes_too(text: object, size: int) -> None:
    assert octets(text) == size


def test_spans_are_written_in_their_two_largest_units() -> None:
    assert [written(ms) for ms in (5, 61_000, 90_000_000, 3_600_000)] == ["5ms", "1m1s", "1d1h", "1h"]


def test_the_line_of_a_key_is_found_in_tables_arrays_and_dotted_keys() -> None:
    text = 'a = 1\n[b]\nc.d = 2\n[[m]]\nid = "x"\n[[m]]\nid = "y"\n[m.keys]\nlls = 1\n'
    assert line_of(text, ("a",)) == 1
    assert line_of(text, ("b", "c", "d")) == 3
    assert line_of(text, ("m", 0, "id")) == 5
    assert line_of(text, ("m", 1, "id")) == 7
    assert line_of(text, ("m", 1, "keys", "lls")) == 9
    assert line_of(text, ("m", 1, "unheard")) == 6
    assert line_of(text, ("zzz",)) is None
