"""The generated pages say what the program says."""

from pathlib import Path

import pytest

from docs.__main__ import NOTE, differing, main, pages


def test_every_generated_page_is_current() -> None:
    assert not differing(), "run `python -m docs`"
    assert main(["--check"]) == 0


def test_a_page_that_was_changed_by_hand_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "dlms_classes.md").write_text("by hand", encoding="utf-8")
    due = differing(tmp_path)
    assert set(due) == set(pages())
    assert due["dlms_classes.md"].startswith(NOTE)


def test_an_unknown_option_is_refused_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 2
    assert "knows --check and nothing else" in capsys.readouterr().err
