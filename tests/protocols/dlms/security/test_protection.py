"""Protected associations, both sides ours: every form and suite, and what is refused with which sentence."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.dlms.acse import Mechanism
from protocols.dlms.ask.outcome import Associated, AssociationRefused, Invoked, Malformed, Released, ServiceRefused
from protocols.dlms.descriptor import AttributeDescriptor, MethodDescriptor
from protocols.dlms.release import ReleaseRequest
from protocols.dlms.results import ActionResult, ReleaseRequestReason, ServiceError
from protocols.dlms.security.context import KeySet
from protocols.dlms.security.control import AUTHENTICATED, COUNTER_MAX, ENCRYPTED, PROTECTED
from protocols.dlms.security.form import Form
from protocols.dlms.security.keys import KeyUse
from protocols.dlms.security.policy import SIGNED, Policy
from protocols.dlms.service_error import ExceptionResponse
from protocols.dlms.value import Tag
from protocols.secret import Secret
from tests.protocols.dlms.logical_device import LONG, SERIAL, SWITCH
from tests.protocols.dlms.security.keyring import CLIENTS, SERVERS, symmetric, with_key
from tests.protocols.dlms.security.session import Session

SERIAL_NUMBER = AttributeDescriptor(1, SERIAL, 2)
LONG_VALUE = AttributeDescriptor(1, LONG, 2)
DISCONNECT = MethodDescriptor(70, SWITCH, 1)
ZERO = (int(Tag.INTEGER), 0)

SYMMETRIC = [Form.GLO, Form.DED, Form.GENERAL_GLO, Form.GENERAL_DED, Form.IDENTIFIED, Form.WRAPPED]
COMBINATIONS = [(suite, form, False) for suite in (0, 1, 2) for form in SYMMETRIC]
COMBINATIONS += [(suite, form, True) for suite in (1, 2) for form in (Form.GLO, Form.GENERAL_GLO, Form.ONE_PASS)]
COMBINATIONS += [(suite, form, False) for suite in (1, 2) for form in (Form.ONE_PASS, Form.STATIC)]


def _session(suite: int = 0, **changes: Any) -> Session:
    session = Session(suite, **changes)
    assert isinstance(session.open(), Associated), session.refusals
    return session


def _refused(session: Session, apdu: bytes) -> tuple[ExceptionResponse, str]:
    """What the server says to an APDU that it must not take, and why."""
    done = list(session.device.done)
    reads = session.device.reads
    answers = session.inject(apdu)
    session.bench.line.settle()
    assert (session.device.done, session.device.reads) == (done, reads)
    return ExceptionResponse.decode(answers[0]), session.refusals[-1]


@pytest.mark.parametrize(("suite", "form", "signed"), COMBINATIONS)
def test_every_form_in_every_suite_reads_a_long_value_and_switches(*, suite: int, form: Form, signed: bool) -> None:
    dedicated = symmetric(SERVERS[suite].suite, "session") if form in {Form.DED, Form.GENERAL_DED} else None
    session = _session(suite, form=form, signed=signed, dedicated=dedicated, max_pdu=900)
    assert session.get(SERIAL_NUMBER) == (Tag.VISIBLE_STRING, "MB0001")
    assert session.get(LONG_VALUE) == (Tag.OCTET_STRING, bytes(range(256)) * 4)
    assert session.act(DISCONNECT, ZERO) == Invoked(ActionResult.SUCCESS)
    assert session.device.done == [("action", SWITCH, 1, b"\x0f\x00")]
    assert all(b"MB0001" not in apdu for apdu in session.wire.answers)


@pytest.mark.parametrize("suite", [0, 1, 2])
@pytest.mark.parametrize("control", [AUTHENTICATED, ENCRYPTED, PROTECTED])
def test_the_meter_answers_protected_as_it_was_asked(suite: int, control: int) -> None:
    session = _session(suite, control=control)
    assert session.get(SERIAL_NUMBER) == (Tag.VISIBLE_STRING, "MB0001")
    assert session.wire.answers[-1][2] == control | suite


@pytest.mark.parametrize("mechanism", [each for each in Mechanism if each >= Mechanism.HIGH])
@pytest.mark.parametrize("context", [1, 3])
def test_every_mechanism_lets_in_who_has_the_key_and_nobody_else(mechanism: Mechanism, context: int) -> None:
    suite = 1 if mechanism is Mechanism.HIGH_ECDSA else 0
    assert isinstance(Session(suite, mechanism=mechanism, context=context).open(), Associated)
    wrong = with_key(CLIENTS[suite], "block", Secret(bytes(16)))
    if mechanism is Mechanism.HIGH_ECDSA:
        wrong = replace(CLIENTS[suite], signing_key=CLIENTS[suite].agreement_key)
    session = Session(suite, mechanism=mechanism, context=context, client_keys=wrong, secret=Secret("another secret!!"))
    outcome = session.open()
    assert isinstance(outcome, AssociationRefused | ServiceRefused), outcome
    assert not session.bench.client.associated
    assert session.refusals


def test_a_wrong_key_is_told_by_the_tag_and_the_title() -> None:
    session = Session(client_keys=with_key(CLIENTS[0], "block", Secret(bytes(16))))
    outcome = session.open()
    assert isinstance(outcome, AssociationRefused)
    assert "deciphering-error" in outcome.sentence
    assert session.refusals == [
        "the tag does not verify: block or authentication key is wrong, or the system title is not MBC00000"
    ]


def test_another_system_title_is_refused() -> None:
    session = _session(form=Form.GENERAL_GLO)
    session.get(SERIAL_NUMBER)
    forged = session.wire.requests[-1].replace(b"MBC00000", b"MBC00009")
    answer, reason = _refused(session, forged)
    assert answer.service_error == ServiceError.DECIPHERING_ERROR
    assert reason == "the APDU is from MBC00009, the association is with MBC00000"


def test_a_changed_or_cut_tag_is_refused() -> None:
    session = _session()
    session.act(DISCONNECT, ZERO)
    sent = session.wire.requests[-1]
    fresh = sent[:3] + (int.from_bytes(sent[3:7], "big") + 1).to_bytes(4, "big") + sent[7:]
    answer, reason = _refused(session, fresh)
    assert answer.service_error == ServiceError.DECIPHERING_ERROR
    assert reason.startswith("the tag does not verify")
    _, reason = _refused(session, bytes((fresh[0], 9)) + fresh[2:11])
    assert reason == "the ciphered APDU ends within its authentication tag"


def test_a_repeated_counter_is_refused_and_the_lowest_accepted_one_named() -> None:
    session = _session()
    session.act(DISCONNECT, ZERO)
    counter = session.server.current.received[KeyUse.UNICAST].lowest
    answer, reason = _refused(session, session.wire.requests[-1])
    assert answer.service_error == ServiceError.INVOCATION_COUNTER_ERROR
    assert answer.invocation_counter == counter
    assert reason == f"invocation counter {counter - 1} was used before: {counter} is the lowest accepted"
    assert session.act(DISCONNECT, ZERO) == Invoked(ActionResult.SUCCESS)


def test_a_request_in_clear_is_refused_in_a_ciphered_association() -> None:
    session = _session()
    answer, reason = _refused(session, bytes.fromhex("c0010000010000600100ff0200"))
    assert answer.service_error == ServiceError.OPERATION_NOT_POSSIBLE
    assert reason == "APDU C0 came in clear, in a ciphered association"


@pytest.mark.parametrize(
    ("control", "sentence"),
    [
        (0x00, "security control 00 protects nothing"),
        (0x31, "security suite 1 is not the one in force, 0"),
        (0x3F, "security suite 15 is reserved"),
        (0xB0, "compressed APDUs (ITU-T V.44) are not supported"),
    ],
)
def test_security_control_bytes_that_may_not_be_are_refused(control: int, sentence: str) -> None:
    session = _session()
    session.get(SERIAL_NUMBER)
    sent = session.wire.requests[-1]
    _, reason = _refused(session, sent[:2] + bytes((control,)) + sent[3:])
    assert reason == sentence


def test_what_is_protected_less_than_the_policy_asks_is_refused() -> None:
    session = _session(policy=Policy(PROTECTED, PROTECTED))
    session.client.control = ENCRYPTED
    outcome = session.get(SERIAL_NUMBER)
    assert isinstance(outcome, ServiceRefused)
    wanted = "security control 20 (encrypted, suite 0) is less than authenticated and encrypted, suite 0"
    assert session.refusals == [wanted]
    assert session.device.reads == 0


def test_a_policy_may_ask_for_signatures() -> None:
    policy = Policy(PROTECTED | SIGNED, PROTECTED | SIGNED)
    session = Session(1, policy=policy, signed=True)
    session.server.policy = Policy(PROTECTED, PROTECTED)
    assert isinstance(session.open(), Associated)  # an InitiateRequest is never signed
    session.server.policy = policy
    assert session.get(SERIAL_NUMBER) == (Tag.VISIBLE_STRING, "MB0001")
    assert session.wire.answers[-1][0] == 0xDF
    session = Session(1, mechanism=0)
    assert isinstance(session.open(), Associated)
    session.server.policy = policy
    assert isinstance(session.get(SERIAL_NUMBER), ServiceRefused)
    assert session.refusals == ["the APDU is not signed, and the security policy asks for it"]


def test_a_recorded_wrapped_or_agreed_key_does_nothing_twice() -> None:
    for suite, form in ((0, Form.WRAPPED), (1, Form.ONE_PASS), (1, Form.STATIC)):
        session = _session(suite, form=form)
        session.act(DISCONNECT, ZERO)
        answer, _ = _refused(session, session.wire.requests[-1])
        assert answer.service_error == ServiceError.INVOCATION_COUNTER_ERROR


def test_new_keys_are_confirmed_by_their_first_use_and_end_the_old_ones() -> None:
    session = _session()
    session.act(DISCONNECT, ZERO)
    old = session.wire.requests[-1]
    new = {"block": Secret(b"n" * 16), "authentication": Secret(b"m" * 16)}
    server_keys, client_keys = SERVERS[0], CLIENTS[0]
    for name, key in new.items():
        server_keys, client_keys = with_key(server_keys, name, key), with_key(client_keys, name, key)
    session.server.pending = KeySet(server_keys)
    assert session.act(DISCONNECT, ZERO) == Invoked(ActionResult.SUCCESS)  # still the old ones
    assert session.server.pending is not None
    before, session.client.current = session.client.current, KeySet(client_keys)
    assert session.act(DISCONNECT, ZERO) == Invoked(ActionResult.SUCCESS)
    assert session.server.pending is None
    assert session.server.current.received[KeyUse.UNICAST].lowest == 1
    _refused(session, old)
    session.client.current = before
    assert isinstance(session.act(DISCONNECT, ZERO), ServiceRefused | Malformed)
    assert len(session.device.done) == 3


def test_a_wrong_key_does_not_confirm_pending_ones() -> None:
    session = _session()
    session.server.pending = KeySet(with_key(SERVERS[0], "block", Secret(b"n" * 16)))
    session.client.current = KeySet(with_key(CLIENTS[0], "block", Secret(b"x" * 16)))
    assert isinstance(session.get(SERIAL_NUMBER), ServiceRefused)
    assert session.server.pending is not None


def test_a_dedicated_key_of_a_wrong_length_is_refused() -> None:
    session = Session(form=Form.DED)
    assert isinstance(session.open(), Associated | Malformed | ServiceRefused | AssociationRefused)
    session.bench.server.associations()[0].dedicated_key = Secret(b"short")
    answers = session.inject(bytes((0xD0, 22)) + bytes(22))
    assert ExceptionResponse.decode(answers[0]).service_error == ServiceError.DECIPHERING_ERROR


def test_a_server_without_a_counter_left_protects_nothing_more() -> None:
    session = _session()
    session.server.current.sent[KeyUse.UNICAST].lowest = COUNTER_MAX
    assert session.get(SERIAL_NUMBER) == (Tag.VISIBLE_STRING, "MB0001")
    assert isinstance(session.get(SERIAL_NUMBER), ServiceRefused)


def test_the_client_takes_no_answer_that_is_protected_less_or_was_sent_before() -> None:
    session = _session()
    session.get(SERIAL_NUMBER)
    old = session.wire.answers[-1]
    client = session.bench.client
    association = client.association
    protection = association.protection
    assert protection is not None
    for apdu, sentence in (
        (old, "was used before"),
        (bytes.fromhex("c40141000a064d42303030310a"), "came in clear"),
        (bytes((0xCC, old[1], ENCRYPTED)) + old[3:], "is less than authenticated and encrypted"),
    ):
        refusal = protection.unprotect(apdu, association, 0)
        assert not isinstance(refusal, bytes)
        assert sentence in refusal.reason
        assert refusal.answer is None


@pytest.mark.parametrize("protected", [False, True])
def test_whether_anybody_on_the_line_can_end_an_association_is_the_models_to_say(*, protected: bool) -> None:
    session = _session(protected_release=protected)
    bare = ReleaseRequest(reason=ReleaseRequestReason.NORMAL).encode()
    for forged in (b"\x21\x00", bytes(40)):
        assert session.inject(ReleaseRequest(user_information=forged).encode()) == []
    assert session.get(SERIAL_NUMBER) is not None
    assert bool(session.inject(bare)) is not protected
    stands = isinstance(session.get(SERIAL_NUMBER), tuple)
    assert stands is protected
    if protected:
        assert session.bench.run(session.bench.client.release(session.bench.now_us)) == Released()
