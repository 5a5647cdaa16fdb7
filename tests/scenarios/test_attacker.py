"""An attacker on the wire between a client and a meter: hears everything, says anything, and gets nothing done.

He records, replays, reorders, holds back, cuts, splices, rewraps and downgrades, on the client's connection and on ones
of his own. Every write that the client asks for has a value of its own, so it shows whether one was executed that was
not asked for, or one twice; and the client believes a write only if it was executed.
"""

from collections import Counter
from collections.abc import Callable
from hashlib import shake_256
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocols.dlms.acse import ApplicationContext, AssociationRequest, Mechanism
from protocols.dlms.action import ActionRequestNormal
from protocols.dlms.application import Association, AssociationProfile
from protocols.dlms.ask.outcome import Associated
from protocols.dlms.ciphered import GeneralDedCiphering, GeneralGloCiphering
from protocols.dlms.client import PROPOSED_LN, AssociationClient
from protocols.dlms.descriptor import AttributeDescriptor
from protocols.dlms.general_block_transfer import GeneralBlockTransfer
from protocols.dlms.initiate import InitiateRequest
from protocols.dlms.results import DataAccessResult
from protocols.dlms.security.context import KeySet, SecurityContext
from protocols.dlms.security.form import Form
from protocols.dlms.security.hls import Hls, authenticators
from protocols.dlms.security.protection import ClientProtection, ServerProtection
from protocols.dlms.server import AssociationServer
from protocols.dlms.set import SetRequestNormal
from protocols.dlms.value import Tag, Value, encode
from protocols.link import Apdu, LinkUp
from protocols.machine import Answered
from protocols.secret import Secret
from tests.protocols.dlms.logical_device import LN, PEER, SWITCH, WRITABLE, LogicalDevice
from tests.protocols.dlms.security.keyring import CLIENT_TITLE, CLIENTS, SERVER_TITLE, SERVERS, symmetric, with_key

CLIENT, PUSH = 48, 64
SECRET = {"hls": Secret("sixteen octets!!"), "lls": Secret("a password")}
ATTRIBUTE = AttributeDescriptor(1, WRITABLE, 2)
MECHANISMS = [
    Mechanism.LOWEST,
    Mechanism.LOW,
    Mechanism.HIGH,
    Mechanism.HIGH_MD5,
    Mechanism.HIGH_SHA1,
    Mechanism.HIGH_GMAC,
    Mechanism.HIGH_SHA256,
    Mechanism.HIGH_ECDSA,
]
FORMS = [Form.GLO, Form.DED, Form.GENERAL_GLO, Form.GENERAL_DED, Form.IDENTIFIED, Form.WRAPPED]
SAPS = st.sampled_from([CLIENT, PUSH, 16])


def stream(name: str) -> Callable[[int], bytes]:
    """Octets of one name, never the same twice."""
    drawn = 0

    def draw(count: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return shake_256(f"{name}/{drawn}".encode()).digest(count)

    return draw


def number(value: int) -> Value:
    return int(Tag.LONG_UNSIGNED), value


class Connection:
    """One connection to the meter: what is said to it, and what it answers."""

    def __init__(self, server: AssociationServer) -> None:
        self.server = server
        self.answers: list[bytes] = []
        server.below = lambda item, _now_us: self.answers.append(item.data) if isinstance(item, Apdu) else None
        server.above = lambda _event, _now_us: None

    def say(self, client: int, apdu: bytes) -> list[bytes]:
        """What the meter answers to an APDU."""
        self.answers.clear()
        self.server.from_below(Apdu(client, 1, apdu), 0)
        return list(self.answers)


class Attacker(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded: list[bytes] = []
        self.answered: list[bytes] = []
        self.asked: Counter[bytes] = Counter()
        self.reads = 0
        self.held: list[bytes] = []
        self.tickets: dict[int, bytes] = {}
        self.values = 0
        self.client: AssociationClient | None = None

    @initialize(mechanism=st.sampled_from(MECHANISMS), suite=st.sampled_from([0, 1, 2]))
    def meter(self, mechanism: Mechanism, suite: int) -> None:
        if mechanism is Mechanism.HIGH_ECDSA:
            suite = max(1, suite)
        offered = {
            CLIENT: self._profile(CLIENT, mechanism=mechanism, max_pdu=1024),
            PUSH: self._profile(PUSH, pre_established=True, max_pdu=1024),
        }
        self.mechanism = mechanism
        self.device = LogicalDevice(offered)
        pushing = SERVERS[suite]
        for name in ("block", "broadcast", "master"):  # a security setup of its own, as meters have
            pushing = with_key(pushing, name, symmetric(pushing.suite, f"{name} of pushes"))
        keys = {CLIENT: SERVERS[suite], PUSH: pushing}
        self.of_meter = {client: SecurityContext(KeySet(keys[client]), entropy=stream("meter")) for client in offered}
        self.of_client = SecurityContext(KeySet(CLIENTS[suite]), entropy=stream("client"))
        self.meter_entropy, self.client_entropy = stream("StoC"), stream("CtoS")
        self.connections = [self._connect()]
        self.new_session(Form.GLO)

    def _profile(self, client: int, **more: Any) -> AssociationProfile:
        return AssociationProfile(client=client, context=3, secrets=SECRET, conformance=int(LN), **more)

    def _connect(self) -> Connection:
        def context(association: Association) -> SecurityContext:
            return self.of_meter[association.client]

        return Connection(
            AssociationServer(
                {1: self.device},
                self.meter_entropy,
                PEER,
                system_title=SERVER_TITLE,
                protection=lambda association: ServerProtection(context(association)),
                authenticators=authenticators(context, server=True),
            )
        )

    # ---- what the client does

    def new_session(self, form: Form) -> None:
        """The client associates on its connection, undisturbed; the attacker listens."""

        def protection(association: Association) -> ClientProtection:
            if form in {Form.DED, Form.GENERAL_DED}:
                octets = self.of_client.current.keys.suite.key_octets
                association.dedicated_key = Secret(self.client_entropy(octets))
            return ClientProtection(self.of_client, form)

        hls = None
        if self.mechanism >= Mechanism.HIGH:
            hls = Hls(self.mechanism, lambda _association: self.of_client, server=False)
        profile = AssociationProfile(
            client=CLIENT,
            mechanism=self.mechanism,
            context=3,
            secrets=SECRET,
            conformance=int(PROPOSED_LN),
            max_pdu=1024,
        )
        self.out: list[bytes] = []
        self.client = client = AssociationClient(
            profile,
            1,
            self.client_entropy,
            PEER,
            system_title=CLIENT_TITLE,
            authenticator=hls,
            protection=protection,
            retries=0,
        )
        self.events: list[Any] = []
        client.below = lambda item, _now_us: self.out.append(item.data) if isinstance(item, Apdu) else None
        client.above = lambda event, _now_us: self.events.append(event)
        self.tickets = {}
        self.held = []
        ticket = client.associate(0)
        client.from_below(LinkUp(CLIENT, 1), 0)
        while self.out:
            self._deliver(self._sent())
        [outcome] = [event.response for event in self.events if isinstance(event, Answered) and event.ticket == ticket]
        assert isinstance(outcome, Associated), outcome

    def _sent(self) -> bytes:
        """What the client has put on the wire next; the attacker keeps a copy."""
        apdu = self.out.pop(0)
        self.recorded.append(apdu)
        return apdu

    def _deliver(self, apdu: bytes) -> None:
        for answer in self.connections[0].say(CLIENT, apdu):
            self.answered.append(answer)
            assert self.client is not None
            self.client.from_below(Apdu(CLIENT, 1, answer), 0)

    @rule(form=st.sampled_from(FORMS))
    def client_associates(self, form: Form) -> None:
        self.new_session(form)

    @precondition(lambda self: self.client is not None and self.client.associated and not self.tickets)
    @rule(held=st.booleans(), read=st.booleans())
    def client_asks(self, *, held: bool, read: bool) -> None:
        assert self.client is not None
        if read:
            self.reads += 1
            ticket, self.tickets = self.client.get(ATTRIBUTE, 0), {}
        else:
            self.values += 1
            value = encode(number(self.values))
            self.asked[value] += 1
            ticket = self.client.set(ATTRIBUTE, number(self.values), 0)
            self.tickets[ticket] = value
        while self.out:
            apdu = self._sent()
            if held:
                self.held.append(apdu)
            else:
                self._deliver(apdu)
        if not held:
            self.tickets = {}
        elif read:
            self.tickets[ticket] = b""

    @precondition(lambda self: bool(self.held))
    @rule(late=st.booleans())
    def attacker_lets_go(self, *, late: bool) -> None:
        """What was held back arrives after all, or behind what came later."""
        apdu = self.held.pop(-1 if late else 0)
        self._deliver(apdu)
        self.tickets = {}

    # ---- what the attacker does

    def attack(self, client: int, apdu: bytes, where: int) -> None:
        """Say something on one of the connections."""
        if where >= len(self.connections):
            self.connections.append(self._connect())
            where = len(self.connections) - 1
        self.connections[where].say(client, apdu)

    @rule(which=st.integers(0, 1000), client=SAPS, where=st.integers(0, 3))
    def attacker_replays(self, which: int, client: int, where: int) -> None:
        self.attack(client, self.recorded[which % len(self.recorded)], where)

    @rule(where=st.integers(0, 3), start=st.integers(0, 1000))
    def attacker_replays_all_in_order(self, where: int, start: int) -> None:
        for apdu in self.recorded[start % len(self.recorded) :][:6]:
            self.attack(CLIENT, apdu, where)

    @rule(which=st.integers(0, 1000), bit=st.integers(0, 4000), where=st.integers(0, 3))
    def attacker_flips_a_bit(self, which: int, bit: int, where: int) -> None:
        apdu = bytearray(self.recorded[which % len(self.recorded)])
        apdu[bit // 8 % len(apdu)] ^= 1 << bit % 8
        self.attack(CLIENT, bytes(apdu), where)

    @rule(which=st.integers(0, 1000), by=st.integers(1, 100_000), where=st.integers(0, 3))
    def attacker_raises_the_counter(self, which: int, by: int, where: int) -> None:
        """A service-specific APDU under a counter that is still good: but the tag is of another."""
        apdu = self.recorded[which % len(self.recorded)]
        if len(apdu) > 7 and apdu[0] in range(0xC8, 0xD8):
            counter = int.from_bytes(apdu[3:7], "big") + by
            self.attack(CLIENT, apdu[:3] + counter.to_bytes(4, "big") + apdu[7:], where)

    @rule(head=st.integers(0, 1000), tail=st.integers(0, 1000), place=st.integers(0, 200), where=st.integers(0, 3))
    def attacker_splices(self, head: int, tail: int, place: int, where: int) -> None:
        one, other = self.recorded[head % len(self.recorded)], self.recorded[tail % len(self.recorded)]
        self.attack(CLIENT, one[:place] + other[place:], where)

    @rule(which=st.integers(0, 1000), size=st.integers(0, 200), where=st.integers(0, 3))
    def attacker_cuts(self, which: int, size: int, where: int) -> None:
        self.attack(CLIENT, self.recorded[which % len(self.recorded)][:size], where)

    @rule(which=st.integers(0, 1000), title=st.sampled_from([CLIENT_TITLE, SERVER_TITLE, b""]), where=st.integers(0, 3))
    def attacker_rewraps(self, which: int, title: bytes, where: int) -> None:
        """The same ciphered content in other envelopes, under other names."""
        apdu = self.recorded[which % len(self.recorded)]
        if len(apdu) > 20 and apdu[0] in range(0xC8, 0xD8):
            content = apdu[2:]
            for envelope in (GeneralGloCiphering(title, content), GeneralDedCiphering(title, content)):
                self.attack(CLIENT, envelope.encode(), where)
            for tag in (0x21, 0xC9, 0xCB, 0xD1, 0xD3):
                self.attack(CLIENT, bytes((tag,)) + apdu[1:], where)

    @rule(which=st.integers(0, 1000), where=st.integers(0, 3))
    def attacker_replays_in_general_blocks(self, which: int, where: int) -> None:
        blocks = GeneralBlockTransfer(requester=True, window=8)
        for block in blocks.send(self.recorded[which % len(self.recorded)], 60):
            self.attack(CLIENT, block.encode(), where)

    @rule(which=st.integers(0, 1000), where=st.integers(0, 3))
    def attacker_reflects(self, which: int, where: int) -> None:
        """The meter's own answers come back to it, as answers and as requests."""
        if self.answered:
            apdu = self.answered[which % len(self.answered)]
            self.attack(CLIENT, apdu, where)
            self.attack(CLIENT, bytes((0xC9,)) + apdu[1:], where)

    @rule(client=SAPS, where=st.integers(0, 3))
    def attacker_asks_in_clear(self, client: int, where: int) -> None:
        for apdu in (
            SetRequestNormal(0xC1, 1, WRITABLE, 2, None, encode(number(65_000))).encode(),
            ActionRequestNormal(0xC1, 70, SWITCH, 1, encode((Tag.INTEGER, 0))).encode(),
        ):
            self.attack(client, apdu, where)

    @rule(
        mechanism=st.sampled_from([None, *MECHANISMS]),
        context=st.sampled_from([ApplicationContext.LOGICAL_NAME, ApplicationContext.LOGICAL_NAME_CIPHERED]),
        client=SAPS,
        title=st.sampled_from([CLIENT_TITLE, b"MBCEVIL0", None]),
        where=st.integers(0, 3),
    )
    def attacker_downgrades(
        self,
        mechanism: Mechanism | None,
        context: ApplicationContext,
        client: int,
        title: bytes | None,
        where: int,
    ) -> None:
        """An association of his own, in clear or by a weaker mechanism, and then what he wants to have done."""
        aarq = AssociationRequest(
            application_context=context,
            calling_ap_title=title,
            authentication=mechanism is not None,
            mechanism=mechanism,
            calling_authentication_value=b"0123456789ABCDEF",
            user_information=InitiateRequest(conformance=int(PROPOSED_LN), max_pdu=1024).encode(),
        )
        self.attack(client, aarq.encode(), where)
        self.attacker_asks_in_clear(client, where)

    @rule(which=st.integers(0, 1000), bit=st.none() | st.integers(0, 4000))
    def attacker_answers_the_client(self, which: int, bit: int | None) -> None:
        """Old answers, whole or changed, and answers in clear, for what the client asks now."""
        if self.client is None or not self.answered:
            return
        apdu = bytearray(self.answered[which % len(self.answered)])
        if bit is not None:
            apdu[bit // 8 % len(apdu)] ^= 1 << bit % 8
        self.client.from_below(Apdu(CLIENT, 1, bytes(apdu)), 0)
        self.client.from_below(Apdu(CLIENT, 1, bytes.fromhex("c501c100")), 0)

    # ---- what must hold

    @invariant()
    def nothing_is_done_that_was_not_asked_for_and_nothing_twice(self) -> None:
        if hasattr(self, "device"):
            done = Counter(each[3] for each in self.device.done)
            assert all(each[0] == "set" for each in self.device.done), self.device.done
            assert not done - self.asked, done - self.asked
            assert self.device.reads <= self.reads

    @invariant()
    def the_client_believes_only_what_was_done(self) -> None:
        if self.client is not None:
            done = {each[3] for each in self.device.done}
            for event in self.events:
                if isinstance(event, Answered) and event.response == DataAccessResult.SUCCESS:
                    value = self.tickets.get(event.ticket)
                    assert value is None or value in done


TestAttacker = Attacker.TestCase
TestAttacker.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
