"""Checks of the complete app: the CDK runs them when the tree is complete, before it writes the templates."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import Annotations, CfnElement, ISynthesisSession, Stack, Stage
from constructs import IConstruct, IValidation

from .template_writer import TemplateWriter

if TYPE_CHECKING:
    from aws_cdk import cx_api

C = TypeVar("C", bound="Check")

Resources = Mapping[str, Mapping[str, Any]]
"""The resources of a template, by logical ID."""


class Templates:
    """The templates that the CDK is about to write.

    Only templates show the effect of all Aspects, property overrides and property injectors.
    """

    def __init__(self, root: IConstruct) -> None:
        self._root = root
        self._prefix = f"{root.node.path}/".lstrip("/")
        self._templates: dict[Stack, Mapping[str, Any]] = {}
        self._stacks: list[Stack] | None = None

    def template(self, stack: Stack) -> Mapping[str, Any]:
        """Return the template of a stack, which is empty for a stack outside of what the CDK is about to write."""
        if stack not in self._templates:
            is_written = f"{stack.node.path}/".startswith(self._prefix)
            self._templates[stack] = _synthesized(stack) if is_written else {}
        return self._templates[stack]

    def resources(self, stack: Stack) -> Resources:
        """Return the resources of a stack."""
        resources: Mapping[str, Any] = self.template(stack).get("Resources", {})
        # A loop of AWS::LanguageExtensions stands among the resources, too.
        return {name: each for name, each in resources.items() if isinstance(each, dict) and "Type" in each}

    def stacks(self) -> list[Stack]:
        """Return every stack of the app, including nested stacks and the stacks of nested stages."""
        if self._stacks is None:
            self._stacks = [each for each in self._root.node.find_all() if isinstance(each, Stack)]
        return self._stacks

    def path_of(self, stack: Stack, logical_id: str) -> str:
        """Return the path of the construct that a resource belongs to, for errors."""
        construct = self.construct_of(stack, logical_id)
        return f"{stack.node.path}/{logical_id}" if construct is stack else str(construct.node.path)

    def construct_of(self, stack: Stack, logical_id: str) -> IConstruct:
        """Return the construct that a resource belongs to, or the stack if that has the resource from a template."""
        for construct in stack.node.find_all():
            if not isinstance(construct, CfnElement) or construct.stack.node.path != stack.node.path:
                continue
            if stack.resolve(construct.logical_id) == logical_id:
                scope = construct.node.scope
                return scope if construct.node.id in ("Resource", "Default") and scope is not None else construct
        return stack


class Check(Protocol):
    """A check of the complete app, which has at most one check of each type."""

    def __call__(self, templates: Templates) -> Iterable[str]:
        """Return a sentence for each fault: the path of a construct, a colon, and what is wrong with it."""


@jsii.implements(IValidation)
class SynthChecks:
    """The checks of one app."""

    def __init__(self, root: IConstruct) -> None:
        self._root = root
        self._checks: dict[type[Check], Check] = {}
        self._faults: dict[str, _Faults] = {}
        self._stages = {""}

    @staticmethod
    def of(stack: Stack) -> SynthChecks:
        """Return the checks of the app that contains ``stack``."""
        root = stack.node.root
        checks = _checks_of_roots.get(root)
        if checks is None:
            checks = _checks_of_roots[root] = SynthChecks(root)
            root.node.add_validation(checks)
        checks._add_stage(Stage.of(stack))
        return checks

    def _add_stage(self, stage: Stage | None) -> None:
        """Have the checks add their warnings before the CDK writes a nested stage, which it does before the root."""
        if stage is None or stage.node.path in self._stages:
            return
        self._stages.add(stage.node.path)
        stage.node.add_validation(_Warnings(lambda: self._errors(Templates(stage))))

    def _errors(self, templates: Templates) -> list[str]:
        return [error for check in self._checks.values() for error in check(templates)]

    def get(self, check_type: type[C]) -> C:
        """Return the app's check of a type, added on first use."""
        check = self._checks.get(check_type)
        if check is None:
            check = self._checks[check_type] = check_type()
        return cast(C, check)

    def validate(self) -> list[str]:
        """Check the app; the CDK calls this method when the tree is complete.

        The CDK shows each error after the path of the construct that reports it. It asks the root first, then all other
        constructs, so that only those with a fault need a validation.

        Returns:
            The faults that their own constructs can't report.
        """
        for faults in self._faults.values():
            faults.sentences.clear()
        return [error for error in self._errors(Templates(self._root)) if not self._is_reported_by_construct(error)]

    def _is_reported_by_construct(self, error: str) -> bool:
        """Have the construct whose path begins the error report it, if the CDK still asks the construct."""
        path, _, sentence = error.partition(": ")
        if path not in self._faults:
            construct = self._find(path)
            if construct is None:
                return False
            self._faults[path] = _Faults()
            construct.node.add_validation(self._faults[path])
        self._faults[path].sentences.append(sentence)
        return True

    def _find(self, path: str) -> IConstruct | None:
        """Return the construct at a path, unless it is in a nested stage, whose constructs the CDK has asked before."""
        construct: IConstruct | None = self._root
        for id in path.split("/"):
            construct = None if construct is None else construct.node.try_find_child(id)
            if construct is None or Stage.is_stage(construct):
                return None
        return construct


@jsii.implements(IValidation)
class _Warnings:
    """The warnings of one nested stage; the root reports the errors."""

    def __init__(self, check: Callable[[], object]) -> None:
        self._check = check

    def validate(self) -> list[str]:
        """Add the warnings."""
        self._check()
        return []


@jsii.implements(IValidation)
class _Faults:
    """The faults of one construct."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def validate(self) -> list[str]:
        """Return a sentence for each fault."""
        return self.sentences


def _synthesized(stack: Stack) -> Mapping[str, Any]:
    """Return the template that the CDK writes into a temporary folder: one call for any number of resources."""
    with tempfile.TemporaryDirectory(prefix="ssm-roles-") as folder:
        # The stack's own synthesizer would also add artifacts. One that the app has passed to the stack can't be called
        # from Python, because the CDK binds a copy of it to the stack.
        writer = TemplateWriter()
        writer.bind(stack)
        try:
            writer.synthesize(cast(ISynthesisSession, _Session(folder)))
        except RuntimeError as error:
            # The CDK reports the same error later, in more detail. This warning remains if it doesn't.
            Annotations.of(stack).add_warning_v2("ssm-roles:unchecked", f"The template could not be checked: {error}")
            return {}
        template: Mapping[str, Any] = json.loads((Path(folder) / stack.template_file).read_text(encoding="utf-8"))
    return template


@jsii.implements(ISynthesisSession)
class _Session:
    def __init__(self, folder: str) -> None:
        from aws_cdk import cx_api

        self._folder = folder
        self._assembly = cx_api.CloudAssemblyBuilder(folder)

    @property
    def assembly(self) -> cx_api.CloudAssemblyBuilder:
        return self._assembly

    @property
    def outdir(self) -> str:
        return self._folder

    @property
    def validate_on_synth(self) -> bool:
        return False


_checks_of_roots: WeakKeyDictionary[IConstruct, SynthChecks] = WeakKeyDictionary()
