"""Whose public keys are believed: by authority, by name alone, or not at all."""

from datetime import timedelta

import pytest

from protocols.dlms.security.certificate import Certificate, Usage
from protocols.dlms.security.key_file import private_key_of, read_certificates
from protocols.dlms.security.refused import Refused
from protocols.dlms.security.suite import SUITE_1, SUITE_2
from protocols.dlms.security.trust import Trust
from protocols.secret import Secret
from tests.protocols.dlms.security.keyring import CLIENT_TITLE, SERVER_TITLE, private
from tests.protocols.dlms.security.test_certificate import METER, NOW, ROOT, SUB, YEAR, _issue

SIGNS = Usage.DIGITAL_SIGNATURE
STRANGE = _issue(SUITE_1, "meter", SIGNS, issuer="stranger", name=SERVER_TITLE.hex())
OLD = _issue(SUITE_1, "old meter", SIGNS, issuer="root", name=SERVER_TITLE.hex(), since=NOW - 9 * YEAR)


def reason(found: Certificate | Refused) -> str:
    assert isinstance(found, Refused)
    return found.reason


def test_a_chain_leads_over_an_authority_that_is_named_in_between() -> None:
    assert Trust([METER, SUB], [ROOT]).certificate_of(SERVER_TITLE, SIGNS, NOW) is METER
    assert "no authority known here" in reason(Trust([METER], [ROOT]).certificate_of(SERVER_TITLE, SIGNS, NOW))


def test_one_that_was_sent_is_as_good_but_for_its_authority() -> None:
    found = Trust([SUB], [ROOT]).certificate_of(SERVER_TITLE, SIGNS, NOW, METER.encode())
    assert isinstance(found, Certificate)
    assert found.encode() == METER.encode()
    for sent, trust, sentence in (
        (STRANGE.encode(), Trust([SUB], [ROOT]), "no authority known here"),
        (METER.encode(), Trust([], []), "not believed"),
        (b"\x30\x00", Trust([SUB], [ROOT]), "no X.509 certificate"),
        (b"", Trust([SUB], [ROOT]), "none was sent"),
    ):
        assert sentence in reason(trust.certificate_of(SERVER_TITLE, SIGNS, NOW, sent))
    # Somebody else's certificate, though it holds, is not this one's.
    assert "not of" in reason(Trust([SUB], [ROOT]).certificate_of(CLIENT_TITLE, SIGNS, NOW, METER.encode()))


def test_without_authorities_what_is_named_is_believed_while_it_is_valid() -> None:
    trust = Trust([STRANGE], [])
    assert trust.certificate_of(SERVER_TITLE, SIGNS, NOW) is STRANGE
    assert "not valid" in reason(trust.certificate_of(SERVER_TITLE, SIGNS, NOW + timedelta(days=3650)))
    assert "is named" in reason(trust.certificate_of(SERVER_TITLE, Usage.KEY_AGREEMENT, NOW))


@pytest.mark.parametrize("order", [[OLD, METER], [METER, OLD]])
def test_the_one_that_holds_is_taken(order: list[Certificate]) -> None:
    assert Trust([*order, SUB], [ROOT]).certificate_of(SERVER_TITLE, SIGNS, NOW) is METER


def test_our_own_is_known_by_its_key() -> None:
    trust = Trust([METER, SUB], [ROOT])
    assert trust.own(private(SUITE_1, "meter").public_key(), SIGNS) is METER
    assert trust.own(private(SUITE_1, "root").public_key(), SIGNS) is None


def test_files_that_are_none_are_refused_without_being_shown() -> None:
    assert isinstance(read_certificates(b"hidden"), Refused)
    assert isinstance(read_certificates(b"-----BEGIN CERTIFICATE-----\nhidden\n-----END CERTIFICATE-----\n"), Refused)
    for secret in (b"hidden", b"-----BEGIN PRIVATE KEY-----\nhidden\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(ValueError, match=r"private key") as wrong:
            private_key_of(SUITE_2, Secret(secret))
        assert "hidden" not in str(wrong.value)
