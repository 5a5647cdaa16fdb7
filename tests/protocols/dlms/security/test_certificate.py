from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.security.certificate import (
    CERTIFICATE_OCTETS_MAX,
    Certificate,
    Usage,
    issue_certificate,
    read_certificate,
    request_certificate,
    verify_chain,
)
from protocols.dlms.security.refused import Refused
from protocols.dlms.security.suite import SUITE_1, SUITE_2, Suite
from tests.protocols.dlms.security.keyring import SERVER_TITLE, private

NOW = datetime(2026, 11, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
TITLE_TEXT = SERVER_TITLE.hex().upper()


def _issue(
    suite: Suite,
    subject: str,
    usage: Usage,
    *,
    issuer: str | None = None,
    name: str | None = None,
    since: datetime = NOW - YEAR,
) -> Certificate:
    issuer_name = None if issuer is None else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    return issue_certificate(
        private(suite, subject).public_key(),
        name or subject,
        usage,
        issuer=issuer_name,
        issuer_key=private(suite, issuer or subject),
        serial=abs(hash((subject, issuer))) % 1000 + 1,
        valid_from=since,
        valid_until=since + 2 * YEAR,
    )


ROOT = _issue(SUITE_1, "root", Usage.AUTHORITY)
SUB = _issue(SUITE_1, "sub", Usage.AUTHORITY, issuer="root")
METER = _issue(SUITE_1, "meter", Usage.DIGITAL_SIGNATURE, issuer="sub", name=TITLE_TEXT)


def _reason(refused: Refused | None) -> str:
    assert refused is not None
    return refused.reason


@pytest.mark.parametrize("suite", [SUITE_1, SUITE_2])
@pytest.mark.parametrize("usage", [Usage.DIGITAL_SIGNATURE, Usage.KEY_AGREEMENT])
def test_a_certificate_says_whose_key_it_is_and_for_what(suite: Suite, usage: Usage) -> None:
    made = _issue(suite, "meter", usage, issuer="root", name=TITLE_TEXT)
    again = read_certificate(made.encode())
    assert isinstance(again, Certificate)
    assert (again.suite, again.usage, again.title, again.serial) == (suite, usage, SERVER_TITLE, made.serial)
    assert again.public_key == private(suite, "meter").public_key()


def test_a_chain_to_a_trusted_root_holds() -> None:
    assert verify_chain(METER, [ROOT], NOW, authorities=[SUB], title=SERVER_TITLE) is None
    assert verify_chain(METER, [SUB], NOW) is None


def test_a_chain_that_does_not_hold_is_refused_with_its_reason() -> None:
    assert "no authority known here" in _reason(verify_chain(METER, [ROOT], NOW))
    assert "no authority known here" in _reason(verify_chain(METER, [], NOW, authorities=[]))
    assert "is for digital signature, not for key agreement" in _reason(
        verify_chain(METER, [SUB], NOW, usage=Usage.KEY_AGREEMENT)
    )
    assert "is of MBM00001, not of MBM00002" in _reason(verify_chain(METER, [SUB], NOW, title=b"MBM00002"))
    assert "not valid at this time" in _reason(verify_chain(METER, [SUB], NOW + 3 * YEAR))
    assert "not valid at this time" in _reason(verify_chain(METER, [SUB], NOW - 3 * YEAR))


def test_a_root_that_has_run_out_is_trusted_no_more() -> None:
    old = _issue(SUITE_1, "root", Usage.AUTHORITY, since=NOW - 5 * YEAR)
    meter = _issue(SUITE_1, "meter", Usage.DIGITAL_SIGNATURE, issuer="root", name=TITLE_TEXT)
    assert "trusted authority's own" in _reason(verify_chain(meter, [old], NOW))


def test_an_impostor_of_the_same_name_is_refused() -> None:
    impostor = issue_certificate(
        private(SUITE_1, "impostor").public_key(),
        "sub",
        Usage.AUTHORITY,
        issuer=None,
        issuer_key=private(SUITE_1, "impostor"),
        serial=7,
        valid_from=NOW - YEAR,
        valid_until=NOW + YEAR,
    )
    assert "no authority known here" in _reason(verify_chain(METER, [impostor], NOW))


def test_a_meter_is_no_authority() -> None:
    forged = _issue(SUITE_1, "forged", Usage.DIGITAL_SIGNATURE, issuer="meter", name=TITLE_TEXT)
    assert "no authority known here" in _reason(verify_chain(forged, [METER, ROOT], NOW))


def test_a_chain_has_an_end() -> None:
    looped = [_issue(SUITE_1, f"a{place}", Usage.AUTHORITY, issuer=f"a{(place + 1) % 6}") for place in range(6)]
    meter = _issue(SUITE_1, "meter", Usage.DIGITAL_SIGNATURE, issuer="a0", name=TITLE_TEXT)
    assert "too long" in _reason(verify_chain(meter, [ROOT], NOW, authorities=looped))


@given(st.binary(max_size=100), st.data())
def test_any_octets_are_a_certificate_or_refused(data: bytes, more: st.DataObject) -> None:
    assert isinstance(read_certificate(data), Refused)
    octets = bytearray(METER.encode())
    place = more.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= more.draw(st.integers(1, 255))
    changed = read_certificate(bytes(octets))
    if isinstance(changed, Certificate):
        # The signature's own wrapping has octets that do not count (unused bits); what was signed has none.
        refused = verify_chain(changed, [SUB], NOW) is not None
        assert refused or changed.x509.tbs_certificate_bytes == METER.x509.tbs_certificate_bytes


def test_what_dlms_does_not_know_is_refused() -> None:
    assert "octets" in _reason(_as_refused(read_certificate(bytes(CERTIFICATE_OCTETS_MAX + 1))))
    with pytest.raises(ValueError, match="no system title"):
        _issue(SUITE_1, "meter", Usage.DIGITAL_SIGNATURE, name="not hexadecimal")
    with pytest.raises(ValueError, match="no system title"):
        _issue(SUITE_1, "meter", Usage.DIGITAL_SIGNATURE, name="0102")
    foreign = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + YEAR)
        .sign(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)), None)
    )
    from cryptography.hazmat.primitives.serialization import Encoding

    assert isinstance(read_certificate(foreign.public_bytes(Encoding.DER)), Refused)


@pytest.mark.parametrize("suite", [SUITE_1, SUITE_2])
def test_a_request_names_the_title_and_is_signed_by_its_key(suite: Suite) -> None:
    request = x509.load_der_x509_csr(request_certificate(private(suite, "meter"), SERVER_TITLE))
    assert request.is_signature_valid
    assert request.public_key() == private(suite, "meter").public_key()
    (name,) = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == TITLE_TEXT


def _as_refused(result: Certificate | Refused) -> Refused:
    assert isinstance(result, Refused)
    return result
