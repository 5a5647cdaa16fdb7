"""The page of what of DLMS/COSEM there is: each feature, for whom, and the tests that prove it.

The classes come from the catalogue. A test holds every row to tests that exist; there is no row without one.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Final

from docs.proof import carriers, client, hardness, objects, services
from docs.proof.feature import Feature
from docs.proof.objects import BEHAVIOUR
from protocols.cosem.catalogue import CATALOGUE
from protocols.cosem.interface_class import Depth
from protocols.dlms.quirk import Quirks
from protocols.model import quirk_table

FEATURES: Final[dict[str, tuple[Feature, ...]]] = {
    **carriers.FEATURES,
    **services.FEATURES,
    **objects.FEATURES,
    **client.FEATURES,
    **hardness.FEATURES,
}
"""By chapter."""


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
