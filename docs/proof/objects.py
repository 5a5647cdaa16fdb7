"""Objects and interface classes, by the tests that prove them."""

from typing import Final

from docs.proof.feature import COMMUNICATION, DESK, FACE, SERVER, SETUPS, Feature, tests

FEATURES: Final[dict[str, tuple[Feature, ...]]] = {
    "Objects": (
        Feature(
            "one catalogue of classes, by which every object answers; those that models have behave",
            tests("tests/protocols/cosem/test_catalogue.py", "every_class_that_was_asked_for_is_there")
            + tests(
                f"{FACE}/test_models.py",
                "every_attribute_answers_in_the_type_of_its_class",
                "the_classes_that_behave_are_those_that_models_have",
            ),
            (),
        ),
        Feature(
            "a class that is not in it is carried",
            tests(f"{FACE}/test_over_dlms.py", "an_object_of_a_class_that_nobody_knows_is_listed_read_and_written"),
            tests(f"{FACE}/test_over_dlms.py", "an_object_of_a_class_that_nobody_knows_is_listed_read_and_written"),
        ),
        Feature(
            "access rights for each attribute and method, enforced: association LN versions 0 to 2 as enumeration,"
            " 3 as bits",
            tests(
                f"{FACE}/test_european.py",
                "an_association_of_each_version_tells_rights_in_its_way_and_enforces_them",
                "what_a_ciphered_association_asks_of_each_request_stands_in_the_bits_of_version_3",
            )
            + tests(f"{FACE}/test_models.py", "no_right_is_promised_that_comes_to_nothing"),
            (),
        ),
        Feature(
            "profile generic with every sort method",
            tests(
                f"{FACE}/test_profile.py",
                "every_sort_method_shows_its_order",
                "numbers_of_both_signs_stand_in_the_order_of_the_sort_method",
            ),
            (),
        ),
        Feature(
            "compact data with templates",
            tests(f"{FACE}/test_european.py", "compact_data_is_read_with_its_template"),
            tests("tests/protocols/cosem/test_compact_data.py", "what_is_put_in_comes_out")
            + tests(f"{DESK}/test_profile.py", "compact_data_is_a_table_like_any_other"),
        ),
    ),
}
"""By chapter."""


BEHAVIOUR: Final[dict[int, tuple[str, ...]]] = {
    1: tests(f"{FACE}/test_objects.py", "what_the_meter_does_not_know_is_remembered"),
    3: tests(f"{FACE}/test_face.py", "a_register_is_the_nearest_float32_of_the_exact_decimal"),
    4: tests(f"{FACE}/test_european.py", "an_extended_register_says_when_its_value_was_captured"),
    5: tests(f"{FACE}/test_european.py", "a_demand_register_grows_through_its_period_to_the_mean"),
    6: tests(f"{FACE}/test_european.py", "registers_and_masks_are_added_and_taken_away_but_for_the_mask_in_force"),
    7: tests(f"{FACE}/test_profile.py", "capture_objects_tell_the_columns"),
    8: tests(f"{FACE}/test_clock_methods.py", "a_preset_time_is_taken_within_its_interval_alone"),
    9: tests(f"{FACE}/test_objects.py", "a_script_invokes_the_method_that_it_names"),
    10: tests(f"{FACE}/test_schedule.py", "entries_come_and_go_and_are_switched_by_range"),
    11: tests(f"{FACE}/test_calendar.py", "special_days_are_written_inserted_and_deleted"),
    12: tests(f"{FACE}/test_over_dlms.py", "the_association_tells_the_base_names"),
    15: tests(f"{FACE}/test_face.py", "an_object_list_names_every_object_with_rights")
    + tests(
        f"{FACE}/test_european.py",
        "an_association_of_each_version_tells_rights_in_its_way_and_enforces_them",
        "users_of_an_association_are_listed_told_apart_and_kept",
    )
    + tests(SERVER, "a_client_with_a_list_of_users_associates_as_one_of_them"),
    17: tests(f"{FACE}/test_models.py", "the_logical_device_is_assigned_to_its_sap"),
    18: tests(f"{FACE}/test_image_transfer.py", "a_transfer_goes_on_where_a_kill_has_stopped_it"),
    19: tests(
        SETUPS,
        "a_sign_on_says_the_proposed_speed_and_reacts_as_set_up",
        "a_meter_signs_on_by_its_serial_number_or_by_the_device_address_that_is_written",
        "a_head_that_is_set_to_hdlc_signs_nobody_on",
    ),
    20: tests(f"{FACE}/test_calendar.py", "a_passive_calendar_becomes_active_on_command_and_reads_as_written"),
    22: tests(f"{FACE}/test_objects.py", "billing_dates_are_a_day_of_the_month_and_an_hour"),
    23: tests(
        SETUPS,
        "windows_and_fields_are_offered_as_written_from_the_next_link_on",
        "a_link_ends_after_the_silence_that_is_written",
        "a_meter_answers_to_the_device_address_that_is_written",
        "silence_between_octets_ends_a_frame_as_written",
        "a_line_runs_at_the_speed_that_is_written",
    ),
    40: tests(f"{FACE}/test_push_setup.py", "what_is_pushed_is_what_was_written"),
    41: tests(
        SETUPS,
        "a_connection_ends_after_the_silence_that_is_written",
        "a_port_takes_as_many_connections_as_are_written",
    ),
    42: tests(COMMUNICATION, "what_dhcp_gives_is_not_written", "multicast_groups_are_joined_counted_and_left"),
    43: tests(COMMUNICATION, "every_meter_has_a_mac_address_of_its_own_that_nobody_was_assigned"),
    45: tests(COMMUNICATION, "what_is_written_is_read_and_outlives_a_restart"),
    47: tests(
        COMMUNICATION,
        "a_cell_is_a_meters_own_and_its_signal_moves_with_time",
        "a_cell_is_captured_every_five_minutes",
    ),
    48: tests(
        COMMUNICATION,
        "ipv6_addresses_are_added_to_their_list_and_taken_out",
        "setups_show_where_the_meter_listens_until_they_are_written",
    ),
    62: tests(f"{FACE}/test_european.py", "compact_data_is_read_with_its_template"),
    63: tests(COMMUNICATION, "a_status_word_has_the_bits_that_its_table_maps"),
    64: tests(f"{FACE}/test_security_setup.py", "a_policy_is_strengthened_and_then_asked_for"),
    70: tests(f"{FACE}/test_over_dlms.py", "the_relay_opens_and_the_current_stops"),
    71: tests(f"{FACE}/test_european.py", "the_emergency_threshold_is_set_by_its_profile"),
    111: tests(f"{FACE}/test_payment.py", "an_account_shows_mode_status_amounts_and_references"),
    112: tests(f"{FACE}/test_payment.py", "emergency_credit_is_invoked_when_it_is_offered"),
    113: tests(f"{FACE}/test_payment.py", "a_passive_unit_charge_is_written_and_activated"),
    115: tests(f"{FACE}/test_payment.py", "a_token_counts_once"),
    116: tests(COMMUNICATION, "sts_attributes_are_those_that_tokens_are_decoded_by"),
}
"""What shows that objects of a class behave, by class id."""
