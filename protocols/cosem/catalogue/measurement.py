"""Interface classes for parameters and measurement data: 1, 3 to 7, 26, 61 to 63."""

from typing import Final

from protocols.cosem.interface_class import InterfaceClass, interface_class

SCALER_UNIT: Final = "structure<scaler: integer, unit: enum>"
CAPTURE_OBJECT: Final = (
    "structure<class_id: long-unsigned, logical_name: logical-name, attribute_index: integer, "
    "data_index: long-unsigned>"
)
_COMPACT_CAPTURE_OBJECT: Final = (
    "structure<class_id: long-unsigned, logical_name: logical-name, attribute_index: integer, "
    "data_index: long-unsigned, restriction: structure<restriction_type: enum, restriction_value: any>>"
)
_OBJECT_DEFINITION: Final = "structure<class_id: long-unsigned, logical_name: logical-name>"

CLASSES: Final[tuple[InterfaceClass, ...]] = (
    interface_class(1, 0, "Data", ["value: any"], behaves=True),
    interface_class(3, 0, "Register", ["value: any", f"scaler_unit: {SCALER_UNIT}"], ["reset"], behaves=True),
    interface_class(
        4,
        0,
        "Extended register",
        ["value: any", f"scaler_unit: {SCALER_UNIT}", "status: any", "capture_time: octet-date-time"],
        ["reset"],
        behaves=True,
    ),
    interface_class(
        5,
        0,
        "Demand register",
        [
            "current_average_value: any",
            "last_average_value: any",
            f"scaler_unit: {SCALER_UNIT}",
            "status: any",
            "capture_time: octet-date-time",
            "start_time_current: octet-date-time",
            "period: double-long-unsigned",
            "number_of_periods: long-unsigned",
        ],
        ["reset", "next_period"],
        behaves=True,
    ),
    interface_class(
        6,
        0,
        "Register activation",
        [
            f"register_assignment: array<{_OBJECT_DEFINITION}>",
            "mask_list: array<structure<mask_name: octet-string, index_list: array<unsigned>>>",
            "active_mask: octet-string",
        ],
        [
            f"add_register: {_OBJECT_DEFINITION}",
            "add_mask: structure<mask_name: octet-string, index_list: array<unsigned>>",
            "delete_mask: octet-string",
        ],
        behaves=True,
    ),
    interface_class(
        7,
        1,
        "Profile generic",
        [
            "buffer: array<any> | compact-array [1, 2]",
            f"capture_objects: array<{CAPTURE_OBJECT}>",
            "capture_period: double-long-unsigned",
            "sort_method: enum",
            f"sort_object: {CAPTURE_OBJECT}",
            "entries_in_use: double-long-unsigned",
            "profile_entries: double-long-unsigned",
        ],
        ["reset", "capture"],
        behaves=True,
    ),
    interface_class(
        26,
        0,
        "Utility tables",
        ["table_ID: long-unsigned", "length: double-long-unsigned", "buffer: octet-string [1, 2]"],
    ),
    interface_class(
        61,
        0,
        "Register table",
        [
            "table_cell_values: array<any> | compact-array",
            (
                "table_cell_definition: structure<class_id: long-unsigned, logical_name: logical-name, "
                "group_E_values: array<unsigned>, attribute_index: integer>"
            ),
            f"scaler_unit: {SCALER_UNIT}",
        ],
        ["reset", "capture"],
    ),
    interface_class(
        62,
        0,
        "Compact data",
        [
            "compact_buffer: octet-string",
            f"capture_objects: array<{CAPTURE_OBJECT}>",
            "template_id: unsigned",
            "template_description: octet-string",
            "capture_method: enum",
        ],
        ["reset", "capture"],
    ),
    interface_class(
        62,
        1,
        "Compact data",
        [
            "compact_buffer: octet-string",
            f"capture_objects: array<{_COMPACT_CAPTURE_OBJECT}>",
            "template_id: unsigned",
            "template_description: octet-string",
            "capture_method: enum",
        ],
        ["reset", "capture"],
        behaves=True,
    ),
    interface_class(
        63,
        0,
        "Status mapping",
        [
            (
                "status_word: bit-string | double-long-unsigned | octet-string | visible-string | utf8-string | "
                "unsigned | long-unsigned | long64-unsigned"
            ),
            "mapping_table: structure<ref_table_id: unsigned, ref_table_mapping: long-unsigned | array<long-unsigned>>",
        ],
        behaves=True,
    ),
)
