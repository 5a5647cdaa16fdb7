"""Associations and services, by the tests that prove them."""

from typing import Final

from docs.proof.feature import CLIENT, DESK, DLMS, FACE, GBT, SERVER, Feature, tests

FEATURES: Final[dict[str, tuple[Feature, ...]]] = {
    "ACSE": (
        Feature(
            "AARQ and AARE, all diagnostics",
            tests(SERVER, "what_does_not_fit_the_profile_is_refused_with_its_diagnostic"),
            tests(CLIENT, "a_refusal_says_why_and_everything_that_waited_ends", "a_refusal_of_the_terms_names_them"),
        ),
        Feature(
            "application contexts with logical and short names, in clear and ciphered",
            tests(f"{DLMS}/security/test_protection.py", "every_form_in_every_suite_reads_a_long_value_and_switches")
            + tests(
                f"{FACE}/test_over_dlms.py",
                "a_register_is_read_by_its_short_name",
                "short_names_are_read_and_written_ciphered_too",
            ),
            tests(
                CLIENT,
                "it_reads_and_writes_by_short_name",
                "everything_in_a_ciphered_association_passes_the_protector_and_fits_with_it",
            ),
        ),
        Feature(
            "conformance and PDU sizes, negotiated both ways",
            tests(
                SERVER,
                "an_aarq_is_answered_with_the_common_services_and_both_sizes",
                "without_blocks_an_answer_is_as_long_as_the_client_takes",
                "a_request_longer_than_the_server_takes_is_refused",
            ),
            tests(CLIENT, "a_request_that_cannot_be_cut_is_given_up_before_it_is_sent"),
        ),
        Feature(
            "RLRQ and RLRE, with and without user information",
            tests(SERVER, "a_release_is_answered_in_kind_and_again_when_repeated"),
            tests(
                CLIENT,
                "it_releases_and_associates_again_on_the_same_stack",
                "a_release_without_an_answer_and_one_that_is_malformed_still_end_it",
            ),
        ),
        Feature(
            "pre-established associations",
            tests(SERVER, "a_pre_established_association_stands_by_itself_and_cannot_be_released"),
            tests(CLIENT, "a_pre_established_association_is_used_at_once"),
        ),
    ),
    "Services": (
        Feature(
            "GET: normal, with list, next, with data block",
            tests(
                SERVER,
                "a_get_echoes_its_invoke_octet_by_the_short_way_and_the_long",
                "a_list_of_attributes_is_served_in_order_and_in_blocks",
                "a_block_asked_for_again_is_sent_again_and_a_wrong_one_ends_the_transfer",
            ),
            tests(
                CLIENT,
                "it_reads_whole_attributes_and_parts_of_them",
                "a_list_takes_one_request_where_that_was_agreed_on_and_several_where_not",
            ),
        ),
        Feature(
            "SET: normal, with list, first block, block, list and first block",
            tests(
                SERVER,
                "a_set_response_says_what_the_application_says",
                "a_set_in_blocks_is_written_once_though_its_end_is_repeated",
                "a_list_to_set_in_blocks_is_written_when_it_fits_its_attributes",
            ),
            tests(CLIENT, "it_writes_short_and_long_values_once", "it_writes_lists_in_groups_or_together"),
        ),
        Feature(
            "ACTION: normal, with list, next pblock, first pblock, pblock, list and first pblock",
            tests(SERVER, "a_method_gets_a_well_formed_parameter_or_is_not_called")
            + tests(
                f"{DLMS}/serve/test_action.py",
                "parameters_and_what_returns_go_in_blocks_and_the_method_is_invoked_once",
                "a_list_comes_and_goes_in_blocks",
            ),
            tests(
                CLIENT,
                "it_invokes_methods_with_long_parameters_and_long_answers",
                "it_invokes_lists_in_groups_or_together",
            ),
        ),
        Feature(
            "ACCESS",
            tests(CLIENT, "access_mixes_services_and_stops_where_it_was_told_to"),
            tests(CLIENT, "access_mixes_services_and_stops_where_it_was_told_to"),
        ),
        Feature(
            "DataNotification, confirmed too",
            tests(
                SERVER,
                "a_notification_goes_to_an_associated_client_in_blocks_if_it_must",
                "the_confirmation_of_a_notification_is_handed_up",
            ),
            tests(CLIENT, "pushes_are_handed_up_whatever_is_under_way")
            + tests("tests/gateway/push/test_listener.py", "a_confirmed_push_is_confirmed_once_it_is_durable"),
        ),
        Feature(
            "EventNotification and InformationReport",
            tests(SERVER, "events_and_reports_go_to_an_associated_client_as_they_are"),
            tests(CLIENT, "pushes_are_handed_up_whatever_is_under_way"),
        ),
        Feature(
            "exception-response and confirmed-service-error",
            tests(
                SERVER,
                "a_service_that_was_not_agreed_on_is_refused",
                "short_name_requests_before_the_association_are_refused_in_their_way",
                "terms_that_cannot_be_are_refused_with_a_confirmed_service_error",
            ),
            tests(
                CLIENT,
                "a_refused_service_and_a_malformed_answer_are_failures_of_their_request_alone",
                "a_refusal_of_the_terms_names_them",
            ),
        ),
        Feature(
            "general block transfer: windows, streaming, recovery of lost blocks, both directions",
            tests(
                GBT,
                "the_server_streams_a_window_and_then_waits",
                "a_request_in_blocks_is_delivered_once_however_often_its_end_is_repeated",
                "over_a_losing_line_a_request_is_delivered_once_and_its_answer_is_whole",
            ),
            tests(CLIENT, "what_has_no_blocks_of_its_own_goes_in_general_blocks")
            + tests(
                f"{DLMS}/ask/test_repetition.py", "general_blocks_are_asked_for_again_and_given_up_without_progress"
            ),
        ),
        Feature(
            "SN referencing: read, write, unconfirmed write, parameterised access",
            tests(
                f"{FACE}/test_over_dlms.py",
                "a_register_is_read_by_its_short_name",
                "a_profile_is_read_in_part_by_parameterised_access",
                "short_names_are_read_and_written_ciphered_too",
            )
            + tests(
                f"{DLMS}/serve/test_short_name.py",
                "methods_are_invoked_by_reading_and_by_writing",
                "an_unconfirmed_write_says_nothing_even_when_malformed",
            ),
            tests(
                CLIENT,
                "it_reads_and_writes_by_short_name",
                "it_invokes_methods_by_short_name",
                "an_unconfirmed_write_is_done_and_not_answered",
            )
            + tests(
                "tests/gateway/test_short_names.py",
                "tools_read_by_short_names_what_they_read_by_logical_names",
                "what_scripts_ask_is_asked_by_short_names_in_clear_and_ciphered",
                "the_polling_service_reads_by_short_names",
            )
            + tests(
                "tests/laws/test_association_line.py",
                "short_names_over_hdlc_on_a_bad_wire",
                "short_names_whose_answers_come_too_late_are_never_taken_for_others",
            ),
        ),
        Feature(
            "selective access by range and by entry, with columns",
            tests(
                f"{FACE}/test_profile.py",
                "a_range_gives_the_rows_stamped_within_it",
                "a_range_may_name_its_columns_in_any_order",
                "entries_and_columns_count_from_one_and_zero_is_the_last",
            ),
            tests(CLIENT, "it_reads_whole_attributes_and_parts_of_them")
            + tests(f"{DLMS}/test_selection.py", "a_range_survives", "entries_survive")
            + tests(f"{DESK}/test_profile.py", "rows_and_columns_are_chosen_in_every_way_and_are_the_same"),
        ),
    ),
}
"""By chapter."""
