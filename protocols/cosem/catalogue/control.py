"""Interface classes for time and event bound control: 8 to 11, 20 to 22, 65 to 68, 70, 71, 122."""

from typing import Final

from protocols.cosem.interface_class import InterfaceClass, interface_class

ACTION: Final = "structure<script_logical_name: logical-name, script_selector: long-unsigned>"
ACTION_SET: Final = f"structure<action_up: {ACTION}, action_down: {ACTION}>"
VALUE_DEFINITION: Final = "structure<class_id: long-unsigned, logical_name: logical-name, attribute_index: integer>"
_SCRIPT_ACTION: Final = (
    "structure<service_id: enum, class_id: long-unsigned, logical_name: logical-name, index: integer, parameter: any>"
)
_SEASON: Final = "structure<season_profile_name: octet-string, season_start: octet-date-time, week_name: octet-string>"
_WEEK: Final = (
    "structure<week_profile_name: octet-string, monday: unsigned, tuesday: unsigned, wednesday: unsigned, "
    "thursday: unsigned, friday: unsigned, saturday: unsigned, sunday: unsigned>"
)
_DAY: Final = (
    "structure<day_id: unsigned, day_schedule: array<structure<start_time: octet-time, "
    "script_logical_name: logical-name, script_selector: long-unsigned>>>"
)
_SCHEDULE_ENTRY: Final = (
    "structure<index: long-unsigned, enable: boolean, script_logical_name: logical-name, "
    "script_selector: long-unsigned, switch_time: octet-time, validity_window: long-unsigned, "
    "exec_weekdays: bit-string, exec_specdays: bit-string, "
    "begin_date: octet-date, end_date: octet-date>"
)
_INDEX_RANGE: Final = "structure<first_index: long-unsigned, last_index: long-unsigned>"
_SPECIAL_DAY: Final = "structure<index: long-unsigned, specialday_date: octet-date, day_id: unsigned>"
_CHANGED_PARAMETER: Final = (
    "structure<class_id: long-unsigned, logical_name: logical-name, attribute_index: integer, attribute_value: any>"
)
_EMERGENCY_PROFILE: Final = (
    "structure<emergency_profile_id: long-unsigned, emergency_activation_time: octet-date-time, "
    "emergency_duration: double-long-unsigned>"
)
_FUNCTION: Final = "structure<function_name: octet-string, function_status: boolean>"
_FUNCTION_OBJECTS: Final = (
    "structure<function_name: octet-string, object_list: array<structure<class_id: long-unsigned, "
    "logical_name: logical-name>>>"
)

CLASSES: Final[tuple[InterfaceClass, ...]] = (
    interface_class(
        8,
        0,
        "Clock",
        [
            "time: octet-date-time",
            "time_zone: long",
            "status: unsigned",
            "daylight_savings_begin: octet-date-time",
            "daylight_savings_end: octet-date-time",
            "daylight_savings_deviation: integer",
            "daylight_savings_enabled: boolean",
            "clock_base: enum",
        ],
        [
            "adjust_to_quarter: integer",
            "adjust_to_measuring_period: integer",
            "adjust_to_minute: integer",
            "adjust_to_preset_time: integer",
            (
                "preset_adjusting_time: structure<preset_time: octet-date-time, "
                "validity_interval_start: octet-date-time, validity_interval_end: octet-date-time>"
            ),
            "shift_time: long",
        ],
        behaves=True,
    ),
    interface_class(
        9,
        0,
        "Script table",
        [f"scripts: array<structure<script_identifier: long-unsigned, actions: array<{_SCRIPT_ACTION}>>>"],
        ["execute: long-unsigned"],
        behaves=True,
    ),
    interface_class(
        10,
        0,
        "Schedule",
        [f"entries: array<{_SCHEDULE_ENTRY}>"],
        [
            (
                "enable_disable: structure<disable_first: long-unsigned, disable_last: long-unsigned, "
                "enable_first: long-unsigned, enable_last: long-unsigned>"
            ),
            f"insert: {_SCHEDULE_ENTRY}",
            f"delete: {_INDEX_RANGE}",
        ],
        behaves=True,
    ),
    interface_class(
        11,
        0,
        "Special days table",
        [f"entries: array<{_SPECIAL_DAY}>"],
        [f"insert: {_SPECIAL_DAY}", "delete: long-unsigned"],
        behaves=True,
    ),
    interface_class(
        20,
        0,
        "Activity calendar",
        [
            "calendar_name_active: octet-string",
            f"season_profile_active: array<{_SEASON}>",
            f"week_profile_table_active: array<{_WEEK}>",
            f"day_profile_table_active: array<{_DAY}>",
            "calendar_name_passive: octet-string",
            f"season_profile_passive: array<{_SEASON}>",
            f"week_profile_table_passive: array<{_WEEK}>",
            f"day_profile_table_passive: array<{_DAY}>",
            "activate_passive_calendar_time: octet-date-time",
        ],
        ["activate_passive_calendar: integer"],
        behaves=True,
    ),
    interface_class(
        21,
        0,
        "Register monitor",
        ["thresholds: array<any>", f"monitored_value: {VALUE_DEFINITION}", f"actions: array<{ACTION_SET}>"],
    ),
    interface_class(
        22,
        0,
        "Single action schedule",
        [
            f"executed_script: {ACTION}",
            "type: enum",
            "execution_time: array<structure<time: octet-time, date: octet-date>>",
        ],
        behaves=True,
    ),
    interface_class(
        65,
        0,
        "Parameter monitor",
        [
            f"changed_parameter: {_CHANGED_PARAMETER}",
            "capture_time: octet-date-time",
            f"parameter_list: array<{VALUE_DEFINITION}>",
        ],
        [f"add_parameter: {VALUE_DEFINITION}", f"delete_parameter: {VALUE_DEFINITION}"],
    ),
    interface_class(
        65,
        1,
        "Parameter monitor",
        [
            f"changed_parameter: {_CHANGED_PARAMETER}",
            "capture_time: date-time",
            f"parameter_list: array<{VALUE_DEFINITION}>",
            "parameter_list_name: octet-string",
            "hash_algorithm_id: enum",
            "parameter_value_digest: octet-string",
            "parameter_values: any",
        ],
        [f"add_parameter: {VALUE_DEFINITION}", f"delete_parameter: {VALUE_DEFINITION}"],
    ),
    # New in edition 16 of the blue book, as public descriptions of it have it; what is inside a trigger is left open.
    interface_class(
        66,
        0,
        "Measurement data monitoring",
        [
            "waveform_data: compact-array",
            "trigger_time: long64-unsigned",
            "trigger_source: any",
            "status: enum",
            "sampling_rate: double-long-unsigned",
            "number_of_samples_before_trigger: double-long-unsigned",
            "number_of_samples_after_trigger: double-long-unsigned",
            "scaler_unit: structure<scaler: integer, unit: enum>",
        ],
        ["reset", "trigger"],
    ),
    interface_class(
        67,
        0,
        "Sensor manager",
        [
            "serial_number: octet-string",
            "metrological_identification: octet-string",
            "output_type: enum",
            "adjustment_method: octet-string",
            "sealing_method: enum",
            "raw_value: any",
            "scaler_unit: structure<scaler: integer, unit: enum>",
            "status: any",
            "capture_time: date-time",
            "raw_value_thresholds: array<any>",
            f"raw_value_actions: array<{ACTION_SET}>",
            "processed_value: any",
            "processed_value_thresholds: array<any>",
            f"processed_value_actions: array<{ACTION_SET}>",
        ],
        ["reset"],
    ),
    interface_class(
        68,
        0,
        "Arbitrator",
        [
            f"actions: array<{ACTION}>",
            "permissions_table: array<bit-string>",
            "weightings_table: array<array<long-unsigned>>",
            "most_recent_requests_table: array<bit-string>",
            "last_outcome: unsigned",
        ],
        [
            "request_action: structure<request_actor: unsigned, request_action_list: bit-string>",
            "reset",
        ],
    ),
    interface_class(
        70,
        0,
        "Disconnect control",
        ["output_state: boolean", "control_state: enum", "control_mode: enum"],
        ["remote_disconnect: integer", "remote_reconnect: integer"],
        behaves=True,
    ),
    interface_class(
        71,
        0,
        "Limiter",
        [
            f"monitored_value: {VALUE_DEFINITION}",
            "threshold_active: any",
            "threshold_normal: any",
            "threshold_emergency: any",
            "min_over_threshold_duration: double-long-unsigned",
            "min_under_threshold_duration: double-long-unsigned",
            f"emergency_profile: {_EMERGENCY_PROFILE}",
            "emergency_profile_group_id_list: array<long-unsigned>",
            "emergency_profile_active: boolean",
            f"actions: structure<action_over_threshold: {ACTION}, action_under_threshold: {ACTION}>",
        ],
        behaves=True,
    ),
    interface_class(
        122,
        0,
        "Function control",
        [f"activation_status: array<{_FUNCTION}>", f"function_list: array<{_FUNCTION_OBJECTS}>"],
        [
            f"set_function_status: array<{_FUNCTION}>",
            f"add_function: {_FUNCTION_OBJECTS}",
            f"remove_function: {_FUNCTION_OBJECTS}",
        ],
    ),
)
