"""Every public member documents itself: what it is, its arguments, their defaults, and its errors."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import subprocess
import sys
from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import Any

import constructs
import pytest

import ssm_roles
from tests.unit.templates import new_stack


def own_members(cls: type) -> dict[str, Any]:
    """Find what a class has from this library, its constructor and what it inherits included, but not the CDK's."""
    members: dict[str, Any] = {}
    for base in cls.__mro__:
        # The members of `NotARole` raise an error for the CDK, and are not for users.
        if base.__module__.split(".")[0] == "ssm_roles" and base.__name__ != "NotARole":
            members = {**vars(base), **members}
    return members


def public_members() -> dict[str, Any]:
    """Find the public functions and classes, and their constructors, methods and properties, by name."""
    members: dict[str, Any] = {}
    for name in ssm_roles.__all__:
        cls = getattr(ssm_roles, name)
        members[name] = cls
        if inspect.isfunction(cls):
            continue
        for member_name, member in own_members(cls).items():
            if member_name == "__init__" and not dataclasses.is_dataclass(cls) and not issubclass(cls, enum.Enum):
                members[f"{name}.__init__"] = member
            elif isinstance(member, (property, cached_property)) and not member_name.startswith("_"):
                members[f"{name}.{member_name}"] = member
            elif not member_name.startswith("_") and isinstance(member, (staticmethod, classmethod)):
                members[f"{name}.{member_name}"] = member.__func__
            elif not member_name.startswith("_") and inspect.isfunction(member):
                members[f"{name}.{member_name}"] = member
    return members


MEMBERS = public_members()
FUNCTIONS = {name: member for name, member in MEMBERS.items() if inspect.isfunction(member)}


def parameters(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def section(docstring: str, title: str) -> str:
    """Return what stands under a title of a docstring in Google style."""
    found = re.search(rf"^{title}:\n((?:[ ]+.*\n|\n)*)", docstring + "\n", flags=re.MULTILINE)
    return "" if found is None else found.group(1)


def test_the_members_are_found() -> None:
    for name in (
        "HybridActivation.grant_create",
        "NodeCapability.grant",
        "HybridServiceRole.__init__",
        "HybridServiceRole.activation_role_name",
        "HybridServiceRole.add_capability",
        "HybridServiceRole.grant_pass_role",
        "HybridServiceRole.grants",
        "ServiceLinkedRole.add_dependent",
        "ServiceLinkedRole.grant_pass_role",
        "ServiceLinkedRole.managed_policy_arn",
        "ServiceLinkedRoleBase.grant_principal",
        "ServiceLinkedRoleCreation",
        "ServiceLinkedRoleType.of",
        "activation_role_name",
    ):
        assert name in MEMBERS


def test_a_role_does_not_redefine_what_the_cdk_provides() -> None:
    assert "HybridServiceRole.from_role_arn" not in MEMBERS
    assert "HybridServiceRole.add_managed_policy" not in MEMBERS
    # An instance profile tells its role.
    assert [name for name in MEMBERS if name.endswith(".role")] == ["ManagedInstanceRole.role"]


def test_a_public_member_says_what_it_is() -> None:
    for name, member in MEMBERS.items():
        docstring = inspect.getdoc(member) or ""
        assert re.match(r"[A-Z].*\.$", docstring.split("\n\n")[0], flags=re.DOTALL), name


def test_a_public_function_documents_its_arguments_and_what_it_raises() -> None:
    for name, function in FUNCTIONS.items():
        if parameters(function):
            docstring = inspect.getdoc(function) or ""
            documented = re.findall(r"^    (\w+): ", section(docstring, "Args"), flags=re.MULTILINE)
            assert documented == parameters(function), name
            assert re.search(r"^    (Type|Value)Error: ", section(docstring, "Raises"), flags=re.MULTILINE), name


def test_an_argument_with_a_default_documents_it() -> None:
    for name, function in FUNCTIONS.items():
        arguments = section(inspect.getdoc(function) or "", "Args")
        for parameter in inspect.signature(function).parameters.values():
            if parameter.default is not inspect.Parameter.empty:
                described = re.search(rf"^    {parameter.name}: (.*(?:\n     .*)*)", arguments, flags=re.MULTILINE)
                assert described is not None, (name, parameter.name)
                assert re.search(r"Default:\s", described.group(1)), (name, parameter.name)


def test_every_argument_after_the_id_has_a_keyword() -> None:
    for name, function in FUNCTIONS.items():
        if name.endswith(".__init__"):
            kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
            # A plugin has no scope and no ID.
            first = 3 if "scope" in parameters(function) else 1
            assert set(kinds[first:]) == {inspect.Parameter.KEYWORD_ONLY}
            assert set(kinds[:first]) == {inspect.Parameter.POSITIONAL_OR_KEYWORD}


def test_the_attributes_of_a_role_type_are_documented() -> None:
    docstring = inspect.getdoc(ssm_roles.ServiceLinkedRoleType) or ""
    documented = re.findall(r"^    (\w+): ", section(docstring, "Attributes"), flags=re.MULTILINE)
    assert sorted(documented) == sorted(
        field.name for field in dataclasses.fields(ssm_roles.ServiceLinkedRoleType) if not field.name.startswith("_")
    )


def sentences(function: Any) -> dict[str, str]:
    """Return the first sentence about each argument, without numbers: ranges may differ."""
    arguments = section(inspect.getdoc(function) or "", "Args")
    found = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", arguments, flags=re.MULTILINE)
    return {
        name: re.sub(r"\d[\d,]*", "N", re.split(r"(?<=[a-z`*])\. | Default: ", " ".join(text.split()))[0].rstrip("."))
        for name, text in found
    }


# These arguments have the names that the CDK gives them, and belong to an activation and its secret, or to settings,
# instead of a role; or they are the Regions of runbooks or stacks instead of nodes, or a role of one certain stack.
OF_SOMETHING_ELSE = {
    ("FunctionSettings.of", "scope"),
    ("HybridActivation.__init__", "description"),
    ("HybridActivation.__init__", "encryption_key"),
    ("AutomationAdministrationRole.grant_start_execution", "regions"),
    ("AutomationExecutionRole.__init__", "regions"),
    ("AutomationServiceRole.grant_start_execution", "regions"),
    ("OrganizationRollout.__init__", "regions"),
    ("OrganizationRollout.role_in_regions", "role"),
}


def test_an_argument_is_described_alike_wherever_it_recurs() -> None:
    descriptions: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for member, function in FUNCTIONS.items():
        for argument, sentence in sentences(function).items():
            if (member, argument) in OF_SOMETHING_ELSE:
                continue
            descriptions[argument][sentence].append(member)
    assert {argument: dict(found) for argument, found in descriptions.items() if len(found) > 1} == {}


def test_the_first_sentence_is_found() -> None:
    def function() -> None:
        """Do something.

        Args:
            name: The name, 1 to 64 letters. It is long
                and wraps. Default: - none
            other: The other. Default: ``/``
        """

    assert sentences(function) == {"name": "The name, N to N letters", "other": "The other"}


@pytest.mark.parametrize("name", ssm_roles.__all__)
def test_help_shows_no_internals(name: str) -> None:
    text = "\n".join(str(each) for each in [inspect.getdoc(getattr(ssm_roles, name)), _signature(name)])
    assert not re.search(r"<lambda>|\b_[a-z]\w*=|RoleOptions|Recipe|StackFacts", text)


def _signature(name: str) -> object:
    public = getattr(ssm_roles, name)
    return inspect.signature(public.__init__ if inspect.isclass(public) else public)


CONSTRUCTS = [name for name in ssm_roles.__all__ if isinstance(getattr(ssm_roles, name), type(constructs.Construct))]


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_the_signature_of_a_construct_is_that_of_its_constructor(name: str) -> None:
    construct = getattr(ssm_roles, name)
    shown = inspect.signature(construct)
    assert ["self", *shown.parameters] == [*inspect.signature(construct.__init__).parameters]
    assert [*shown.parameters][:2] == ["scope", "id"]
    assert shown.return_annotation is inspect.Signature.empty


def test_the_constructs_are_found() -> None:
    assert {"HybridActivation", "HybridServiceRole", "ManagedInstanceRole", "QuickSetupRoles"} < set(CONSTRUCTS)
    assert "NodeCapability" not in CONSTRUCTS


def test_a_subclass_of_a_construct_has_its_own_signature() -> None:
    class Servers(ssm_roles.HybridServiceRole):
        def __init__(self, scope: constructs.Construct, *, rack: str) -> None:
            super().__init__(scope, rack)

    class MoreServers(Servers):
        pass

    for servers in (Servers, MoreServers):
        assert [*inspect.signature(servers).parameters] == ["scope", "rack"]
    assert isinstance(MoreServers(new_stack(), rack="Rack"), ssm_roles.HybridServiceRole)


BANNED = (
    r"of yours|whoever|for between|nothing that|for want of|once more|that this one belongs to|got none of|enrol"
    r"|of one's own|of your own|, too\b.*, too\b|Of which"
)


PACKAGE = Path(ssm_roles.__file__).resolve().parent
TEXTS = sorted(path for path in PACKAGE.rglob("*.*") if path.suffix in (".py", ".sh", ".ps1"))


def test_no_sentence_has_to_be_read_twice() -> None:
    for path in TEXTS:
        assert re.findall(BANNED, path.read_text(encoding="utf-8")) == [], path


@pytest.mark.deep
def test_help_of_an_activation_reads_the_documentation() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import ssm_roles; help(ssm_roles.HybridActivation)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "class HybridActivation" in run.stdout
    # jsii's metaclass has the arguments (*args: Any, **kwargs). Python 3.13 shows each argument on its own line, and
    # Python 3.14 leaves out the quotation marks.
    help_text = re.sub(r"[\s|']", "", run.stdout)
    assert "HybridActivation(scope:Construct,id:str,*,role:iam.IRole" in help_text
    assert "The scope in which to define this construct." in run.stdout
