"""The account by itself: its tables walked over, and money that is never lost, whatever is asked of it."""

from hypothesis import given
from hypothesis import strategies as st

from emulator.payment.account import Account, Moment
from emulator.payment.charge import DIVISIONS, UnitCharge
from emulator.payment.credit import Credit
from emulator.payment.follow import follow
from emulator.payment.state import (
    ACCOUNT_STATES,
    CREDIT_STATES,
    SUPPLY_STATES,
    AccountEvent,
    AccountStatus,
    CreditEvent,
    CreditStatus,
    Supply,
    SupplyEvent,
    moved,
)
from protocols.cosem.obis import LogicalName
from protocols.model.payment import Payment
from tests.emulator.payment.accounts import EMERGENCY, ENERGY, TOKENS, table


def account() -> Account:
    model = Payment.from_table(table()).account
    assert model is not None
    return Account(model)


def test_a_credit_moves_by_its_table_and_by_nothing_else() -> None:
    model = account().credits[0].model
    for status in CreditStatus:
        for event in CreditEvent:
            credit = Credit(model)
            credit.status = status
            assert credit.move(event) is ((status, event) in CREDIT_STATES)
            assert credit.status is CREDIT_STATES.get((status, event), status)


def test_an_account_moves_by_its_table_and_by_nothing_else() -> None:
    for status in AccountStatus:
        for event in AccountEvent:
            each = account()
            each.status = status
            assert each.move(event, 5) is ((status, event) in ACCOUNT_STATES)
            assert each.status is ACCOUNT_STATES.get((status, event), status)


def test_supply_is_withheld_only_through_the_table() -> None:
    for supply in Supply:
        for event in SupplyEvent:
            assert moved(SUPPLY_STATES, supply, event) is SUPPLY_STATES.get((supply, event), supply)
    assert (Supply.WITHHELD, SupplyEvent.SPENT_IN_FRIENDLY_HOURS) not in SUPPLY_STATES


STEPS = st.one_of(
    st.tuples(st.just("pay"), st.integers(0, 20_000)),
    st.tuples(st.just("collect"), st.integers(0, 20_000)),
    st.tuples(st.just("adjust"), st.integers(-30_000, 30_000)),
    st.tuples(st.just("invoke"), st.just(0)),
    st.tuples(st.just("empty"), st.just(0)),
)


@given(steps=st.lists(STEPS, max_size=40), paid_back=st.booleans(), confirmed=st.booleans())
def test_no_unit_is_lost_and_following_twice_finds_nothing_more(
    steps: list[tuple[str, int]], *, paid_back: bool, confirmed: bool
) -> None:
    content = table()
    words = [word for word, wanted in (("confirmation", confirmed), ("paid_back", paid_back)) if wanted]
    content["credits"][EMERGENCY]["bits"] = words
    model = Payment.from_table(content).account
    assert model is not None
    each = Account(model)
    energy = each.charge(LogicalName.parse(ENERGY))
    for step, amount in steps:
        match step:
            case "pay":
                assert each.pay(amount, 0, 1)
            case "collect":
                energy.owed += amount * DIVISIONS
                each.collect(energy, amount, Moment())
            case "adjust":
                each.adjust(each.credit(LogicalName.parse(TOKENS)), amount)
            case "invoke":
                each.invoke(each.credit(LogicalName.parse(EMERGENCY)))
            case _:
                each.empty()
        follow(each, friendly=False, prepaid=True)
        assert each.unaccounted == 0
        assert follow(each, friendly=False, prepaid=True) == []
        assert (each.in_use is None) is (each.supply is Supply.WITHHELD)


def test_a_price_is_exact_or_refused() -> None:
    register = (3, bytes((1, 0, 1, 8, 0, 255)), 2)
    assert UnitCharge(3, -2, register, ((b"", 412),)).exact(-2)
    assert not UnitCharge(40, -2, register, ((b"", 412),)).exact(-2)
    assert not UnitCharge(3, 60, register, ((b"", 412),)).exact(-2)
