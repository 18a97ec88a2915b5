"""The page that explains messages: every message of the functions and every warning of the library is on it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ssm_roles

PACKAGE = Path(ssm_roles.__file__).parent
FUNCTIONS = sorted((PACKAGE / "_lambda" / "functions").glob("*.py"))
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations" / "troubleshooting.md").read_text(encoding="utf-8")

ERRORS = {"RequestError", "UnusableError", "DeadlineError", "AskingError"}
LOGGED = {"logger.warning", "logger.error", "logger.exception"}
ASSIGNED = {"reason", "deleted", "response['Reason']"}
# What stands between the parts of a message that are known when it is written.
HOLE = "\0"


def normalized(text: str) -> str:
    """Return a text without line breaks and marks of Markdown."""
    return " ".join(text.replace("`", "").split())


def text_of(node: ast.expr) -> str | None:
    """Return a string as it is written, with a hole for each value, or None if the expression is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.replace("%s", HOLE)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
    return None


def messages_of(path: Path) -> Iterator[str]:
    """Yield the messages that a module of the functions raises, waits with, logs as a problem, or returns."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ERRORS | LOGGED or called.endswith("backoff.wait"):
                yield from filter(None, map(text_of, node.args))
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ASSIGNED:
            yield from filter(None, [text_of(node.value)])
        elif isinstance(node, ast.Return) and node.value is not None and path.name != "activations.py":
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            yield from (text for text in map(text_of, parts) if text is not None and " " in text)


MESSAGES = sorted({(path.name, message) for path in FUNCTIONS for message in messages_of(path)})


def fragments(message: str) -> list[str]:
    """Return what a message always has, without what only joins its values."""
    return [part for part in map(normalized, message.split(HOLE)) if len(re.sub(r"\W", "", part)) > 3]


def test_the_messages_are_found() -> None:
    assert len(MESSAGES) > 45
    assert {name for name, _ in MESSAGES} >= {"custom_resource.py", "rotate_hybrid_activation.py", "stack.py"}


@pytest.mark.parametrize(("name", "message"), MESSAGES, ids=[f"{n}-{i}" for i, (n, _) in enumerate(MESSAGES)])
def test_every_message_of_the_functions_is_on_the_page(name: str, message: str) -> None:
    page = normalized(PAGE)
    for fragment in fragments(message):
        assert fragment in page, f"{name}: {message!r}"


def section(title: str) -> str:
    """Return the text between a heading of the page and the next one."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def rows(title: str) -> Iterator[str]:
    """Yield the messages in the first column of the table of a section."""
    for line in section(title).splitlines():
        if line.startswith("| `"):
            yield from re.findall(r"`([^`]+)`", line.split(" | ")[0])


# Where the text of each table comes from.
SOURCES = {
    "Messages of both functions": [PACKAGE / "_lambda"],
    "Messages of the function for service-linked roles": [PACKAGE / "_lambda"],
    "Messages of the rotation function": [PACKAGE / "_lambda"],
    "Results of checks": [PACKAGE / "_lambda"],
    "Lines of the log": [PACKAGE / "_lambda"],
    "Registration scripts": [PACKAGE / "activation" / "scripts"],
    "Errors of the library": [PACKAGE],
}
# What AWS or Python says, or an example.
OF_OTHERS = ("CreateServiceLinkedRole: AccessDenied", "CreateActivation: Validation", "KeyError")


# Values that the page shows, because they are always or nearly always these.
INSERTED = (r"AWS::IAM::ServiceLinkedRole", r"\b64\b", "; the next rotation", "does not exist", "may not be looked up")


@pytest.mark.parametrize("title", SOURCES)
def test_every_message_in_a_table_is_in_the_source(title: str) -> None:
    files = [path for folder in SOURCES[title] for path in folder.rglob("*") if path.suffix in (".py", ".sh", ".ps1")]
    # A string can go on in the next line.
    source = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in files))
    source = normalized(re.sub(r"\{[^{}\n]*\}|\$\w+|%s", HOLE, source))
    listed = [row for row in rows(title) if not row.startswith(OF_OTHERS)]
    assert listed
    for message in listed:
        parts = re.split(rf"\.\.\.|{'|'.join(INSERTED)}", message)
        for part in (each.strip(" ;:") for each in parts):
            assert len(re.sub(r"\W", "", part)) <= 3 or part in source, (message, part)


def test_every_warning_of_the_library_is_on_the_page_and_no_other() -> None:
    used = set()
    for path in PACKAGE.rglob("*.py"):
        used |= set(re.findall(r"ssm-roles:[a-z][A-Za-z]+", path.read_text(encoding="utf-8")))
    text = section("Warnings of the library")
    assert set(re.findall(r"ssm-roles:[a-z][A-Za-z]+", text)) == used
    assert sorted(re.findall(r"^\| `(ssm-roles:\w+)` \|", text, flags=re.MULTILINE)) == sorted(used)


def test_every_entry_says_where_its_message_comes_from() -> None:
    entries = re.findall(r"^### (`[^\n]*)\n(.*?)(?=^#|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(entries) > 40
    for title, text in entries:
        # The function adds the reasons of IAM to its own words.
        own = normalized(title.removesuffix(" †"))
        parts = [fragment for _, message in MESSAGES for fragment in fragments(message)]
        ours = "be deleted:" in title or any(part in own or own in part for part in parts)
        assert ours or re.search(r"[Ss]een in|documents?\b|documentation|No public source", normalized(text)), title
