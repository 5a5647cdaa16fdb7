"""HDLC, the wrapper and IEC 62056-21, by the tests that prove them."""

from typing import Final

from docs.proof.feature import DESK, ENDPOINT, FRAMER, HDLC, PRIMARY, SETUPS, SIGN_ON, STATION, WRAPPER, Feature, tests

FEATURES: Final[dict[str, tuple[Feature, ...]]] = {
    "HDLC (IEC 62056-46)": (
        Feature(
            "addresses of 1, 2 and 4 octets",
            tests(f"{HDLC}/test_address.py", "the_forms_stand_on_the_wire_as_the_standard_draws_them"),
            tests(PRIMARY, "the_server_is_addressed_as_configured"),
        ),
        Feature(
            "reserved addresses: no station, all stations, calling station, every logical device",
            tests(f"{HDLC}/test_address.py", "reserved_addresses_are_known")
            + tests(
                STATION,
                "what_is_said_to_all_is_heard_and_never_answered",
                "what_is_said_to_all_is_heard_by_every_logical_device_once",
                "a_station_that_has_called_answers_to_the_calling_address_with_its_own",
            ),
            (),
        ),
        Feature(
            "negotiation of information field (to 2,030) and window (to 7), used in both directions",
            tests(
                STATION,
                "an_opening_settles_the_smaller_of_both",
                "an_information_field_of_2030_octets_goes_both_ways",
                "an_answer_is_cut_to_the_size_and_sent_window_by_window",
            ),
            tests(
                PRIMARY,
                "what_is_settled_is_the_smaller_of_both",
                "a_request_is_cut_to_the_size_and_sent_window_by_window",
            ),
        ),
        Feature(
            "segmentation",
            tests(STATION, "a_request_in_segments_goes_up_once_it_is_whole"),
            tests(PRIMARY, "segments_of_an_answer_are_fetched_and_put_together"),
        ),
        Feature(
            "RR and RNR",
            tests(
                STATION,
                "a_client_that_is_not_ready_gets_nothing_until_it_is",
                "a_busy_station_takes_nothing_and_says_so",
            ),
            tests(PRIMARY, "a_busy_station_is_polled_and_then_gets_the_request_again"),
        ),
        Feature(
            "FRMR, also for any frame that is unknown",
            tests(STATION, "what_breaks_the_rules_is_rejected_with_the_reason")
            + tests(f"{HDLC}/test_state.py", "the_server_does_for_every_frame_what_the_table_says"),
            tests(PRIMARY, "a_link_that_the_meter_has_lost_is_reported"),
        ),
        Feature(
            "DM and DISC",
            tests(STATION, "closing_is_acknowledged_and_then_there_is_no_link"),
            tests(PRIMARY, "closing_waits_for_the_acknowledgement", "a_refusal_is_said_as_what_it_is"),
        ),
        Feature(
            "UI",
            tests(STATION, "an_unconfirmed_apdu_goes_both_ways_without_a_link", "ui_in_segments_goes_up_whole"),
            tests(PRIMARY, "unconfirmed_apdus_go_both_ways_without_a_link", "a_push_in_segments_is_put_together"),
        ),
        Feature(
            "retransmission",
            tests(
                STATION,
                "what_was_not_acknowledged_is_sent_again_when_polled",
                "a_repeated_request_is_not_handed_up_twice",
            ),
            tests(
                PRIMARY,
                "an_opening_is_repeated_and_then_given_up",
                "a_lost_segment_is_asked_for_again",
                "a_lost_answer_is_asked_for_again_with_the_same_request",
            ),
        ),
        Feature(
            "inactivity time-out",
            tests(STATION, "a_silent_link_ends") + tests(SETUPS, "a_link_ends_after_the_silence_that_is_written"),
            tests(PRIMARY, "a_link_that_the_meter_has_lost_is_reported"),
        ),
        Feature(
            "inter-octet time-out",
            tests(FRAMER, "silence_inside_a_frame_ends_it_and_frees_what_it_swallowed"),
            tests(FRAMER, "silence_inside_a_frame_ends_it_and_frees_what_it_swallowed"),
        ),
        Feature(
            "several stations on one line",
            tests(f"{HDLC}/test_bus.py", "each_station_answers_under_its_own_address")
            + tests(ENDPOINT, "three_meters_share_a_pty_and_are_told_apart"),
            tests(f"{HDLC}/test_bus.py", "a_conversation_with_one_station_does_not_disturb_another"),
        ),
        Feature(
            "frames longer than 255 octets",
            tests(f"{HDLC}/test_frame.py", "a_frame_longer_than_255_octets_uses_the_upper_length_bits"),
            tests(f"{HDLC}/test_frame.py", "a_frame_longer_than_255_octets_uses_the_upper_length_bits"),
        ),
        Feature(
            "garbage between frames",
            tests(FRAMER, "garbage_between_frames_loses_none_of_them"),
            tests(FRAMER, "garbage_between_frames_loses_none_of_them"),
        ),
    ),
    "Wrapper (IEC 62056-47)": (
        Feature(
            "over TCP",
            tests(WRAPPER, "how_the_stream_is_cut_does_not_matter")
            + tests(ENDPOINT, "a_meter_is_read_over_every_dlms_carrier"),
            tests(WRAPPER, "a_client_asks_from_its_own_port_and_is_answered_there"),
        ),
        Feature(
            "over UDP",
            tests(ENDPOINT, "a_meter_is_read_over_every_dlms_carrier"),
            tests(WRAPPER, "a_datagram_is_one_frame_or_is_dropped_and_counted")
            + tests("tests/laws/test_association_line.py", "over_bad_datagrams"),
        ),
        Feature(
            "the meter dials in (`dlms+tcp+listen://`)",
            tests(ENDPOINT, "a_meter_that_dials_in_is_served_on_the_connection_it_made"),
            tests("tests/gateway/service/test_caller.py", "meters_that_call_are_told_apart_read_and_switched"),
        ),
    ),
    "IEC 62056-21": (
        Feature(
            "mode E with baud change",
            tests(SIGN_ON, "mode_e_signs_on_and_gives_the_line_to_hdlc", "the_slower_of_both_is_chosen")
            + tests("tests/emulator/test_mode_e.py", "mode_e_opens_the_line_for_hdlc"),
            tests(SIGN_ON, "mode_e_signs_on_and_gives_the_line_to_hdlc"),
        ),
        Feature(
            "mode C read-out of a D0 data block",
            tests("tests/emulator/test_mode_e.py", "a_meter_is_read_out_in_mode_c"),
            tests(SIGN_ON, "a_meter_is_read_out", "a_spoiled_block_is_asked_for_again")
            + tests(
                f"{DESK}/test_read_out.py",
                "a_meter_is_read_out_in_lines_csv_and_json",
                "an_emulated_optical_head_is_read_out",
            ),
        ),
        Feature(
            "the optical head's echo",
            (),
            tests(SIGN_ON, "the_heads_echo_does_no_harm", "a_head_without_echo_is_found_out"),
        ),
    ),
}
"""By chapter."""
