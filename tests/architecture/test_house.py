"""The source says its own rules: an idea a module, no forbidden name, nothing left unfinished."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("protocols", "emulator", "gateway", "meterbench")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
TEXTS = [ROOT / name for name in TRACKED if Path(name).suffix in {".py", ".md", ".toml", ".sh", ".c", ".yaml", ""}]


def test_there_is_source_to_look_at() -> None:
    assert len(MODULES) > 20
    assert len(TEXTS) > 20


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_its_idea(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "a module says its idea in its first line"


def test_nothing_imports_a_copyleft_stack() -> None:
    pattern = re.compile(r"^\s*(import|from)\s+gurux", re.MULTILINE)
    guilty = [path for path in TEXTS if path.suffix == ".py" and pattern.search(path.read_text())]
    assert not guilty


def test_nothing_is_left_unfinished() -> None:
    pattern = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|NotImplemented" + r"Error")
    guilty = [f"{path.relative_to(ROOT)}" for path in MODULES if pattern.search(path.read_text())]
    assert not guilty


def test_no_path_of_a_machine_stands_in_the_repository() -> None:
    pattern = re.compile("|".join(("/" + "work/", "/" + "root/", r"\." + "library")))
    guilty = [str(path.relative_to(ROOT)) for path in TEXTS if path.exists() and pattern.search(path.read_text())]
    assert not guilty


SANS_IO_EXCEPT = "transport"
IMPURE = {
    "asyncio",
    "socket",
    "ssl",
    "serial",
    "time",
    "random",
    "secrets",
    "threading",
    "logging",
    "select",
    "subprocess",
}


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.is_relative_to(ROOT / "protocols") and SANS_IO_EXCEPT not in path.parts],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_protocol_cores_are_sans_io(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
            assert not node.module.startswith("protocols.transport"), "a core imports no transport"
    assert not imported & IMPURE
