"""Prepare the docstrings of the library for the pages of the reference: an extension of Griffe, for mkdocstrings.

The docstrings are written for `help()`. On a page, their names are links, and their examples are blocks of code. What
is internal is left out, such as members that only raise an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import griffe

from ssm_roles import ServiceLinkedRoleType

_CDK_REFERENCE = "https://docs.aws.amazon.com/cdk/api/v2/python"
_NAME = re.compile(r"``([A-Za-z_][\w.]*)``")
_ADDRESS = re.compile(r"^(https://\S+)\n?", flags=re.MULTILINE)
_EXAMPLE = re.compile(r"^Example::\n\n((?:(?: {4}.*)?\n)+)", flags=re.MULTILINE)
_SECTION = re.compile(r"^(?:Args|Attributes|Raises|Returns):\n", flags=re.MULTILINE)
_LABELS = {"property": "property", "staticmethod": "static method"}


class ReferenceDocstrings(griffe.Extension):
    """Rewrites the docstrings of a package for its reference."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **kwargs: object) -> None:
        """Rewrite the docstrings of all objects of a package.

        Args:
            pkg: The package, completely loaded.
            loader: What has loaded it.
            kwargs: Not used.
        """
        loader.resolve_aliases(implicit=False, external=False)
        objects = [*_objects(pkg)]
        for each in objects:
            if isinstance(each, griffe.Class):
                _prepare_class(each)
        public = dict(_public_names(pkg))
        for each in objects:
            # The templates of mkdocstrings show the labels. These two tell how a member is used.
            each.labels = {shown for label, shown in _LABELS.items() if label in each.labels}
            if each.docstring is not None:
                each.docstring.value = _rewritten(each, each.docstring.value, public)


def _objects(parent: griffe.Object) -> Iterator[griffe.Object]:
    yield parent
    for member in parent.members.values():
        if isinstance(member, griffe.Object):
            yield from _objects(member)


def _public_names(package: griffe.Module) -> Iterator[tuple[str, str]]:
    """Yield the public names and their members, as docstrings write them, and where they are documented."""
    for name in map(str, package.exports or ()):
        yield name, f"{package.path}.{name}"
        if package[name].is_class:
            for member in package[name].all_members:
                if not member.startswith("_"):
                    yield f"{name}.{member}", f"{package.path}.{name}.{member}"


def _prepare_class(cls: griffe.Class) -> None:
    if cls.name == "NotARole":
        # Its members raise an error for the CDK, and are not for users.
        for name in [*cls.members]:
            cls.del_member(name)
    if cls.name == ServiceLinkedRoleType.__name__:
        # Named constructors create it.
        cls.del_member("__init__")
        for name, constant in cls.members.items():
            if constant.docstring is not None and name.isupper():
                role = getattr(ServiceLinkedRoleType, name)
                constant.docstring.value += f"\n\nThe role is ``{role.role_name}`` of ``{role.service_principal}``."
    cls.extra["ssm_roles"]["provided_by"] = [*dict.fromkeys(_provided_by(cls))]


def _provided_by(cls: griffe.Class) -> Iterator[tuple[str, str]]:
    """Yield the names and the addresses of what a class of the CDK or an interface provides, the closest first."""
    # It claims to be a role only to raise its errors.
    for decorator in () if cls.name == "NotARole" else cls.decorators:
        interface = re.fullmatch(r"jsii\.implements\((\w+\.\w+)\)", str(decorator.value))
        if interface and (address := _address_in_cdk(cls, interface[1])):
            yield interface[1], address
    for base in cls.bases:
        if address := _address_in_cdk(cls, str(base)):
            yield str(base), address
    for own in cls.resolved_bases:
        if isinstance(own, griffe.Class):
            yield from _provided_by(own)


def _address_in_cdk(place: griffe.Object, name: str) -> str | None:
    """Return the page about a name of the CDK in its API reference, if the name is one where it is written."""
    first, _, rest = name.partition(".")
    try:
        path = f"{place.resolve(first)}.{rest}"
    except griffe.NameResolutionError:
        return None
    # A method is on the page of its class.
    found = re.match(r"((?:aws_cdk|constructs)(?:\.[a-z]\w*)*)\.([A-Z]\w*)", path)
    return None if found is None else f"{_CDK_REFERENCE}/{found[1]}/{found[2]}.html"


def _rewritten(place: griffe.Object, text: str, public: dict[str, str]) -> str:
    addresses = _ADDRESS.findall(text)
    text = _EXAMPLE.sub(_as_block, _ADDRESS.sub("", f"{text.rstrip()}\n"))
    text = _NAME.sub(lambda found: _as_link(place, found[1], public), text)
    if addresses:
        links = [f"[{re.split('[/#]', each.removesuffix('.html'))[-1]}]({each})" for each in addresses]
        sentence = f"AWS documentation: {', '.join(links)}.\n"
        section = _SECTION.search(text)
        where = len(text) if section is None else section.start()
        text = f"{text[:where].rstrip()}\n\n{sentence}\n{text[where:]}"
    return text


def _as_block(example: re.Match[str]) -> str:
    lines = [line.removeprefix("    ") for line in example[1].rstrip().splitlines()]
    return "\n".join(["``` python", *lines, "```", "", ""])


def _as_link(place: griffe.Object, name: str, public: dict[str, str]) -> str:
    parameters = [each.name for each in place.parameters] if isinstance(place, griffe.Function) else []
    owner = place if place.is_class else place.parent
    own = None if owner is None or name in parameters else public.get(f"{owner.name}.{name}")
    target = public.get(name, own)
    if target is not None and not place.path.endswith(f".{name}"):
        return f"[`{name}`][{target}]"
    address = None if name in parameters else _address_in_cdk(place, name)
    return f"`{name}`" if address is None else f"[`{name}`]({address})"
