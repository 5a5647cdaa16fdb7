"""Everything about the COSEM face that is alike in all meters of a model, made once: who may read what, and how.

For each client there is a view: a table from (class id, logical name, attribute) to a function or to octets, so that a
GET is one look-up and one call. Ten thousand meters share one plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.face.cosem.access import Access, attribute_access, method_access
from emulator.face.cosem.association import CURRENT, association_ln
from emulator.face.cosem.behaviour import INSIDE, Behaviour, Executor, Source, Writer
from emulator.face.cosem.calendar import activity_calendar, special_days
from emulator.face.cosem.cellular import gsm_diagnostic
from emulator.face.cosem.clock import clock
from emulator.face.cosem.compact import compact_data
from emulator.face.cosem.demand_register import demand_register
from emulator.face.cosem.image_transfer import image_transfer
from emulator.face.cosem.ip_setup import ipv4_setup, ipv6_setup
from emulator.face.cosem.limit import limiter
from emulator.face.cosem.link_setup import CLASSES as LINK_SETUPS
from emulator.face.cosem.link_setup import link_setup
from emulator.face.cosem.payment.account import account
from emulator.face.cosem.payment.charge import charge
from emulator.face.cosem.payment.credit import credit
from emulator.face.cosem.payment.sts_attributes import sts_attributes
from emulator.face.cosem.payment.token_gateway import token_gateway
from emulator.face.cosem.profile import profile_generic
from emulator.face.cosem.push_setup import push_setup
from emulator.face.cosem.register_activation import register_activation
from emulator.face.cosem.schedule import TIMES, makes_appointments, schedule, single_action_schedule
from emulator.face.cosem.script import script_table
from emulator.face.cosem.security_setup import security_setup
from emulator.face.cosem.short_names import ASSOCIATION_SN, association_sn, base_names, short_names
from emulator.face.cosem.source import reader_of, writer_of
from emulator.face.cosem.stamp import Stamp
from emulator.face.cosem.status_mapping import status_mapping
from emulator.face.cosem.switch import disconnect_control
from protocols.cosem.catalogue import find
from protocols.cosem.data_type import DataType, Kind
from protocols.dlms.application import AssociationProfile, ShortName
from protocols.dlms.value import octet_string
from protocols.model.association import ModelAssociation, secrets_default
from protocols.model.cosem_object import Capture, CosemObject, Fixed
from protocols.model.push import setups
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from protocols.cosem.obis import LogicalName
    from protocols.dlms.application import Association
    from protocols.model.meter_model import MeterModel
    from protocols.secret import Secret

ASSOCIATION_LN: Final = 15

_ASSOCIATIONS: Final = {ASSOCIATION_LN: association_ln, ASSOCIATION_SN: association_sn}

Key = tuple[int, bytes, int]
"""Class id, logical name, number of an attribute or a method."""

Builder = Callable[[CosemObject, "Maker"], Behaviour]

BEHAVIOURS: Final[dict[int, Builder]] = {
    5: demand_register,
    6: register_activation,
    7: profile_generic,
    8: clock,
    9: script_table,
    10: schedule,
    11: special_days,
    18: image_transfer,
    19: link_setup,
    20: activity_calendar,
    22: single_action_schedule,
    23: link_setup,
    40: push_setup,
    41: link_setup,
    42: ipv4_setup,
    47: gsm_diagnostic,
    48: ipv6_setup,
    62: compact_data,
    63: status_mapping,
    64: security_setup,
    70: disconnect_control,
    71: limiter,
    111: account,
    112: credit,
    113: charge,
    115: token_gateway,
    116: sts_attributes,
}
"""What objects of a class do by themselves; what a model writes down for an attribute counts before it."""


class View:
    """What one client may do.

    Attributes:
        readers, writers, methods: by key; writers and methods with the type that is taken, None for any.
        selective: keys of attributes that a part of can be asked for.
        objects: class ids by logical name, to say why something is not there.
        attributes: numbers of all attributes, by class id and logical name.
    """

    __slots__ = ("attributes", "methods", "objects", "readers", "selective", "writers")

    def __init__(self) -> None:
        self.readers: dict[Key, Source] = {}
        self.writers: dict[Key, tuple[DataType | None, Writer]] = {}
        self.methods: dict[Key, tuple[DataType | None, Executor]] = {}
        self.selective: set[Key] = set()
        self.objects: dict[bytes, set[int]] = {}
        self.attributes: dict[tuple[int, bytes], tuple[int, ...]] = {}


class Maker:
    """The workshop in which a plan is made; behaviours ask it for what is around their object."""

    def __init__(self, model: MeterModel) -> None:
        self.stamp = Stamp(model.physics.clock)
        self.identity = model.identity
        self.payment = model.physics.payment
        self.demand_periods = model.physics.metering.demand_periods
        self.objects: Mapping[tuple[int, LogicalName], CosemObject] = model.objects
        self.associations: Mapping[int, ModelAssociation] = model.associations
        self._behaviours: dict[tuple[int, LogicalName], Behaviour] = {}

    def association_of(self, cosem_object: CosemObject) -> ModelAssociation | None:
        """The association that an association object is of."""
        named = (each for each in self.associations.values() if each.logical_name == cosem_object.logical_name)
        return next(named, None)

    def seen_by(self, client: int) -> list[CosemObject]:
        """The object list of a client."""
        return [each for each in self.reachable_by(client) if each.listed]

    def reachable_by(self, client: int) -> list[CosemObject]:
        """Objects that answer a client; one that is not in the list may."""
        association = self.associations[client]
        others = ASSOCIATION_LN if association.short_names else ASSOCIATION_SN
        sees = association.sees
        return [
            _in_version(each, association)
            for each in self.objects.values()
            if each.class_id != others and (sees is None or each.key in sees)
        ]

    def source(self, capture: Capture) -> Source:
        """How a captured attribute is read."""
        cosem_object = self.objects[capture.class_id, capture.logical_name]
        source = self.behaviour(cosem_object).readers.get(capture.attribute)
        if source is None:
            raise ModelError(f"{cosem_object.key}: attribute {capture.attribute} is captured but has no value")
        return source

    def behaviour(self, cosem_object: CosemObject, client: int | None = None) -> Behaviour:
        """What an object does; association objects do something else for each client."""
        if cosem_object.class_id in _ASSOCIATIONS:
            if client is None:
                return Behaviour()
            return _whole(cosem_object, _ASSOCIATIONS[cosem_object.class_id](cosem_object, self, client), self)
        key = (cosem_object.class_id, cosem_object.logical_name)
        if cosem_object.same_as is not None:
            other = self.behaviour(self.objects[cosem_object.class_id, cosem_object.same_as])
            own_name = {1: octet_string(cosem_object.logical_name.octets)}
            return replace(other, readers={**other.readers, **own_name})
        if key not in self._behaviours:
            builder = BEHAVIOURS.get(cosem_object.class_id)
            own = builder(cosem_object, self) if builder else Behaviour()
            self._behaviours[key] = _whole(cosem_object, own, self)
        return self._behaviours[key]


def _in_version(cosem_object: CosemObject, association: ModelAssociation) -> CosemObject:
    """An object as a client knows it: the association that asks is of its own association's version."""
    if cosem_object.class_id != ASSOCIATION_LN:
        return cosem_object
    version = association.version
    if cosem_object.logical_name.octets == CURRENT:
        return replace(cosem_object, version=version, interface=find(ASSOCIATION_LN, version))
    if cosem_object.logical_name == association.logical_name and cosem_object.version != version:
        raise ModelError(f"{cosem_object.key}: version {cosem_object.version}, but its association has {version}")
    return cosem_object


def _whole(cosem_object: CosemObject, behaviour: Behaviour, maker: Maker) -> Behaviour:
    """Lay what the model writes down over what the class does by itself."""
    behaviour.readers[1] = octet_string(cosem_object.logical_name.octets)
    for number, source in cosem_object.attributes.items():
        behaviour.readers[number] = reader_of(source, cosem_object, number, maker.stamp, maker.identity)
        writer = writer_of(source, cosem_object, number)
        if writer is not None and number not in behaviour.writers:
            behaviour.writers[number] = writer
    return behaviour


class Plan:
    """The plan of one model.

    Attributes:
        views: by client SAP.
        inside: everything, for what the meter does to itself.
        required: bits of the security control byte that an activated policy asks for, by client SAP; from the works
            none, since what an association asks for is seen to before a request comes here.
        short_names: what each short name stands for, by client SAP, for clients that use them.
        stamp: how instants are written.
        model: what it is the plan of.
        link_setups: the first object of each class that says something of the meter's links.
        pushes: push setups, by the octets of their logical name.
        causes: push setups by what makes them push.
        schedules: objects that put appointments into a meter's diary.
        schedule_keys: their attributes that say when.
        scheduled: whether there are any from the works.
    """

    __slots__ = (
        "_profiles",
        "causes",
        "inside",
        "link_setups",
        "model",
        "pushes",
        "required",
        "schedule_keys",
        "scheduled",
        "schedules",
        "short_names",
        "stamp",
        "views",
    )

    def __init__(self, model: MeterModel) -> None:
        maker = Maker(model)
        self.model = model
        self.stamp = maker.stamp
        self.views: dict[int, View] = {client: _view(client, maker) for client in model.associations}
        self.inside = _inside(maker)
        self.required = dict.fromkeys(model.associations, 0)
        self.short_names: dict[int, dict[int, ShortName]] = {
            client: short_names(base_names(maker.seen_by(client), model.id))
            for client, association in model.associations.items()
            if association.short_names
        }
        self.link_setups = {
            each.class_id: each for each in reversed([*model.objects.values()]) if each.class_id in LINK_SETUPS
        }
        self.pushes = setups(model)
        self.causes: dict[str, list[CosemObject]] = {}
        for each in self.pushes.values():
            if each.push is not None:
                self.causes.setdefault(each.push.on, []).append(each)
        self.schedules = tuple(each for each in model.objects.values() if makes_appointments(each))
        self.schedule_keys = tuple(
            (each.class_id, each.logical_name.octets, TIMES[each.class_id]) for each in self.schedules
        )
        self.scheduled = any(
            isinstance(source := each.attributes.get(TIMES[each.class_id]), Fixed) and source.value[1]
            for each in self.schedules
        )
        self._profiles: dict[frozenset[tuple[str, Secret]], Mapping[int, AssociationProfile]] = {}

    def view_of(self, association: Association) -> View:
        """What somebody may do; the meter itself may do everything."""
        return self.inside if association is INSIDE else self.views[association.client]

    def profiles(self, secrets: Mapping[str, Secret]) -> Mapping[int, AssociationProfile]:
        """The associations that a DLMS server offers with these keys; the bench's public ones count for the rest.

        Meters with the same keys share them.
        """
        key = frozenset(secrets.items())
        if key not in self._profiles:
            self._profiles[key] = {
                each.client: association_profile(
                    each, {**secrets_default(self.model.security_suite(each.client)), **secrets}
                )
                for each in self.model.associations.values()
            }
        return self._profiles[key]


def association_profile(association: ModelAssociation, secrets: Mapping[str, Secret]) -> AssociationProfile:
    """What the DLMS server is told of an association."""
    return AssociationProfile(
        client=association.client,
        logical_name=association.logical_name.octets,
        mechanism=association.mechanism,
        context=association.context,
        secrets=secrets,
        conformance=int(association.conformance),
        max_pdu=association.max_pdu,
        view=association.name,
        pre_established=association.pre_established,
        wrong_passwords_max=association.wrong_passwords_max,
        slow_down_us=association.slow_down_s * 1_000_000,
        protected_release=association.protected_release,
    )


def _view(client: int, maker: Maker) -> View:
    association = maker.associations[client]
    view = View()
    for cosem_object in maker.reachable_by(client):
        behaviour = maker.behaviour(cosem_object, client)
        octets = cosem_object.logical_name.octets
        view.objects.setdefault(octets, set()).add(cosem_object.class_id)
        view.attributes[cosem_object.class_id, octets] = cosem_object.attribute_numbers
        _add_attributes(view, cosem_object, behaviour, association)
        _add_methods(view, cosem_object, behaviour, association)
        view.selective.update((cosem_object.class_id, octets, number) for number in behaviour.selective)
    return view


def _inside(maker: Maker) -> View:
    """All that can be read, written and invoked, whoever may: scripts and pushes have the meter's own rights."""
    view = View()
    for cosem_object in maker.objects.values():
        behaviour = maker.behaviour(cosem_object)
        for number, source in behaviour.readers.items():
            view.readers[cosem_object.class_id, cosem_object.logical_name.octets, number] = source
        for number in behaviour.writers:
            _add_writer(view, cosem_object, behaviour, number)
        for number in behaviour.methods:
            _add_method(view, cosem_object, behaviour, number)
    return view


def _add_attributes(view: View, cosem_object: CosemObject, behaviour: Behaviour, association: ModelAssociation) -> None:
    for number in cosem_object.attribute_numbers:
        access = attribute_access(cosem_object, number, association)
        if access & Access.READ and number in behaviour.readers:
            key = (cosem_object.class_id, cosem_object.logical_name.octets, number)
            view.readers[key] = behaviour.readers[number]
        if access & Access.WRITE and number in behaviour.writers:
            _add_writer(view, cosem_object, behaviour, number)


def _add_methods(view: View, cosem_object: CosemObject, behaviour: Behaviour, association: ModelAssociation) -> None:
    for number in behaviour.methods:
        if method_access(cosem_object, number, association):
            _add_method(view, cosem_object, behaviour, number)


def _add_writer(view: View, cosem_object: CosemObject, behaviour: Behaviour, number: int) -> None:
    attribute = cosem_object.interface.attribute(number) if cosem_object.interface else None
    kind = _checked(attribute.type if attribute else None)
    view.writers[cosem_object.class_id, cosem_object.logical_name.octets, number] = (kind, behaviour.writers[number])


def _add_method(view: View, cosem_object: CosemObject, behaviour: Behaviour, number: int) -> None:
    method = cosem_object.interface.method(number) if cosem_object.interface else None
    kind = method.parameter if method else None
    view.methods[cosem_object.class_id, cosem_object.logical_name.octets, number] = (kind, behaviour.methods[number])


def _checked(kind: DataType | None) -> DataType | None:
    return None if kind is None or kind.kind is Kind.ANY else kind


_PLANS: dict[MeterModel, Plan] = {}


def plan_of(model: MeterModel) -> Plan:
    """The plan of a model; made when it is first asked for."""
    plan = _PLANS.get(model)
    if plan is None:
        plan = _PLANS[model] = Plan(model)
    return plan
