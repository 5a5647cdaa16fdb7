"""The page of what of DLMS/COSEM there is: each feature, for whom, and the tests that prove it.

The classes come from the catalogue. A test holds every row to tests that exist; there is no row without one.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Final, NamedTuple

from protocols.cosem.catalogue import CATALOGUE
from protocols.cosem.interface_class import Depth
from protocols.dlms.quirk import Quirks
from protocols.model import quirk_table

HDLC: Final = "tests/protocols/hdlc"
DLMS: Final = "tests/protocols/dlms"
DISSECT: Final = "tests/protocols/dissect"
SIGN_ON: Final = "tests/protocols/iec62056_21/test_sign_on.py"
FACE: Final = "tests/emulator/face/cosem"
SERVER: Final = f"{DLMS}/test_server.py"
CLIENT: Final = f"{DLMS}/test_client.py"
DESK: Final = "tests/gateway/desk"
LINK: Final = "tests/gateway/test_dlms_link.py"
WRAPPER: Final = "tests/protocols/test_wrapper.py"
ENDPOINT: Final = "tests/emulator/line/test_endpoint.py"
SETUPS: Final = "tests/emulator/line/test_setups.py"
COMMUNICATION: Final = f"{FACE}/test_communication.py"
FRAMER: Final = f"{HDLC}/test_framer.py"
STATION: Final = f"{HDLC}/test_server.py"
PRIMARY: Final = f"{HDLC}/test_client.py"
GBT: Final = f"{DLMS}/test_general_block_transfer.py"


class Feature(NamedTuple):
    """One row: what, and the tests of it in either role; a test names itself by path and function."""

    name: str
    server: tuple[str, ...]
    client: tuple[str, ...]


def _tests(path: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{path}::test_{name}" for name in names)


FEATURES: Final[dict[str, tuple[Feature, ...]]] = {
    "HDLC (IEC 62056-46)": (
        Feature(
            "addresses of 1, 2 and 4 octets",
            _tests(f"{HDLC}/test_address.py", "the_forms_stand_on_the_wire_as_the_standard_draws_them"),
            _tests(PRIMARY, "the_server_is_addressed_as_configured"),
        ),
        Feature(
            "reserved addresses: no station, all stations, calling station, every logical device",
            _tests(f"{HDLC}/test_address.py", "reserved_addresses_are_known")
            + _tests(
                STATION,
                "what_is_said_to_all_is_heard_and_never_answered",
                "what_is_said_to_all_is_heard_by_every_logical_device_once",
                "a_station_that_has_called_answers_to_the_calling_address_with_its_own",
            ),
            (),
        ),
        Feature(
            "negotiation of information field (to 2,030) and window (to 7), used in both directions",
            _tests(
                STATION,
                "an_opening_settles_the_smaller_of_both",
                "an_information_field_of_2030_octets_goes_both_ways",
                "an_answer_is_cut_to_the_size_and_sent_window_by_window",
            ),
            _tests(
                PRIMARY,
                "what_is_settled_is_the_smaller_of_both",
                "a_request_is_cut_to_the_size_and_sent_window_by_window",
            ),
        ),
        Feature(
            "segmentation",
            _tests(STATION, "a_request_in_segments_goes_up_once_it_is_whole"),
            _tests(PRIMARY, "segments_of_an_answer_are_fetched_and_put_together"),
        ),
        Feature(
            "RR and RNR",
            _tests(
                STATION,
                "a_client_that_is_not_ready_gets_nothing_until_it_is",
                "a_busy_station_takes_nothing_and_says_so",
            ),
            _tests(PRIMARY, "a_busy_station_is_polled_and_then_gets_the_request_again"),
        ),
        Feature(
            "FRMR, also for any frame that is unknown",
            _tests(STATION, "what_breaks_the_rules_is_rejected_with_the_reason")
            + _tests(f"{HDLC}/test_state.py", "the_server_does_for_every_frame_what_the_table_says"),
            _tests(PRIMARY, "a_link_that_the_meter_has_lost_is_reported"),
        ),
        Feature(
            "DM and DISC",
            _tests(STATION, "closing_is_acknowledged_and_then_there_is_no_link"),
            _tests(PRIMARY, "closing_waits_for_the_acknowledgement", "a_refusal_is_said_as_what_it_is"),
        ),
        Feature(
            "UI",
            _tests(STATION, "an_unconfirmed_apdu_goes_both_ways_without_a_link", "ui_in_segments_goes_up_whole"),
            _tests(PRIMARY, "unconfirmed_apdus_go_both_ways_without_a_link", "a_push_in_segments_is_put_together"),
        ),
        Feature(
            "retransmission",
            _tests(
                STATION,
                "what_was_not_acknowledged_is_sent_again_when_polled",
                "a_repeated_request_is_not_handed_up_twice",
            ),
            _tests(
                PRIMARY,
                "an_opening_is_repeated_and_then_given_up",
                "a_lost_segment_is_asked_for_again",
                "a_lost_answer_is_asked_for_again_with_the_same_request",
            ),
        ),
        Feature(
            "inactivity time-out",
            _tests(STATION, "a_silent_link_ends") + _tests(SETUPS, "a_link_ends_after_the_silence_that_is_written"),
            _tests(PRIMARY, "a_link_that_the_meter_has_lost_is_reported"),
        ),
        Feature(
            "inter-octet time-out",
            _tests(FRAMER, "silence_inside_a_frame_ends_it_and_frees_what_it_swallowed"),
            _tests(FRAMER, "silence_inside_a_frame_ends_it_and_frees_what_it_swallowed"),
        ),
        Feature(
            "several stations on one line",
            _tests(f"{HDLC}/test_bus.py", "each_station_answers_under_its_own_address")
            + _tests(ENDPOINT, "three_meters_share_a_pty_and_are_told_apart"),
            _tests(f"{HDLC}/test_bus.py", "a_conversation_with_one_station_does_not_disturb_another"),
        ),
        Feature(
            "frames longer than 255 octets",
            _tests(f"{HDLC}/test_frame.py", "a_frame_longer_than_255_octets_uses_the_upper_length_bits"),
            _tests(f"{HDLC}/test_frame.py", "a_frame_longer_than_255_octets_uses_the_upper_length_bits"),
        ),
        Feature(
            "garbage between frames",
            _tests(FRAMER, "garbage_between_frames_loses_none_of_them"),
            _tests(FRAMER, "garbage_between_frames_loses_none_of_them"),
        ),
    ),
    "Wrapper (IEC 62056-47)": (
        Feature(
            "over TCP",
            _tests(WRAPPER, "how_the_stream_is_cut_does_not_matter")
            + _tests(ENDPOINT, "a_meter_is_read_over_every_dlms_carrier"),
            _tests(WRAPPER, "a_client_asks_from_its_own_port_and_is_answered_there"),
        ),
        Feature(
            "over UDP",
            _tests(ENDPOINT, "a_meter_is_read_over_every_dlms_carrier"),
            _tests(WRAPPER, "a_datagram_is_one_frame_or_is_dropped_and_counted")
            + _tests("tests/laws/test_association_line.py", "over_bad_datagrams"),
        ),
        Feature(
            "the meter dials in (`dlms+tcp+listen://`)",
            _tests(ENDPOINT, "a_meter_that_dials_in_is_served_on_the_connection_it_made"),
            _tests("tests/gateway/service/test_caller.py", "meters_that_call_are_told_apart_read_and_switched"),
        ),
    ),
    "IEC 62056-21": (
        Feature(
            "mode E with baud change",
            _tests(SIGN_ON, "mode_e_signs_on_and_gives_the_line_to_hdlc", "the_slower_of_both_is_chosen")
            + _tests("tests/emulator/test_mode_e.py", "mode_e_opens_the_line_for_hdlc"),
            _tests(SIGN_ON, "mode_e_signs_on_and_gives_the_line_to_hdlc"),
        ),
        Feature(
            "mode C read-out of a D0 data block",
            _tests("tests/emulator/test_mode_e.py", "a_meter_is_read_out_in_mode_c"),
            _tests(SIGN_ON, "a_meter_is_read_out", "a_spoiled_block_is_asked_for_again")
            + _tests(
                f"{DESK}/test_read_out.py",
                "a_meter_is_read_out_in_lines_csv_and_json",
                "an_emulated_optical_head_is_read_out",
            ),
        ),
        Feature(
            "the optical head's echo",
            (),
            _tests(SIGN_ON, "the_heads_echo_does_no_harm", "a_head_without_echo_is_found_out"),
        ),
    ),
    "ACSE": (
        Feature(
            "AARQ and AARE, all diagnostics",
            _tests(SERVER, "what_does_not_fit_the_profile_is_refused_with_its_diagnostic"),
            _tests(CLIENT, "a_refusal_says_why_and_everything_that_waited_ends", "a_refusal_of_the_terms_names_them"),
        ),
        Feature(
            "application contexts with logical and short names, in clear and ciphered",
            _tests(f"{DLMS}/security/test_protection.py", "every_form_in_every_suite_reads_a_long_value_and_switches")
            + _tests(
                f"{FACE}/test_over_dlms.py",
                "a_register_is_read_by_its_short_name",
                "short_names_are_read_and_written_ciphered_too",
            ),
            _tests(
                CLIENT,
                "it_reads_and_writes_by_short_name",
                "everything_in_a_ciphered_association_passes_the_protector_and_fits_with_it",
            ),
        ),
        Feature(
            "conformance and PDU sizes, negotiated both ways",
            _tests(
                SERVER,
                "an_aarq_is_answered_with_the_common_services_and_both_sizes",
                "without_blocks_an_answer_is_as_long_as_the_client_takes",
                "a_request_longer_than_the_server_takes_is_refused",
            ),
            _tests(CLIENT, "a_request_that_cannot_be_cut_is_given_up_before_it_is_sent"),
        ),
        Feature(
            "RLRQ and RLRE, with and without user information",
            _tests(SERVER, "a_release_is_answered_in_kind_and_again_when_repeated"),
            _tests(
                CLIENT,
                "it_releases_and_associates_again_on_the_same_stack",
                "a_release_without_an_answer_and_one_that_is_malformed_still_end_it",
            ),
        ),
        Feature(
            "pre-established associations",
            _tests(SERVER, "a_pre_established_association_stands_by_itself_and_cannot_be_released"),
            _tests(CLIENT, "a_pre_established_association_is_used_at_once"),
        ),
    ),
    "Services": (
        Feature(
            "GET: normal, with list, next, with data block",
            _tests(
                SERVER,
                "a_get_echoes_its_invoke_octet_by_the_short_way_and_the_long",
                "a_list_of_attributes_is_served_in_order_and_in_blocks",
                "a_block_asked_for_again_is_sent_again_and_a_wrong_one_ends_the_transfer",
            ),
            _tests(
                CLIENT,
                "it_reads_whole_attributes_and_parts_of_them",
                "a_list_takes_one_request_where_that_was_agreed_on_and_several_where_not",
            ),
        ),
        Feature(
            "SET: normal, with list, first block, block, list and first block",
            _tests(
                SERVER,
                "a_set_response_says_what_the_application_says",
                "a_set_in_blocks_is_written_once_though_its_end_is_repeated",
                "a_list_to_set_in_blocks_is_written_when_it_fits_its_attributes",
            ),
            _tests(CLIENT, "it_writes_short_and_long_values_once", "it_writes_lists_in_groups_or_together"),
        ),
        Feature(
            "ACTION: normal, with list, next pblock, first pblock, pblock, list and first pblock",
            _tests(SERVER, "a_method_gets_a_well_formed_parameter_or_is_not_called")
            + _tests(
                f"{DLMS}/serve/test_action.py",
                "parameters_and_what_returns_go_in_blocks_and_the_method_is_invoked_once",
                "a_list_comes_and_goes_in_blocks",
            ),
            _tests(
                CLIENT,
                "it_invokes_methods_with_long_parameters_and_long_answers",
                "it_invokes_lists_in_groups_or_together",
            ),
        ),
        Feature(
            "ACCESS",
            _tests(CLIENT, "access_mixes_services_and_stops_where_it_was_told_to"),
            _tests(CLIENT, "access_mixes_services_and_stops_where_it_was_told_to"),
        ),
        Feature(
            "DataNotification, confirmed too",
            _tests(
                SERVER,
                "a_notification_goes_to_an_associated_client_in_blocks_if_it_must",
                "the_confirmation_of_a_notification_is_handed_up",
            ),
            _tests(CLIENT, "pushes_are_handed_up_whatever_is_under_way")
            + _tests("tests/gateway/push/test_listener.py", "a_confirmed_push_is_confirmed_once_it_is_durable"),
        ),
        Feature(
            "EventNotification and InformationReport",
            _tests(SERVER, "events_and_reports_go_to_an_associated_client_as_they_are"),
            _tests(CLIENT, "pushes_are_handed_up_whatever_is_under_way"),
        ),
        Feature(
            "exception-response and confirmed-service-error",
            _tests(
                SERVER,
                "a_service_that_was_not_agreed_on_is_refused",
                "short_name_requests_before_the_association_are_refused_in_their_way",
                "terms_that_cannot_be_are_refused_with_a_confirmed_service_error",
            ),
            _tests(
                CLIENT,
                "a_refused_service_and_a_malformed_answer_are_failures_of_their_request_alone",
                "a_refusal_of_the_terms_names_them",
            ),
        ),
        Feature(
            "general block transfer: windows, streaming, recovery of lost blocks, both directions",
            _tests(
                GBT,
                "the_server_streams_a_window_and_then_waits",
                "a_request_in_blocks_is_delivered_once_however_often_its_end_is_repeated",
                "over_a_losing_line_a_request_is_delivered_once_and_its_answer_is_whole",
            ),
            _tests(CLIENT, "what_has_no_blocks_of_its_own_goes_in_general_blocks")
            + _tests(
                f"{DLMS}/ask/test_repetition.py", "general_blocks_are_asked_for_again_and_given_up_without_progress"
            ),
        ),
        Feature(
            "SN referencing: read, write, unconfirmed write, parameterised access",
            _tests(
                f"{FACE}/test_over_dlms.py",
                "a_register_is_read_by_its_short_name",
                "a_profile_is_read_in_part_by_parameterised_access",
                "short_names_are_read_and_written_ciphered_too",
            )
            + _tests(
                f"{DLMS}/serve/test_short_name.py",
                "methods_are_invoked_by_reading_and_by_writing",
                "an_unconfirmed_write_says_nothing_even_when_malformed",
            ),
            _tests(
                CLIENT,
                "it_reads_and_writes_by_short_name",
                "it_invokes_methods_by_short_name",
                "an_unconfirmed_write_is_done_and_not_answered",
            )
            + _tests(
                "tests/gateway/test_short_names.py",
                "tools_read_by_short_names_what_they_read_by_logical_names",
                "what_scripts_ask_is_asked_by_short_names_in_clear_and_ciphered",
                "the_polling_service_reads_by_short_names",
            )
            + _tests(
                "tests/laws/test_association_line.py",
                "short_names_over_hdlc_on_a_bad_wire",
                "short_names_whose_answers_come_too_late_are_never_taken_for_others",
            ),
        ),
        Feature(
            "selective access by range and by entry, with columns",
            _tests(
                f"{FACE}/test_profile.py",
                "a_range_gives_the_rows_stamped_within_it",
                "a_range_may_name_its_columns_in_any_order",
                "entries_and_columns_count_from_one_and_zero_is_the_last",
            ),
            _tests(CLIENT, "it_reads_whole_attributes_and_parts_of_them")
            + _tests(f"{DLMS}/test_selection.py", "a_range_survives", "entries_survive")
            + _tests(f"{DESK}/test_profile.py", "rows_and_columns_are_chosen_in_every_way_and_are_the_same"),
        ),
    ),
    "Objects": (
        Feature(
            "one catalogue of classes, by which every object answers; those that models have behave",
            _tests("tests/protocols/cosem/test_catalogue.py", "every_class_that_was_asked_for_is_there")
            + _tests(
                f"{FACE}/test_models.py",
                "every_attribute_answers_in_the_type_of_its_class",
                "the_classes_that_behave_are_those_that_models_have",
            ),
            (),
        ),
        Feature(
            "a class that is not in it is carried",
            _tests(f"{FACE}/test_over_dlms.py", "an_object_of_a_class_that_nobody_knows_is_listed_read_and_written"),
            _tests(f"{FACE}/test_over_dlms.py", "an_object_of_a_class_that_nobody_knows_is_listed_read_and_written"),
        ),
        Feature(
            "access rights for each attribute and method, enforced: association LN versions 0 to 2 as enumeration,"
            " 3 as bits",
            _tests(
                f"{FACE}/test_european.py",
                "an_association_of_each_version_tells_rights_in_its_way_and_enforces_them",
                "what_a_ciphered_association_asks_of_each_request_stands_in_the_bits_of_version_3",
            )
            + _tests(f"{FACE}/test_models.py", "no_right_is_promised_that_comes_to_nothing"),
            (),
        ),
        Feature(
            "profile generic with every sort method",
            _tests(
                f"{FACE}/test_profile.py",
                "every_sort_method_shows_its_order",
                "numbers_of_both_signs_stand_in_the_order_of_the_sort_method",
            ),
            (),
        ),
        Feature(
            "compact data with templates",
            _tests(f"{FACE}/test_european.py", "compact_data_is_read_with_its_template"),
            _tests("tests/protocols/cosem/test_compact_data.py", "what_is_put_in_comes_out")
            + _tests(f"{DESK}/test_profile.py", "compact_data_is_a_table_like_any_other"),
        ),
    ),
    "Client": (
        Feature(
            "`read`, `objects`, `profile`: rows by time and by entry, columns by name, as a table, CSV and JSON",
            (),
            _tests(f"{DESK}/test_profile.py", "rows_and_columns_are_chosen_in_every_way_and_are_the_same")
            + _tests("tests/gateway/test_commands.py", "a_meter_is_read_by_names_and_by_profile"),
        ),
        Feature(
            "progress on what is long, one sentence for what goes wrong, and an end at once on Ctrl-C",
            (),
            _tests(f"{DESK}/test_profile.py", "progress_is_told_where_it_was_asked_for")
            + _tests(
                f"{DESK}/test_mistakes.py",
                "a_wrong_name_is_one_sentence",
                "a_meter_that_says_nothing_is_told",
                "ctrl_c_ends_a_tool_at_once_whatever_the_meter_does",
            ),
        ),
        Feature(
            "repeats what is safe to repeat, within a transfer the lost block alone",
            (),
            _tests(
                CLIENT,
                "what_changes_something_is_not_repeated_unless_the_caller_says_so",
                "within_a_long_answer_the_lost_block_alone_is_asked_for_again",
            ),
        ),
        Feature(
            "late answers are told by their invoke id, dropped, logged and counted",
            (),
            _tests(
                CLIENT,
                "a_read_is_repeated_under_a_new_name_and_the_late_answer_is_dropped",
                "an_answer_after_the_last_try_belongs_to_nobody",
            )
            + _tests(LINK, "a_late_answer_is_dropped_by_its_name_logged_and_counted"),
        ),
        Feature(
            "quirks of makers: those of the model that a meter is said to be, or of what it shows of itself",
            (),
            _tests(
                CLIENT,
                "quirks_of_release_are_respected",
                "a_meter_that_does_not_echo_the_invoke_id_is_a_quirk",
                "a_meter_that_takes_less_than_it_says_is_a_quirk",
            )
            + _tests(
                "tests/gateway/test_quirks.py",
                "the_quirks_of_the_model_that_a_meter_is_said_to_be_are_the_clients",
                "a_title_says_the_maker_and_spares_the_questions",
                "without_a_title_the_device_name_says_it_and_what_else_is_shown_the_model",
                "a_meter_is_read_because_its_quirk_is_known",
                "a_meter_that_releases_badly_is_let_go_the_way_it_bears",
                "a_wrong_length_of_the_rlre_is_told_unless_it_is_known",
                "what_stands_before_a_meter_can_show_itself_its_model_says",
                "a_column_that_is_not_in_the_object_list_has_the_scaler_that_is_known",
                "a_meter_that_lies_about_its_window_is_proposed_no_longer_one",
            ),
        ),
    ),
    "Dissector (`meter-gateway dissect`): construct's reading and the codec's agree": (
        Feature(
            "HDLC frames",
            (),
            _tests(f"{DISSECT}/test_hdlc.py", "a_sound_frame_is_read_alike", "any_octets_are_read_alike"),
        ),
        Feature(
            "wrapper frames",
            (),
            _tests(f"{DISSECT}/test_wrapper.py", "a_sound_frame_is_read_alike", "any_octets_are_read_alike"),
        ),
        Feature(
            "sign-on, option select and data message of IEC 62056-21, with parity in bit 7 or without",
            (),
            _tests(
                f"{DISSECT}/test_iec62056_21.py",
                "a_sign_on_is_read_alike",
                "a_data_message_is_read_alike",
                "any_characters_are_read_alike_or_refused_by_both",
            )
            + _tests("tests/gateway/test_dissect.py", "a_sign_on_and_a_read_out_are_explained_whatever_their_parity"),
        ),
        Feature(
            "APDUs and COSEM values",
            (),
            _tests(
                f"{DISSECT}/test_apdu.py", "a_sound_apdu_is_read_alike", "acse_is_read_alike", "values_are_read_alike"
            ),
        ),
        Feature(
            "ciphered APDUs, opened where the keys are given",
            (),
            _tests(f"{DISSECT}/test_apdu.py", "what_is_ciphered_is_opened_where_the_keys_are_given")
            + _tests("tests/gateway/test_dissect.py", "a_session_opens_by_the_titles_that_pass"),
        ),
    ),
    "Any input": (
        Feature(
            "every APDU decodes to what was encoded, and how a stream is cut changes nothing",
            _tests(f"{DLMS}/test_apdu.py", "what_is_encoded_decodes_to_itself")
            + _tests(FRAMER, "how_the_stream_is_cut_does_not_matter")
            + _tests(WRAPPER, "how_the_stream_is_cut_does_not_matter"),
            _tests(f"{DLMS}/test_apdu.py", "what_is_encoded_decodes_to_itself")
            + _tests(FRAMER, "how_the_stream_is_cut_does_not_matter")
            + _tests(WRAPPER, "how_the_stream_is_cut_does_not_matter"),
        ),
        Feature(
            "everything has a limit: nesting, lengths, blocks, references, windows, links, associations, what waits",
            _tests(f"{DLMS}/test_value.py", "nesting_beyond_the_limit_is_refused_and_up_to_it_is_not")
            + _tests(FRAMER, "what_is_held_is_bounded")
            + _tests(WRAPPER, "a_length_over_the_limit_closes_before_anything_is_gathered")
            + _tests(STATION, "links_are_bounded", "answers_that_nobody_acknowledges_are_bounded")
            + _tests(
                SERVER,
                "associations_of_one_connection_stand_side_by_side_and_are_bounded",
                "more_references_than_the_limit_are_refused_without_a_call",
            )
            + _tests(GBT, "what_passes_the_limit_is_given_up"),
            _tests(PRIMARY, "a_message_without_end_ends_the_link", "polling_does_not_go_on_for_ever")
            + _tests(CLIENT, "the_queue_is_bounded_and_what_ends_at_once_does_not_pile_up"),
        ),
        Feature(
            "twice the octets are about twice the work",
            _tests("tests/laws/test_linear.py", "twice_the_input_is_about_twice_the_work"),
            _tests("tests/laws/test_linear.py", "twice_the_input_is_about_twice_the_work"),
        ),
        Feature(
            "any octets are answered, refused or dropped",
            _tests(SERVER, "any_octets_are_answered_or_dropped")
            + _tests("tests/fuzz/test_short.py", "any_bytes_are_taken")
            + _tests("tests/fuzz/test_million.py", "a_million_mutated_inputs_are_stood"),
            _tests(CLIENT, "any_octets_give_events_and_every_ticket_one_end")
            + _tests("tests/fuzz/test_short.py", "any_bytes_are_taken")
            + _tests("tests/fuzz/test_million.py", "a_million_mutated_inputs_are_stood"),
        ),
        Feature(
            "a line that loses, doubles, reorders and spoils: an end, and a true one",
            _tests("tests/laws/test_hdlc_line.py", "over_a_bad_line_it_finishes_or_fails_cleanly_and_never_lies")
            + _tests("tests/laws/test_association_line.py", "over_hdlc_on_a_bad_wire", "over_bad_datagrams"),
            _tests("tests/laws/test_association_line.py", "over_a_stream_whose_answers_come_too_late"),
        ),
        Feature(
            "what is answered at once is what the long way says",
            _tests(
                "tests/laws/test_short_way.py",
                "the_wrapper_answers_alike",
                "hdlc_answers_alike_whatever_is_lost_repeated_or_spoiled",
            ),
            (),
        ),
    ),
    "Independent clients (dlms-cosem 21.3.2)": (
        Feature(
            "name, clock and energy over the wrapper, HDLC on TCP and HDLC on a pty",
            _tests("tests/interop/test_emulator_clients.py", "dlms_cosem_reads_name_clock_and_energy"),
            (),
        ),
        Feature(
            "over each of the three: object list through block transfer, GET with list (also in blocks),"
            " range and entry access, SET, ACTION",
            _tests(
                "tests/interop/test_services_dlms_cosem.py",
                "the_object_list_is_read_through_block_transfer",
                "attributes_are_read_as_a_list_whole_and_in_blocks",
                "rows_are_read_by_range_and_by_entry",
                "an_attribute_is_set_and_keeps_what_was_written",
                "a_method_is_invoked_and_has_its_effect",
            ),
            (),
        ),
        Feature(
            "ciphered with HLS-GMAC: every profile by range and by entry, and the load switch",
            _tests(
                "tests/interop/test_meter_dlms_cosem.py",
                "every_profile_is_read_whole_by_entry_and_by_range",
                "the_switch_opens_and_carries_nothing_until_it_is_closed",
            ),
            (),
        ),
    ),
}
"""By chapter."""

BEHAVIOUR: Final[dict[int, tuple[str, ...]]] = {
    1: _tests(f"{FACE}/test_objects.py", "what_the_meter_does_not_know_is_remembered"),
    3: _tests(f"{FACE}/test_face.py", "a_register_is_the_nearest_float32_of_the_exact_decimal"),
    4: _tests(f"{FACE}/test_european.py", "an_extended_register_says_when_its_value_was_captured"),
    5: _tests(f"{FACE}/test_european.py", "a_demand_register_grows_through_its_period_to_the_mean"),
    6: _tests(f"{FACE}/test_european.py", "registers_and_masks_are_added_and_taken_away_but_for_the_mask_in_force"),
    7: _tests(f"{FACE}/test_profile.py", "capture_objects_tell_the_columns"),
    8: _tests(f"{FACE}/test_clock_methods.py", "a_preset_time_is_taken_within_its_interval_alone"),
    9: _tests(f"{FACE}/test_objects.py", "a_script_invokes_the_method_that_it_names"),
    10: _tests(f"{FACE}/test_schedule.py", "entries_come_and_go_and_are_switched_by_range"),
    11: _tests(f"{FACE}/test_calendar.py", "special_days_are_written_inserted_and_deleted"),
    12: _tests(f"{FACE}/test_over_dlms.py", "the_association_tells_the_base_names"),
    15: _tests(f"{FACE}/test_face.py", "an_object_list_names_every_object_with_rights")
    + _tests(
        f"{FACE}/test_european.py",
        "an_association_of_each_version_tells_rights_in_its_way_and_enforces_them",
        "users_of_an_association_are_listed_told_apart_and_kept",
    )
    + _tests(SERVER, "a_client_with_a_list_of_users_associates_as_one_of_them"),
    17: _tests(f"{FACE}/test_models.py", "the_logical_device_is_assigned_to_its_sap"),
    18: _tests(f"{FACE}/test_image_transfer.py", "a_transfer_goes_on_where_a_kill_has_stopped_it"),
    19: _tests(
        SETUPS,
        "a_sign_on_says_the_proposed_speed_and_reacts_as_set_up",
        "a_meter_signs_on_by_its_serial_number_or_by_the_device_address_that_is_written",
        "a_head_that_is_set_to_hdlc_signs_nobody_on",
    ),
    20: _tests(f"{FACE}/test_calendar.py", "a_passive_calendar_becomes_active_on_command_and_reads_as_written"),
    22: _tests(f"{FACE}/test_objects.py", "billing_dates_are_a_day_of_the_month_and_an_hour"),
    23: _tests(
        SETUPS,
        "windows_and_fields_are_offered_as_written_from_the_next_link_on",
        "a_link_ends_after_the_silence_that_is_written",
        "a_meter_answers_to_the_device_address_that_is_written",
        "silence_between_octets_ends_a_frame_as_written",
        "a_line_runs_at_the_speed_that_is_written",
    ),
    40: _tests(f"{FACE}/test_push_setup.py", "what_is_pushed_is_what_was_written"),
    41: _tests(
        SETUPS,
        "a_connection_ends_after_the_silence_that_is_written",
        "a_port_takes_as_many_connections_as_are_written",
    ),
    42: _tests(COMMUNICATION, "what_dhcp_gives_is_not_written", "multicast_groups_are_joined_counted_and_left"),
    43: _tests(COMMUNICATION, "every_meter_has_a_mac_address_of_its_own_that_nobody_was_assigned"),
    45: _tests(COMMUNICATION, "what_is_written_is_read_and_outlives_a_restart"),
    47: _tests(
        COMMUNICATION,
        "a_cell_is_a_meters_own_and_its_signal_moves_with_time",
        "a_cell_is_captured_every_five_minutes",
    ),
    48: _tests(
        COMMUNICATION,
        "ipv6_addresses_are_added_to_their_list_and_taken_out",
        "setups_show_where_the_meter_listens_until_they_are_written",
    ),
    62: _tests(f"{FACE}/test_european.py", "compact_data_is_read_with_its_template"),
    63: _tests(COMMUNICATION, "a_status_word_has_the_bits_that_its_table_maps"),
    64: _tests(f"{FACE}/test_security_setup.py", "a_policy_is_strengthened_and_then_asked_for"),
    70: _tests(f"{FACE}/test_over_dlms.py", "the_relay_opens_and_the_current_stops"),
    71: _tests(f"{FACE}/test_european.py", "the_emergency_threshold_is_set_by_its_profile"),
    111: _tests(f"{FACE}/test_payment.py", "an_account_shows_mode_status_amounts_and_references"),
    112: _tests(f"{FACE}/test_payment.py", "emergency_credit_is_invoked_when_it_is_offered"),
    113: _tests(f"{FACE}/test_payment.py", "a_passive_unit_charge_is_written_and_activated"),
    115: _tests(f"{FACE}/test_payment.py", "a_token_counts_once"),
    116: _tests(COMMUNICATION, "sts_attributes_are_those_that_tokens_are_decoded_by"),
}
"""What shows that objects of a class behave, by class id."""


def page() -> str:
    """The table of features and the one of classes."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield "# DLMS/COSEM: what there is, and what proves it\n"
    yield (
        "The emulator is the server, the gateway and its tools are the client. Each cell names the tests that prove "
        "it; a dash is a role that has no part in it. How fast it is, `make bench` says.\n"
    )
    for chapter, features in FEATURES.items():
        yield f"\n## {chapter}\n"
        yield "| feature | server | client |"
        yield "|---|---|---|"
        for feature in features:
            yield f"| {feature.name} | {_cell(feature.server)} | {_cell(feature.client)} |"
    yield "\n## Quirks\n"
    yield (
        "What the `[quirks]` of a model may say of its maker's meters, and what a file may say of meters by what they "
        'show of themselves (`quirks = "FILE"` in a gateway\'s file, `--quirks FILE` for a tool):\n'
    )
    yield "```toml" + str(quirk_table.__doc__).partition("```toml")[2].rstrip()
    yield (
        "\nThe maker is known by the three letters that begin the system title of the AARE, or without one the logical "
        "device name; what stands in `shows` is asked for once. A quirk that is in the way before a meter can show "
        "itself (`server_title`, `invoke_id_not_echoed`) is found only where a model says it. No maker's meters "
        "are listed by default: of none could it be shown.\n"
    )
    yield "| quirk | what the client then knows |"
    yield "|---|---|"
    for name, meaning in _quirks():
        yield f"| `{name}` | {meaning} |"
    yield "\n## Interface classes\n"
    yield (
        "Those that behave; all others of [dlms_classes.md](dlms_classes.md) are described: what a model writes down "
        "is read and, where it says so, written and kept.\n"
    )
    yield "| class | name | shown by |"
    yield "|---|---|---|"
    for interface in CATALOGUE.values():
        if interface.depth is Depth.BEHAVES:
            number = f"{interface.class_id} version {interface.version}"
            yield f"| {number} | {interface.name} | {_cell(BEHAVIOUR[interface.class_id])} |"


def _quirks() -> Iterator[tuple[str, str]]:
    """Each quirk and its meaning, as the class describes them."""
    described = str(Quirks.__doc__).partition("Attributes:\n")[2]
    for name in (each.name for each in fields(Quirks)):
        meaning = described.partition(f"{name}: ")[2]
        yield name, " ".join(re.split(r"\n {8}\w+: ", meaning)[0].split())


def _cell(tests: tuple[str, ...]) -> str:
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests) or "-"


PAGES: Final[dict[str, Callable[[], str]]] = {"dlms.md": page}
