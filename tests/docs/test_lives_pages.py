"""The pages of pushes, firmware and payment: their examples are files that the programs take."""

import re
import tomllib
from pathlib import Path

from gateway.configuration.config import check

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_gateway_of_the_page_of_pushes_is_one() -> None:
    _, example = blocks("push.md", "toml")
    config = check({"id": "gw1"} | tomllib.loads(example), example, "push.md")
    assert (config.push.replayed, config.meter[0].pushes) == ("refuse", True)
