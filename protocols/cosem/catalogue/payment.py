"""Interface classes for payment metering: 111 to 113, 115, 116."""

from typing import Final

from protocols.cosem.interface_class import InterfaceClass, interface_class

_UNIT_CHARGE: Final = (
    "structure<charge_per_unit_scaling: structure<commodity_scale: integer, price_scale: integer>, "
    "commodity_reference: structure<class_id: long-unsigned, logical_name: logical-name, attribute_index: integer>, "
    "charge_table: array<structure<index: octet-string, charge_per_unit: long>>>"
)

CLASSES: Final[tuple[InterfaceClass, ...]] = (
    interface_class(
        111,
        0,
        "Account",
        [
            "account_mode_and_status: structure<account_mode: enum, account_status: enum>",
            "current_credit_in_use: unsigned",
            "current_credit_status: bit-string",
            "available_credit: double-long",
            "amount_to_clear: double-long",
            "clearance_threshold: double-long",
            "aggregated_debt: double-long",
            "credit_reference_list: array<logical-name>",
            "charge_reference_list: array<logical-name>",
            (
                "credit_charge_configuration: array<structure<credit_reference: logical-name, "
                "charge_reference: logical-name, collection_configuration: bit-string>>"
            ),
            "token_gateway_configuration: array<structure<credit_reference: logical-name, token_proportion: unsigned>>",
            "account_activation_time: octet-date-time",
            "account_closure_time: octet-date-time",
            "currency: structure<currency_name: utf8-string, currency_scale: integer, currency_unit: enum>",
            "low_credit_threshold: double-long",
            "next_credit_available_threshold: double-long",
            "max_provision: long-unsigned",
            "max_provision_period: double-long",
        ],
        ["activate_account", "close_account", "reset_account"],
        behaves=True,
    ),
    interface_class(
        112,
        0,
        "Credit",
        [
            "current_credit_amount: double-long",
            "credit_type: enum",
            "priority: unsigned",
            "warning_threshold: double-long",
            "limit: double-long",
            "credit_configuration: bit-string",
            "credit_status: enum",
            "preset_credit_amount: double-long",
            "credit_available_threshold: double-long",
            "period: octet-date-time",
        ],
        ["update_amount: double-long", "set_amount_to_value: double-long", "invoke_credit"],
        behaves=True,
    ),
    interface_class(
        113,
        0,
        "Charge",
        [
            "total_amount_paid: double-long",
            "charge_type: enum",
            "priority: unsigned",
            f"unit_charge_active: {_UNIT_CHARGE}",
            f"unit_charge_passive: {_UNIT_CHARGE}",
            "unit_charge_activation_time: octet-date-time",
            "period: double-long-unsigned",
            "charge_configuration: bit-string",
            "last_collection_time: date-time",
            "last_collection_amount: double-long",
            "total_amount_remaining: double-long",
            "proportion: long-unsigned",
        ],
        [
            "update_unit_charge: array<structure<index: octet-string, charge_per_unit: long>>",
            "activate_passive_unit_charge",
            "collect",
            "update_total_amount_remaining: double-long",
            "set_total_amount_remaining: double-long",
        ],
        behaves=True,
    ),
    interface_class(
        115,
        0,
        "Token gateway",
        [
            "token: octet-string",
            "token_time: octet-date-time",
            "token_description: array<octet-string>",
            "token_delivery_method: enum",
            "token_status: structure<status_code: enum, data_value: bit-string>",
        ],
        ["enter: octet-string"],
        behaves=True,
    ),
    interface_class(
        116,
        0,
        "IEC 62055-41 attributes",
        [
            (
                "meter_pan: structure<issuer_identification_number: double-long-unsigned, "
                "decoder_reference_number: long64-unsigned, pan_check_digit: unsigned>"
            ),
            "commodity: visible-string",
            "token_carrier_types: array<unsigned>",
            "encryption_algorithm: unsigned",
            "supply_group_code: double-long-unsigned",
            "tariff_index: unsigned",
            "key_revision_number: unsigned",
            "key_type: unsigned",
            "key_expiry_number: unsigned",
            "no_of_kct_supported: unsigned",
            "sts_certificate_no: visible-string",
        ],
        behaves=True,
    ),
)
