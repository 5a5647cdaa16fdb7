"""A client and a server of ours that share keys, on one wire that a test can listen to and speak on."""

from typing import Any

from protocols.dlms.acse import Mechanism
from protocols.dlms.application import Association, AssociationProfile
from protocols.dlms.client import PROPOSED_LN
from protocols.dlms.security.context import KeySet, SecurityContext
from protocols.dlms.security.control import PROTECTED
from protocols.dlms.security.form import Form
from protocols.dlms.security.hls import Hls, authenticators
from protocols.dlms.security.keys import Keys
from protocols.dlms.security.policy import NO_POLICY, Policy
from protocols.dlms.security.protection import ClientProtection, ServerProtection
from protocols.link import Apdu
from protocols.machine import Layer, Stack
from protocols.secret import Secret
from protocols.wrapper import Role, Wrapper
from tests.protocols.dlms.bench import Bench, counting
from tests.protocols.dlms.logical_device import LN, LogicalDevice
from tests.protocols.dlms.security.keyring import CLIENTS, SERVERS

CLIENT = 48
SECRET = Secret("sixteen octets!!")


def mirrored(count: int) -> bytes:
    """Octets unlike those of `counting`: a challenge that both sides sent would be a reflection."""
    return bytes(range(0x80, 0x80 + count))


class Recorder(Layer[Any, Any]):
    """Keeps the APDUs that pass the client's end of the wire."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answers: list[bytes] = []

    def from_below(self, item: Any, now_us: int) -> None:
        if isinstance(item, Apdu):
            self.answers.append(item.data)
        self.above(item, now_us)

    def from_above(self, item: Any, now_us: int) -> None:
        if isinstance(item, Apdu):
            self.requests.append(item.data)
        self.below(item, now_us)


class Session:
    """Two sides; `client` and `server` are their contexts, `device` does what it is asked and notes it."""

    def __init__(
        self,
        suite: int = 0,
        *,
        mechanism: int = Mechanism.HIGH,
        form: Form = Form.GLO,
        signed: bool = False,
        control: int = PROTECTED,
        policy: Policy = NO_POLICY,
        context: int = 3,
        client_keys: Keys | None = None,
        server_keys: Keys | None = None,
        dedicated: Secret | None = None,
        secret: Secret = SECRET,
        max_pdu: int = 1024,
        protected_release: bool = False,
    ) -> None:
        self.client = SecurityContext(KeySet(client_keys or CLIENTS[suite]), control=control, entropy=mirrored)
        self.server = SecurityContext(KeySet(server_keys or SERVERS[suite]), policy, entropy=counting)
        self.client_title = self.client.current.keys.title
        offered = AssociationProfile(
            client=CLIENT,
            mechanism=mechanism,
            context=context,
            secrets={"hls": SECRET, "lls": SECRET},
            conformance=int(LN),
            max_pdu=max_pdu,
            protected_release=protected_release,
        )
        proposed = AssociationProfile(
            client=CLIENT,
            mechanism=mechanism,
            context=context,
            secrets={"hls": secret, "lls": secret},
            conformance=int(PROPOSED_LN),
            max_pdu=max_pdu,
        )
        self.device = LogicalDevice({CLIENT: offered})

        def protection(association: Association) -> ClientProtection:
            if dedicated is not None:
                association.dedicated_key = dedicated
            return ClientProtection(self.client, form, signed=signed)

        self.wire = Recorder()
        self.bench = Bench(
            proposed,
            self.device,
            client={
                "system_title": self.client_title,
                "protection": protection,
                "authenticator": _hls(mechanism, self.client),
            },
            server={
                "system_title": self.server.current.keys.title,
                "protection": lambda _association: ServerProtection(self.server),
                "authenticators": authenticators(lambda _association: self.server, server=True),
            },
            stacks=lambda client, server: (
                Stack([Wrapper(Role.CLIENT), self.wire, client]),
                Stack([Wrapper(Role.SERVER), server]),
            ),
        )
        self.bench.client._greeting._entropy = mirrored

    def open(self) -> Any:
        """Associate."""
        return self.bench.open()

    def get(self, attribute: Any) -> Any:
        """Read one attribute."""
        return self.bench.run(self.bench.client.get(attribute, self.bench.now_us))

    def act(self, method: Any, parameter: Any = None) -> Any:
        """Invoke one method."""
        return self.bench.run(self.bench.client.action(method, parameter, self.bench.now_us))

    def inject(self, apdu: bytes) -> list[bytes]:
        """Hand an APDU to the server as if it came from the client; what it answers."""
        answers: list[bytes] = []
        server = self.bench.server
        below, server.below = server.below, lambda item, _now_us: answers.append(item.data)
        server.from_below(Apdu(CLIENT, 1, apdu), self.bench.now_us)
        server.below = below
        return answers

    @property
    def refusals(self) -> list[str]:
        """Why the server has refused APDUs."""
        return [event.reason for event in self.bench.line.right.events if hasattr(event, "reason")]


def _hls(mechanism: int, context: SecurityContext) -> Hls | None:
    return Hls(Mechanism(mechanism), lambda _association: context, server=False) if mechanism > 1 else None
