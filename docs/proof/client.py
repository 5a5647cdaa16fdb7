"""The client and its tools, by the tests that prove them."""

from typing import Final

from docs.proof.feature import CLIENT, DESK, DISSECT, LINK, Feature, tests

FEATURES: Final[dict[str, tuple[Feature, ...]]] = {
    "Client": (
        Feature(
            "`read`, `objects`, `profile`: rows by time and by entry, columns by name, as a table, CSV and JSON",
            (),
            tests(f"{DESK}/test_profile.py", "rows_and_columns_are_chosen_in_every_way_and_are_the_same")
            + tests("tests/gateway/test_commands.py", "a_meter_is_read_by_names_and_by_profile"),
        ),
        Feature(
            "progress on what is long, one sentence for what goes wrong, and an end at once on Ctrl-C",
            (),
            tests(f"{DESK}/test_profile.py", "progress_is_told_where_it_was_asked_for")
            + tests(
                f"{DESK}/test_mistakes.py",
                "a_wrong_name_is_one_sentence",
                "a_meter_that_says_nothing_is_told",
                "ctrl_c_ends_a_tool_at_once_whatever_the_meter_does",
            ),
        ),
        Feature(
            "repeats what is safe to repeat, within a transfer the lost block alone",
            (),
            tests(
                CLIENT,
                "what_changes_something_is_not_repeated_unless_the_caller_says_so",
                "within_a_long_answer_the_lost_block_alone_is_asked_for_again",
            ),
        ),
        Feature(
            "late answers are told by their invoke id, dropped, logged and counted",
            (),
            tests(
                CLIENT,
                "a_read_is_repeated_under_a_new_name_and_the_late_answer_is_dropped",
                "an_answer_after_the_last_try_belongs_to_nobody",
            )
            + tests(LINK, "a_late_answer_is_dropped_by_its_name_logged_and_counted"),
        ),
        Feature(
            "quirks of makers: those of the model that a meter is said to be, or of what it shows of itself",
            (),
            tests(
                CLIENT,
                "quirks_of_release_are_respected",
                "a_meter_that_does_not_echo_the_invoke_id_is_a_quirk",
                "a_meter_that_takes_less_than_it_says_is_a_quirk",
            )
            + tests(
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
            tests(f"{DISSECT}/test_hdlc.py", "a_sound_frame_is_read_alike", "any_octets_are_read_alike"),
        ),
        Feature(
            "wrapper frames",
            (),
            tests(f"{DISSECT}/test_wrapper.py", "a_sound_frame_is_read_alike", "any_octets_are_read_alike"),
        ),
        Feature(
            "sign-on, option select and data message of IEC 62056-21, with parity in bit 7 or without",
            (),
            tests(
                f"{DISSECT}/test_iec62056_21.py",
                "a_sign_on_is_read_alike",
                "a_data_message_is_read_alike",
                "any_characters_are_read_alike_or_refused_by_both",
            )
            + tests("tests/gateway/test_dissect.py", "a_sign_on_and_a_read_out_are_explained_whatever_their_parity"),
        ),
        Feature(
            "APDUs and COSEM values",
            (),
            tests(
                f"{DISSECT}/test_apdu.py", "a_sound_apdu_is_read_alike", "acse_is_read_alike", "values_are_read_alike"
            ),
        ),
        Feature(
            "ciphered APDUs, opened where the keys are given",
            (),
            tests(f"{DISSECT}/test_apdu.py", "what_is_ciphered_is_opened_where_the_keys_are_given")
            + tests("tests/gateway/test_dissect.py", "a_session_opens_by_the_titles_that_pass"),
        ),
    ),
}
"""By chapter."""
