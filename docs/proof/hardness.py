"""What stands any input, and what independent clients say, by the tests that prove it."""

from typing import Final

from docs.proof.feature import CLIENT, DLMS, FRAMER, GBT, PRIMARY, SERVER, STATION, WRAPPER, Feature, tests

FEATURES: Final[dict[str, tuple[Feature, ...]]] = {
    "Any input": (
        Feature(
            "every APDU decodes to what was encoded, and how a stream is cut changes nothing",
            tests(f"{DLMS}/test_apdu.py", "what_is_encoded_decodes_to_itself")
            + tests(FRAMER, "how_the_stream_is_cut_does_not_matter")
            + tests(WRAPPER, "how_the_stream_is_cut_does_not_matter"),
            tests(f"{DLMS}/test_apdu.py", "what_is_encoded_decodes_to_itself")
            + tests(FRAMER, "how_the_stream_is_cut_does_not_matter")
            + tests(WRAPPER, "how_the_stream_is_cut_does_not_matter"),
        ),
        Feature(
            "everything has a limit: nesting, lengths, blocks, references, windows, links, associations, what waits",
            tests(f"{DLMS}/test_value.py", "nesting_beyond_the_limit_is_refused_and_up_to_it_is_not")
            + tests(FRAMER, "what_is_held_is_bounded")
            + tests(WRAPPER, "a_length_over_the_limit_closes_before_anything_is_gathered")
            + tests(STATION, "links_are_bounded", "answers_that_nobody_acknowledges_are_bounded")
            + tests(
                SERVER,
                "associations_of_one_connection_stand_side_by_side_and_are_bounded",
                "more_references_than_the_limit_are_refused_without_a_call",
            )
            + tests(GBT, "what_passes_the_limit_is_given_up"),
            tests(PRIMARY, "a_message_without_end_ends_the_link", "polling_does_not_go_on_for_ever")
            + tests(CLIENT, "the_queue_is_bounded_and_what_ends_at_once_does_not_pile_up"),
        ),
        Feature(
            "twice the octets are about twice the work",
            tests("tests/laws/test_linear.py", "twice_the_input_is_about_twice_the_work"),
            tests("tests/laws/test_linear.py", "twice_the_input_is_about_twice_the_work"),
        ),
        Feature(
            "any octets are answered, refused or dropped",
            tests(SERVER, "any_octets_are_answered_or_dropped")
            + tests("tests/fuzz/test_short.py", "any_bytes_are_taken")
            + tests("tests/fuzz/test_million.py", "a_million_mutated_inputs_are_stood"),
            tests(CLIENT, "any_octets_give_events_and_every_ticket_one_end")
            + tests("tests/fuzz/test_short.py", "any_bytes_are_taken")
            + tests("tests/fuzz/test_million.py", "a_million_mutated_inputs_are_stood"),
        ),
        Feature(
            "a line that loses, doubles, reorders and spoils: an end, and a true one",
            tests("tests/laws/test_hdlc_line.py", "over_a_bad_line_it_finishes_or_fails_cleanly_and_never_lies")
            + tests("tests/laws/test_association_line.py", "over_hdlc_on_a_bad_wire", "over_bad_datagrams"),
            tests("tests/laws/test_association_line.py", "over_a_stream_whose_answers_come_too_late"),
        ),
        Feature(
            "what is answered at once is what the long way says",
            tests(
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
            tests("tests/interop/test_emulator_clients.py", "dlms_cosem_reads_name_clock_and_energy"),
            (),
        ),
        Feature(
            "over each of the three: object list through block transfer, GET with list (also in blocks),"
            " range and entry access, SET, ACTION",
            tests(
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
            tests(
                "tests/interop/test_meter_dlms_cosem.py",
                "every_profile_is_read_whole_by_entry_and_by_range",
                "the_switch_opens_and_carries_nothing_until_it_is_closed",
            ),
            (),
        ),
    ),
}
"""By chapter."""
