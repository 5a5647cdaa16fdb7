"""The page of payment: what a meter does with money, with its states drawn from the tables."""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, IntEnum
from inspect import cleandoc
from typing import Any, Final

from emulator.payment.notice import CODES
from emulator.payment.state import (
    ACCOUNT_STATES,
    CREDIT_STATES,
    SUPPLY_STATES,
    TOKEN_STATES,
    AccountStatus,
    CreditStatus,
    Supply,
    TokenStatus,
)
from emulator.payment.token_gateway import Reason
from protocols.cosem.catalogue import find
from protocols.model import load
from protocols.model.cosem_object import CosemObject
from protocols.model.payment import (
    COLLECTION_BITS,
    CREDIT_BITS,
    AccountModel,
    ChargeModel,
    CreditModel,
    FriendlyModel,
    GatewayModel,
    Payment,
    StsModel,
)

MODEL: Final = "is15959-d1-prepaid"

SECTIONS: Final[dict[str, type[Any]]] = {
    "[payment]": Payment,
    "[payment.account]": AccountModel,
    '[payment.credits."NAME"]': CreditModel,
    '[payment.charges."NAME"]': ChargeModel,
    "[payment.friendly]": FriendlyModel,
    "[payment.gateway]": GatewayModel,
    "[payment.gateway.sts]": StsModel,
}
"""What a model may say of payment."""

WRITTEN: Final[dict[str, tuple[str, str]]] = {
    "prepaid": ("`mode`", '"postpaid" or "prepaid": what the meter leaves the works with.'),
    "bits": ("`bits`", f"words of {', '.join(CREDIT_BITS)}."),
    "collect": (
        "`collect`",
        f"words of {', '.join(COLLECTION_BITS)}: when it is collected besides ordinary times; without, at all of them.",
    ),
    "days": ("`days`", "for each day profile the times of the day, each with `friendly` or `normal`, from 00:00 on."),
    "special_days": ("`special_days`", "day profiles by month and day, such as `01-26`."),
}
"""What is written otherwise in a file than it is kept."""

MODEL_EXAMPLE: Final = f"""base = "{MODEL}"
title = "D1, prepayment with a tariff of two zones and a small emergency credit"

[payment]
unit = "major"                      # the mirror counts rupees; the account goes on counting paise

[payment.account]
clearance_threshold = 5000          # 50 rupees before supply comes back

[payment.credits."0.0.19.10.1.255"]
preset = 2500

[payment.charges."0.0.19.20.0.255"]
rates = {{ 0 = 412, 2 = 552 }}        # paise for a kilowatt-hour; zone 2 has its own

[payment.charges."0.0.19.20.1.255"]
collect = ["disconnected"]          # not in friendly hours, and not while the load is limited

[payment.friendly]
days.1 = ["00:00 friendly", "10:00 normal", "17:00 friendly"]

[tariff]
days.1 = ["00:00 1", "18:00 2", "22:00 1"]
"""

BENCH_EXAMPLE: Final = """[[meter]]
id = "PP0001"
model = "mine.toml"
keys = { token = { file = "token.key" } }   # 16 octets of your own as 32 hexadecimal digits; 20 of them for STS
listen = ["dlms+tcp://127.0.0.1:0"]
"""

INTRODUCTION: Final = """# Payment

Two ways of keeping a consumer's money, and meters of both.

**The head-end keeps it** (every IS 15959 meter of today). The meter shows a *mirror*: seven objects that the utility
client writes and anybody who may read can read. They are kept through power failures and kills. They are separate
objects, so a payment is five SETs, and a head-end that is interrupted leaves some of them old: the meter shows just
that.

| object | what | type |
|---|---|---|
| 0.0.94.96.19.255 | metering mode: 0 forwarded only, 1 import and export; a change logs 213 or 214 | unsigned |
| 0.0.94.96.20.255 | payment mode: 0 postpaid, 1 prepaid; a change logs 211 or 212 | unsigned |
| 0.0.94.96.21.255 | last recharge, amount | double-long |
| 0.0.94.96.22.255 | last recharge, time | date-time |
| 0.0.94.96.23.255 | total amount at the last recharge | double-long |
| 0.0.94.96.24.255 | current balance, which may be negative | double-long |
| 0.0.94.96.25.255 | time of the balance | date-time |

Some head-ends number 21 to 25 as 0.0.94.**91**.21 to 25. The Indian models answer to both, as the same objects; a
model without that takes them out (`"1:0.0.94.91.24.255" = { absent = true }`). Money has no scaler; `[payment] unit =
"minor"` says that a model's meters count paise, `"major"` that they count rupees. On MQTT money is minor units always:
a gateway whose meter names its model multiplies and divides, and refuses an amount that the meter can't hold.

**The meter keeps it** (the models `is15959-d1-prepaid` and `is15959-d1-sts`, or any model with a
`[payment.account]`). Account, credits, charges and token gateway behave, the meter opens and closes its own switch
for money, and the mirror objects show the account: the balance is what is left when everything lent is paid back, in
paise, or in rupees rounded down.
"""

EXACT: Final = """
## Money is exact

Amounts are whole numbers of the currency's smallest unit. A charge for consumption counts **whole steps of the import
register** (0.1 Wh in the Indian models); a step costs a rational number of units (`charge_per_unit` x 10^(price_scale
- currency scale) for 10^commodity_scale Wh), kept exactly; whole units are collected and the rest is carried, also
over a change of price or tariff zone. Nothing runs: what is owed is a function of the register, so reading often or
never, jumping a year or walking it, gives the same balance. The instants at which something follows from it (a
warning, an offer, an exhausted credit, the cut) are found by searching the load forward, to the millisecond.

At every instant, to the unit:

    paid in by tokens + given by the utility's methods + lent now = collected by charges + left on credits

`tests/laws/test_payment_machine.py` holds a meter to this through tokens, cuts, outages, tariff and price changes,
clock sets, kills (`kill -9`, taken up again from the kept state) and everything else it can think of, beside a twin
that is never asked and never killed.
"""

CREDITS: Final = """
## Credits

Used in the order of their priority, each down to its limit; what no credit can bear goes below the limit of the first
one that the charge may use. A *token* credit is in use while there is something on it. An *emergency* credit is
**offered** (selectable) when what is available above it falls to its `credit_available_threshold`, confirmed by
`invoke_credit`, and then lends its `preset_credit_amount`; without the bit "confirmation" the meter invokes it by
itself. With the bit "paid_back" the next tokens pay back first what has been used of it; when that is done the loan
is cancelled and the credit is enabled again. Without that bit the preset amount is a gift, once.
"""

CHARGES: Final = """
## Charges

*Consumption* as above; prices by tariff zone through the index of the charge table (one octet, the zone's number;
empty for all others). *Time*: `charge_per_unit` each `period`, first at the next local midnight. It falls due by
elapsed time, so that setting the clock neither gives nor takes; what falls due without supply is collected all the
same. *Payment event*: a `proportion` (hundredths of a percent) of each token, or `charge_per_unit`, up to
`max_provision` in each `max_provision_period`. A charge without the bit "continuous" ends when nothing remains to be
paid.

The collection configuration (attribute 11 of the account) says for each credit and charge whether it is collected
while the supply is disconnected, while the limiter's emergency threshold is in force, and in friendly hours. A charge
that is not collected then is not owed later.
"""

SUPPLY: Final = """
## Supply

`emulator/payment` opens the switch by local disconnection (letter g) with the cause `credit`, and closes it by local
reconnection (letter h), so the [switch's own rules](relay.md) count: in a mode that has no letter h, and without
`auto_reconnect`, the button has to be pressed. While supply is withheld neither the button nor a planned retry closes
the switch; a remote reconnect does, and the meter opens it at once. **What was cut remotely is never reconnected for
money.** In control mode 0 nothing can be cut.

Friendly hours (`[payment.friendly]`, a calendar by the meter's clock) keep a supply that is there: the balance runs
below zero. They do not bring back one that was withheld. An account that is not active, or whose payment mode is
postpaid, withholds nothing.
"""

TOKENS: Final = """
## Tokens

`enter` of the token gateway takes a token through four checks: its form, whether it is for this meter, whether it
counts (not used, not older than all that the meter remembers), whether it can be carried out. A token that fails
changes no money; attribute 6 tells at which check, and a bit of its second element why. An amount that a credit
cannot hold is refused, and the token may come again.

`meter-emulator token BENCH METER AMOUNT` prints a token. It is read with the key `token` of the meter (a bench file's
`keys.token`; 40 hexadecimal digits are 20 octets), which is a public one until a bench names another.

**The bench's format** is ours: 20 digits of a number of 66 bits, or 16 octets.

| form | fields |
|---|---|
| 20 digits | identifier (24 bits), amount (20), signature (22) |
| 16 octets | `4D 54 01`, identifier (3 octets), amount (4), signature (6) |

The signature is the front of HMAC-SHA-256 under the key over `meterbench token`, the serial number, `d` or `o`,
identifier (3 octets) and amount (4 octets).

**STS** (IEC 62055-41, `protocols/sts/`). What is *proven*, by 70 tokens of the STS Association's compliance tests for
128-bit keys as public test suites give them (`tests/vectors/sts_tokens.txt`), sealed to the digit and opened to the
bit:

- decoder keys by algorithm 04 (HMAC-SHA-256) for key type 2, encryption algorithm 11 (MISTY1; also by RFC 2994's
  vectors);
- the 66-bit token of class 0 (electricity, water, gas) and of class 2 (power limit, clear credit, clear tamper, phase
  unbalance): its fields, CRC, the place of the class bits, 20 digits;
- key changes: four tokens of class 2 with the quarters of a new 128-bit key, its supply group, tariff, revision, type,
  expiry and roll-over, and credit under the new key (seven changes, `tests/vectors/sts_key_changes.txt`);
- amounts (mantissa and power of ten, rounded up), identifiers in minutes from 1993, 2014 and 2035, and the minute
  that is kept for special tokens.

What is *not* there: encryption algorithm 07 (STA) and decoder keys by algorithm 02, because the tables of STA are
given by the STS Association under its own terms, and the public implementations that we found (AGPL-3.0, or without a
licence) name no source that we could cite; currency tokens and class 1 (display) tokens. No claim of compliance is
made: that is a certificate of the STS Association. The identifier space that counts from 1993 ended on 24 November
2024; our model counts from 2014.

A meter's primary account number is the model's issuer and the digits of its serial number, with a check digit. An
electricity credit token carries tenths of a kilowatt-hour, so the account of `is15959-d1-sts` counts watt-hours. Of
the class 2 tokens the meter carries out clear credit (register 0 or FFFF) and key changes; others fail at the third
check.

`meter-emulator key-change BENCH METER --tariff 02` (or `--supply-group`, `--key-revision`, `--base-date`) prints the
four tokens of a key change from the key of the meter's model. They count in any order; with the fourth the meter
takes tokens under the new key alone, its IEC 62055-41 attributes (class 116) show what that belongs to, and with
another base date identifiers begin anew. `meter-emulator token` with the same options prints tokens for it. A key
takes no identifier whose high 8 bits are above its expiry. Sections of two changes that are mixed can't be told
apart, as each says nothing of the others.
"""

SIMPLIFIED: Final = """
## What is simplified

- Credit types 3 (over time) and 4 (by consumption) are not played; `period` of a credit is not specified.
- `current_credit_in_use` counts credits from 1; 0 is none.
- `amount_to_clear` is what has been used of a loan, and what is missing on the tokens' credits to zero, or to the
  clearance threshold while supply is not given.
- The bits "visual" and "resettable" of a credit are written down and do nothing.
- The configuration of a charge (attribute 9) is the model's; slab tariffs, duties and rebates are a head-end's
  matter.
- During the boot after an outage, and for the operating time of the contact, current may flow that nobody has paid
  for; it is charged.
- Amounts outside a double-long stop at its limit on the wire, not inside.

## Sources

Names, enumerations and bits of classes 111 to 113 and 115: the Indian object catalogue of Gurux.DLMS.Net (facts
only). Mirror objects: real exports of 2025 and notes on what a head-end parses (GitHub nyctophile-1/Meter-Simulator).
Rates and hours of `is15959-d1-prepaid`: reported for Bihar, low trust. MISTY1: RFC 2994. STS vectors: GitHub
NectarAPI/tokens-service and its port KellyKinyama/nectar_sts_dart (the values alone). Logical names of the payment
objects: general knowledge. How credits follow each other, what a charge is collected from, and all event codes are
decisions of this project.
"""


def payment_page() -> str:
    """What a meter does with money."""
    return "\n".join(_payment())


def _payment() -> Iterator[str]:
    yield INTRODUCTION
    yield "What the utility may write and do on the objects of the prepayment model:\n"
    yield "| object | attributes | methods |"
    yield "|---|---|---|"
    for each in load(MODEL).objects.values():
        if each.class_id in {111, 112, 113, 115}:
            yield f"| {each.class_id} {each.logical_name}, {each.title} | {_written(each)} | {_methods(each)} |"
    yield EXACT
    yield CREDITS
    yield f"Bits of a credit's configuration, bit 0 first: {', '.join(CREDIT_BITS)}.\n"
    yield from _diagram(CREDIT_STATES, CreditStatus.ENABLED)
    yield CHARGES
    yield f"Bits of a collection configuration, bit 0 first: {', '.join(COLLECTION_BITS)}.\n"
    yield "\n## Account\n"
    yield from _diagram(ACCOUNT_STATES, AccountStatus.ACTIVE)
    yield "\nCharges are collected and tokens taken while the account is active. A new account has empty credits."
    yield SUPPLY
    yield from _diagram(SUPPLY_STATES, Supply.GIVEN)
    yield "\nA clearance threshold has to be reached by what is available before supply comes back."
    yield TOKENS
    yield from _diagram(
        {(source, "passed" if passed else "failed"): target for (source, passed), target in TOKEN_STATES.items()},
        TokenStatus.RECEIVED,
    )
    yield "\n| bit | why |"
    yield "|---|---|"
    for reason in Reason:
        yield f"| {int(reason)} | {reason.name.lower().replace('_', ' ')} |"
    yield "\n## Events\n"
    yield (
        "In the log of other events, and to whoever listens to the meter (`payment`, with the amount). The mode events "
        "211 to 214 are IS 15959's; these are ours, among the codes from 889 on that makers use.\n"
    )
    yield "| code | what |"
    yield "|---|---|"
    for name, code in CODES.items():
        yield f"| {code} | {name.replace('_', ' ')} |"
    yield from _options()
    yield SIMPLIFIED


def _options() -> Iterator[str]:
    yield "\n## A model and a bench of your own\n"
    yield (
        f'A model file that begins with `base = "{MODEL}"` and says what differs; a bench names it, and the key of '
        "its tokens. `meter-emulator token bench.toml PP0001 500` prints a token for 500 of the smallest unit.\n"
    )
    yield "```toml mine.toml\n" + MODEL_EXAMPLE + "```\n"
    yield "```toml bench.toml\n" + BENCH_EXAMPLE + "```\n"
    for section, part in SECTIONS.items():
        yield f"\n| `{section}` | |"
        yield "|---|---|"
        for names, text in described(part):
            shown, told = WRITTEN.get(names[0], (", ".join(f"`{name}`" for name in names), text))
            yield f"| {shown} | {told} |"


def described(part: type[Any]) -> Iterator[tuple[list[str], str]]:
    """The attributes of a section, as its docstring tells of them."""
    told = cleandoc(str(part.__doc__)).partition("Attributes:\n")[2]
    for entry in re.split(r"\n(?=    \S)", told):
        names, _, text = " ".join(entry.split()).partition(": ")
        yield names.split(", "), text


def _written(each: CosemObject) -> str:
    interface = find(each.class_id)
    attributes = () if interface is None else interface.attributes
    return ", ".join(
        f"{attribute.number} {attribute.name}" for attribute in attributes if attribute.number in each.settable
    )


def _methods(each: CosemObject) -> str:
    interface = find(each.class_id)
    methods = () if interface is None else interface.methods
    return ", ".join(f"{method.number} {method.name}" for method in methods if method.number in each.executable)


def _diagram(table: Mapping[tuple[Any, Any], Enum], start: Enum) -> Iterator[str]:
    states = list(dict.fromkeys(each for (source, _), target in table.items() for each in (source, target)))
    yield "```mermaid"
    yield "stateDiagram-v2"
    for state in states:
        label = state.name.lower().replace("_", " ")
        number = f"{int(state)} " if isinstance(state, IntEnum) else ""
        yield f'    state "{number}{label}" as {state.name.lower()}'
    yield f"    [*] --> {start.name.lower()}"
    for (source, event), target in table.items():
        word = event.value if isinstance(event, Enum) else event
        yield f"    {source.name.lower()} --> {target.name.lower()} : {word}"
    yield "```"


PAGES: Final[dict[str, Callable[[], str]]] = {"payment.md": payment_page}
"""The page of this module, by path."""
