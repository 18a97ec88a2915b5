"""The checks as a policy validation plugin of the AWS CDK.

https://docs.aws.amazon.com/cdk/v2/guide/policy-validation-synthesis.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import aws_cdk
import jsii

from .. import __version__
from .acknowledgements import NAMESPACE, AssemblyAcknowledgements, TemplateAcknowledgements
from .check import SEVERITIES, Check, Finding
from .checks import ALL_CHECKS
from .cloud_assembly import ACKNOWLEDGED_RULES, CloudAssembly, ConstructAcknowledgement
from .documents import UnreadableError, read
from .engine import check_shared_names, check_template

if TYPE_CHECKING:
    from aws_cdk import IPolicyValidationContext, PolicyValidationPluginReport, PolicyViolatingResource, PolicyViolation
    from constructs import IConstruct

# Before aws-cdk-lib 2.252, the names had a suffix.
_SUFFIX = "" if hasattr(aws_cdk, "IPolicyValidationPlugin") else "Beta1"
_PLUGIN: Any = getattr(aws_cdk, f"IPolicyValidationPlugin{_SUFFIX}")
_REPORT: type[PolicyValidationPluginReport] = getattr(aws_cdk, f"PolicyValidationPluginReport{_SUFFIX}")
_VIOLATION: type[PolicyViolation] = getattr(aws_cdk, f"PolicyViolation{_SUFFIX}")
_PLACE: type[PolicyViolatingResource] = getattr(aws_cdk, f"PolicyViolatingResource{_SUFFIX}")

_CDK = tuple(int(each) for each in version("aws-cdk-lib").split(".")[:2])
# The CDK leaves out what is acknowledged, and says so in its report.
_LEAVES_OUT = _CDK >= (2, 271)
# The CDK leaves out each finding of a rule that is acknowledged on any construct of the app.
# https://github.com/aws/aws-cdk/pull/38789
_LEAVES_OUT_TOO_MUCH = (2, 254) <= _CDK < (2, 271)

_UNCHECKED = "UNCHECKED"


@jsii.implements(_PLUGIN)
class SsmRolesChecks:
    """A plugin that checks the synthesized templates of an app for mistakes with the roles of Systems Manager.

    Add it to the app with ``Validations.of(app).add_plugins(SsmRolesChecks())``; before aws-cdk-lib 2.252, with
    ``App(policy_validation_beta1=[SsmRolesChecks()])``. It also checks the templates of nested stacks and stack sets.
    To accept a finding, acknowledge its ID, such as ``SsmRoles::TRUST1``, on the role or on a construct above it.

    Before aws-cdk-lib 2.262, a failed validation prints the findings, but doesn't fail ``synth()`` in Python.
    https://docs.aws.amazon.com/cdk/v2/guide/policy-validation-synthesis.html
    """

    def __init__(self, *, fail_on: Literal["error", "warning"] = "error", info: bool = False) -> None:
        """Create a plugin for ``Validations.of(app).add_plugins(...)``.

        Args:
            fail_on: The minimum severity that fails the validation, ``"error"`` or ``"warning"``. With ``"warning"``,
                the report shows warnings as errors. Default: ``"error"``
            info: Whether to report findings that are only worth knowing. They never fail the validation.
                Default: ``False``

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``fail_on`` is another string.
        """
        _check_arguments(fail_on, info)
        self._failing = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
        self._reported = SEVERITIES if info else SEVERITIES[:-1]

    @property
    def name(self) -> str:
        """The name of the plugin, with which the IDs of acknowledgements begin."""
        return NAMESPACE

    @property
    def version(self) -> str:
        """The version of this package."""
        return __version__

    @property
    def rule_ids(self) -> list[str]:
        """The IDs of the checks."""
        return [check.id for check in ALL_CHECKS]

    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """Check the templates of an app. The CDK calls this method.

        Args:
            context: The paths of the templates.

        Raises:
            ValueError: The manifest beside the templates can't be read. The CDK reports it as a failure of the plugin.
        """
        app = _App([check for check in ALL_CHECKS if check.severity in self._reported])
        app.check([Path(path) for path in context.template_paths], getattr(context, "app_construct", None))
        violations = [*map(_not_checked, app.unchecked), *self._violations(app)]
        return _REPORT(
            success=not any(each.severity in ("fatal", "error") for each in violations),
            violations=violations,
            plugin_version=self.version,
            metadata={"templates": str(app.checked), "acknowledged": str(app.acknowledged)},
        )

    def _violations(self, app: _App) -> Iterator[PolicyViolation]:
        groups: defaultdict[tuple[str, str, str], list[_Located]] = defaultdict(list)
        for each in sorted(app.findings, key=lambda each: SEVERITIES.index(each.finding.check.severity)):
            rule = app.rule_name(each)
            if rule is not None:
                groups[rule, each.finding.id, each.finding.fault.message].append(each)
        for (rule, finding_id, message), found in groups.items():
            check = found[0].finding.check
            yield _VIOLATION(
                rule_name=rule,
                description=f"{check.title}: {message}",
                fix=f"{check.remedy} {check.documentation_url}",
                # The CDK decides again whether the validation fails if it leaves out what is acknowledged. It then
                # counts errors only.
                severity="error" if check.severity in self._failing else check.severity,
                rule_metadata={
                    "acknowledge": f"{NAMESPACE}::{finding_id}",
                    "severity": check.severity,
                    "risk": check.risk,
                    "documentation": check.documentation_url,
                },
                violating_resources=[each.place() for each in found],
            )


def _check_arguments(fail_on: object, info: object) -> None:
    if fail_on not in ("error", "warning"):
        error = ValueError if isinstance(fail_on, str) else TypeError
        raise error(f'SsmRolesChecks: fail_on must be "error" or "warning", got {fail_on!r}')
    if not isinstance(info, bool):
        raise TypeError(f"SsmRolesChecks: info must be True or False, got {info!r}")


@dataclass(frozen=True)
class _Folder:
    """A folder that the CDK has written: the templates of the app or of a stage."""

    assembly: CloudAssembly
    acknowledgements: AssemblyAcknowledgements
    templates: dict[Path, object]


@dataclass(frozen=True)
class _Located:
    """A finding with the template in which it is."""

    finding: Finding
    template: Path
    folder: _Folder

    def place(self) -> PolicyViolatingResource:
        """Return the place as the CDK describes it: relative to the resource, if it is in one."""
        section, *rest = map(str, self.finding.path) if self.finding.path else ("",)
        if section == "Resources" and rest:
            logical_id, *location = rest
            return _place(self.template, logical_id, location)
        if not _LEAVES_OUT:
            return _place(self.template, "".join(rest[:1]), [section, *rest])
        # The CDK finds the constructs of resources only.
        construct = self.folder.assembly.construct(self.template.name, "".join(rest[:1]))
        return _PLACE(
            construct_path=(construct or "").lstrip("/"),
            locations=[".".join([section, *rest])],
            template_path=str(self.template),
        )


@dataclass(frozen=True)
class _Unchecked:
    """A template that couldn't be checked."""

    template: Path
    problem: str


class _App:
    """The templates of an app, and what the checks find in them."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = checks
        self._folders: list[_Folder] = []
        self.findings: list[_Located] = []
        self.unchecked: list[_Unchecked] = []
        self.checked = 0
        self.acknowledged = 0

    def check(self, paths: Sequence[Path], root: IConstruct | None) -> None:
        """Check the templates of stacks, and those of their nested stacks, which the CDK doesn't name.

        Args:
            paths: The templates of the stacks of the app, or of a stage.
            root: The app, which only newer versions of the CDK tell.
        """
        above = [*_acknowledged_above_stacks(root)]
        for parent in dict.fromkeys(path.parent for path in paths):
            assembly = CloudAssembly.of(parent)
            if assembly is None:
                raise ValueError(f"{parent / 'manifest.json'} must be the manifest of a cloud assembly")
            assembly.acknowledgements += above
            folder = _Folder(assembly, AssemblyAcknowledgements(assembly, {each.id for each in ALL_CHECKS}), {})
            self._folders.append(folder)
            own = [path for path in paths if path.parent == parent]
            for path in dict.fromkeys([*own, *assembly.templates()]):
                self._check_template(folder, path)
            self._check_together(folder)

    def rule_name(self, located: _Located) -> str | None:
        """Return the name under which the CDK reports or leaves out a finding, or None if it must not see the finding.

        Args:
            located: The finding.
        """
        finding, folder = located.finding, located.folder
        of_template = TemplateAcknowledgements(folder.templates.get(located.template), frozenset())
        found = folder.acknowledgements.closest(located.template.name, finding)
        if of_template.reason(finding) is None and found is None:
            is_hidden = _LEAVES_OUT_TOO_MUCH and finding.check.id in self._acknowledged_somewhere
            return f"{finding.check.id} (acknowledged elsewhere)" if is_hidden else finding.check.id
        self.acknowledged += 1
        return found.rule.removeprefix(f"{NAMESPACE}::") if found is not None and _LEAVES_OUT else None

    @cached_property
    def _acknowledged_somewhere(self) -> set[str]:
        return {rule for folder in self._folders for rule in folder.acknowledgements.rules}

    def _check_template(self, folder: _Folder, path: Path) -> None:
        try:
            body = read(path).body
            self.findings += [_Located(each, path, folder) for each in check_template(body, checks=self._checks)]
        except UnreadableError as error:
            self.unchecked.append(_Unchecked(path, f"line {error.line}: {error}"))
        except Exception as error:
            # A defect of a check must not hide what is wrong in other templates.
            self.unchecked.append(_Unchecked(path, f"{type(error).__name__}: {error}"))
        else:
            folder.templates[path] = body
            self.checked += 1

    def _check_together(self, folder: _Folder) -> None:
        # An app without accounts is deployed to one.
        accounts: defaultdict[str, dict[str, object]] = defaultdict(dict)
        for path, body in folder.templates.items():
            accounts[folder.assembly.account(path.name)][path.name] = body
        paths = {path.name: path for path in folder.templates}
        for bodies in accounts.values():
            for name, found in check_shared_names(bodies).items():
                self.findings += [_Located(each, paths[name], folder) for each in found if each.check in self._checks]


def _acknowledged_above_stacks(construct: IConstruct | None) -> Iterator[ConstructAcknowledgement]:
    """Yield what is acknowledged on the app, stages and groups of stacks, which no manifest tells."""
    if construct is None or aws_cdk.Stack.is_stack(construct):
        return
    for entry in construct.node.metadata:
        if entry.type == ACKNOWLEDGED_RULES and isinstance(entry.data, dict):
            for rule, reason in entry.data.items():
                yield ConstructAcknowledgement(f"/{construct.node.path}", rule, reason)
    for child in construct.node.children:
        yield from _acknowledged_above_stacks(child)


def _place(template: Path, logical_id: str, location: Sequence[str]) -> PolicyViolatingResource:
    locations = [".".join(location)] if location else []
    return _PLACE(resource_logical_id=logical_id, locations=locations, template_path=str(template))


def _not_checked(unchecked: _Unchecked) -> PolicyViolation:
    return _VIOLATION(
        rule_name=_UNCHECKED,
        description=f"{unchecked.template.name} can't be checked: {unchecked.problem}",
        # The CDK doesn't leave out what is fatal.
        severity="fatal",
        violating_resources=[_place(unchecked.template, "", [])],
    )
