"""The options of every tool that asks one meter by its URL, written once.

`about_a_meter` puts the URL and these options before and behind a command's own, and hands them to it as one `Asked`.
"""

import inspect
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar
from zoneinfo import available_timezones

import typer

from gateway.command_line import JsonOption, TimeoutOption, WrongUseError, in_loop, system_ms, told
from gateway.configuration.config import MeterConfig
from gateway.configuration.fleet_keys import FleetKeys
from gateway.desk.progress import ProgressOption, Teller, of_conversation, progress
from gateway.desk.reach import Desk, keys_in, meter_config, reach
from gateway.service.unit import known_quirks
from protocols.model.quirk_table import KnownQuirks

T = TypeVar("T")


class Auth(StrEnum):
    """How a meter lets a tool in."""

    NONE = "none"
    LLS = "lls"
    HLS = "hls"
    HLS_MD5 = "hls-md5"
    HLS_SHA1 = "hls-sha1"
    HLS_GMAC = "hls-gmac"
    HLS_SHA256 = "hls-sha256"
    HLS_ECDSA = "hls-ecdsa"


class Security(StrEnum):
    """How requests are protected."""

    NONE = "none"
    AUTHENTICATION = "authentication"
    ENCRYPTION = "encryption"
    BOTH = "both"


Url = Annotated[
    str,
    typer.Argument(
        help="Where the meter is, as dlms+tcp://HOST:4059?client=32&server=1 or modbus+tcp://HOST:502?unit=1."
    ),
]
AuthOption = Annotated[Auth, typer.Option(help="How the meter lets us in.")]
KeyEnv = Annotated[str | None, typer.Option(help="Environment variable with the password or key.")]
KeyFile = Annotated[str | None, typer.Option(help="File with the password or key.")]
KeysOption = Annotated[
    Path | None, typer.Option("--keys", help="File with all keys: hls, block, authentication ... (TOML or CSV).")
]
SecurityOption = Annotated[
    Security | None, typer.Option(help="How requests are protected; without, as the model or the mechanism has it.")
]
CertificatesOption = Annotated[
    list[str] | None, typer.Option(help="Suites 1 and 2: file or folder of certificates, the meter's and ours.")
]
AuthoritiesOption = Annotated[
    list[str] | None, typer.Option(help="File or folder of the authorities that certificates must come from.")
]
SuiteOption = Annotated[
    int | None, typer.Option(min=0, max=2, help="Security suite; without, as the model has it, or 1 with certificates.")
]
ModelOption = Annotated[str | None, typer.Option(help="The meter's model; a Modbus meter is recognised without.")]
ShortNamesOption = Annotated[
    bool, typer.Option("--short-names", help="The meter refers to its objects by short names; a model may say so too.")
]
QuirksOption = Annotated[
    Path | None, typer.Option("--quirks", help="File with what meters do differently, by what they show of themselves.")
]
ZoneOption = Annotated[str, typer.Option(help="Where the meter's clock stands, when it does not say.")]


class Asked(NamedTuple):
    """The meter that the command line names, and how to go about it; the fields are the options."""

    url: str
    auth: Auth
    key_env: str | None
    key_file: str | None
    keys: Path | None
    security: Security | None
    certificates: list[str] | None
    authorities: list[str] | None
    suite: int | None
    model: str | None
    short_names: bool
    quirks: Path | None
    zone: str
    timeout: str
    progress: bool | None
    as_json: bool

    def config(self) -> tuple[MeterConfig, FleetKeys]:
        """The meter, and its keys where they are in one file."""
        env, file = self.key_env, self.key_file
        if env is not None and file is not None:
            raise WrongUseError("name the key by --key-env or by --key-file, not by both")
        key = {"env": env} if env is not None else {"file": file} if file is not None else None
        options: dict[str, Any] = {"timeout": self.timeout}
        if self.model is not None:
            options["model"] = self.model
        if self.short_names:
            options["short_names"] = True
        if self.security is not None:
            options["security"] = self.security.value
        named = {"certificates": self.certificates, "authorities": self.authorities, "suite": self.suite}
        options |= {name: value for name, value in named.items() if value is not None}
        if self.zone not in available_timezones():
            raise WrongUseError(f"--zone {self.zone}: there is no such time zone; write one such as Asia/Kolkata")
        keys: FleetKeys = {} if self.keys is None else keys_in(self.keys)
        return meter_config(self.url, self.auth.value, key, options), keys

    def known(self) -> tuple[KnownQuirks, ...]:
        """What meters do differently, by what they show."""
        return () if self.quirks is None else known_quirks(self.quirks)

    def of_meter(self, work: Callable[[Desk, Teller], Awaitable[T]], *, recognised: bool = True) -> T:
        """Reach the meter and do something with it, telling how far it is; a Modbus meter is recognised if need be."""
        config, keys = self.config()

        async def reached(tell: Teller) -> T:
            notice = of_conversation(tell)
            async with reach(
                config, system_ms, self.zone, keys, notice, recognised=recognised, quirks=self.known()
            ) as desk:
                return await work(desk, tell)

        with progress(wanted=self.progress, as_json=self.as_json) as tell:
            return in_loop(reached(tell))


def about_a_meter(auth: Auth = Auth.NONE, timeout: str = "5s") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a function of `Asked` and of its own arguments and options a command.

    Args:
        auth: how the meter lets us in, if nothing is said.
        timeout: how long an answer may take, if nothing is said.
    """

    def options(
        url: Url,
        *,
        auth: AuthOption = auth,
        key_env: KeyEnv = None,
        key_file: KeyFile = None,
        keys: KeysOption = None,
        security: SecurityOption = None,
        certificates: CertificatesOption = None,
        authorities: AuthoritiesOption = None,
        suite: SuiteOption = None,
        model: ModelOption = None,
        short_names: ShortNamesOption = False,
        quirks: QuirksOption = None,
        zone: ZoneOption = "Asia/Kolkata",
        timeout: TimeoutOption = timeout,
        progress: ProgressOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Only its signature is used."""

    shared = list(inspect.signature(options).parameters.values())

    def command(work: Callable[..., None]) -> Callable[..., None]:
        _, *own = inspect.signature(work).parameters.values()
        arguments = [each for each in own if each.kind is not inspect.Parameter.KEYWORD_ONLY]
        own_options = [each for each in own if each.kind is inspect.Parameter.KEYWORD_ONLY]

        def run(**given: Any) -> None:
            asked = Asked(**{name: given.pop(name) for name in Asked._fields})
            with told(as_json=asked.as_json):
                work(asked, **given)

        run.__name__, run.__doc__ = work.__name__, work.__doc__
        run.__signature__ = inspect.Signature([shared[0], *arguments, *own_options, *shared[1:]])  # type: ignore[attr-defined]
        return run

    return command
