"""What an account has to say: names, and the codes that the event log keeps of them.

No standard that we have seen gives codes for it; these stand among those from 889 on, which makers use as they like.
"""

from typing import Final, NamedTuple

CODES: Final = {
    "low_credit": 901,
    "credit_warning": 902,
    "credit_exhausted": 903,
    "emergency_credit_selectable": 904,
    "emergency_credit_invoked": 905,
    "out_of_credit": 906,
    "out_of_credit_in_friendly_hours": 907,
    "supply_given": 908,
    "token_accepted": 909,
    "token_refused": 910,
    "amount_refused": 911,
    "unit_charge_activated": 912,
    "account_activated": 913,
    "account_closed": 914,
    "account_reset": 915,
}


class Notice(NamedTuple):
    """Something that the consumer or the utility is to know, with the amount that goes with it."""

    name: str
    amount: int
