"""A stack that a CloudFormation stack set deploys to other accounts, and that is not deployed with the app itself."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import jsii
from aws_cdk import (
    Aws,
    CfnResource,
    Environment,
    IResolvable,
    IStringProducer,
    ISynthesisSession,
    Lazy,
    Stack,
    Token,
)
from constructs import Construct

from .._facts.stack_set_limits import TEMPLATE_BODY_BYTES
from .template_writer import TemplateWriter

if TYPE_CHECKING:
    from aws_cdk import IResolveContext

# The name of an instance's stack: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
_STACK_NAME = "StackSet-{}-00000000-0000-0000-0000-000000000000"
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
_DYNAMIC_REFERENCE = "{{resolve:"
_ANNOTATIONS = ("aws:cdk:error", "aws:cdk:info", "aws:cdk:warning")


class StackSetPart(Stack):
    """A stack of which CloudFormation deploys one instance to each account, or to each account and Region.

    The app writes its template as a file, but no artifact, so that the AWS CDK CLI doesn't deploy it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stack_set_name: str,
        regions: Sequence[str],
        units: frozenset[str] | None,
        before: Sequence[StackSetPart],
        is_regional: bool,
    ) -> None:
        """Create the stack.

        Args:
            scope: The rollout.
            id: The ID of the stack.
            stack_set_name: The name of the stack set.
            regions: The Regions that it is deployed to.
            units: The organizational units whose accounts it is deployed to, or None if these are only some of them.
            before: The stacks of rollouts that are deployed before.
            is_regional: Whether it is deployed to each Region, and not once per account.
        """
        self._synthesizer = _PartSynthesizer()
        super().__init__(
            scope,
            id,
            synthesizer=self._synthesizer,  # type: ignore[arg-type]
            # The names of resources can depend on the length of this name.
            stack_name=_STACK_NAME.format(stack_set_name),
            # Without an environment, the stack would have that of its stage.
            env=Environment(
                account=Token.as_string(_AccountOfPart(scope.node.path)),
                region=Aws.REGION if is_regional else regions[0],
            ),
            analytics_reporting=False,
        )
        self.rollout_path: str = scope.node.path
        self.regions: Sequence[str] = regions
        self.units = units
        self.before = before
        self.is_regional = is_regional

    @property
    def has_resources(self) -> bool:
        """Whether there is something to deploy."""
        return any(isinstance(each, CfnResource) for each in self.node.find_all())

    @property
    def template_body(self) -> str:
        """The template of the stack set, as a token, which is left out if the template is too long for a request."""
        return Lazy.uncached_string(_AtSynth(self._synthesizer, "template_body"))

    @property
    def template_url(self) -> str:
        """The location of the template, as a token, which is left out if the template is not too long."""
        return Lazy.uncached_string(_AtSynth(self._synthesizer, "template_url"))


def same_rollout(one: Stack, other: Stack) -> bool:
    """Whether two stacks belong to the same rollout, or are the same stack of one."""
    return isinstance(one, StackSetPart) and isinstance(other, StackSetPart) and one.rollout_path == other.rollout_path


def can_share_account(one: Stack, other: Stack) -> bool:
    """Whether two stacks can be deployed to the same account, as far as that is known.

    A stack set with service-managed permissions deploys to each account of the organization except for the management
    account, and two rollouts usually to different accounts.
    """
    if not isinstance(one, StackSetPart) or not isinstance(other, StackSetPart):
        return isinstance(one, StackSetPart) is isinstance(other, StackSetPart)
    if same_rollout(one, other):
        return True
    if one.units is None or other.units is None:
        return False
    # The root contains every account.
    return bool(one.units & other.units) or any(unit.startswith("r-") for unit in one.units | other.units)


def compact(template: object) -> str:
    """Return a template as it is sent in a request."""
    return json.dumps(template, separators=(",", ":"), ensure_ascii=False)


@jsii.implements(IResolvable)
class _AccountOfPart:
    """The account that a stack of a rollout is deployed to, which other stacks can't name.

    The CDK names a resource with a fixed name by its ARN. Elsewhere, that ARN would have the wrong account.
    """

    def __init__(self, rollout_path: str) -> None:
        self._rollout_path = rollout_path

    @property
    def creation_stack(self) -> list[str]:
        return []

    def resolve(self, context: IResolveContext) -> str:
        stack = Stack.of(context.scope)
        if not isinstance(stack, StackSetPart) or stack.rollout_path != self._rollout_path:
            raise ValueError(
                f"{stack.node.path}: resources must not refer to resources of the rollout {self._rollout_path}, which "
                f"are in other accounts, got a reference at {'/'.join(context.document_path)}; a grant of a key or a "
                "bucket makes one: create the key or bucket in the rollout, or allow aws:PrincipalOrgID in its policy"
            )
        return Aws.ACCOUNT_ID

    def to_string(self) -> str:
        return "<account of a rollout>"


@jsii.implements(IStringProducer)
class _AtSynth:
    def __init__(self, synthesizer: _PartSynthesizer, attribute: str) -> None:
        self._synthesizer = synthesizer
        self._attribute = attribute

    def produce(self, context: IResolveContext) -> str | None:
        value: str | None = getattr(self._synthesizer, self._attribute)
        return value


class _PartSynthesizer(TemplateWriter):
    """Writes the template, which becomes a property or an asset of the stack that contains the stack set.

    The CDK synthesizes a stack before the stack that contains it.
    """

    template_body: str | None = None
    template_url: str | None = None

    def no_asset(self, kind: str, asset: str) -> str:
        """Return why there can't be an asset, for errors."""
        return (
            f"{self._bound_stack.node.path}: assets must not be in a rollout, because other accounts can't read the "
            f"{kind} of this one: use inline code, log groups instead of log_retention, or a bucket or repository that "
            f"the organization can read, got {asset}"
        )

    @jsii.member(jsii_name="synthesize")
    def synthesize(self, session: ISynthesisSession) -> None:
        """Write the template, and pass it to the stack set."""
        part = self._bound_stack
        assert isinstance(part, StackSetPart)
        if not part.has_resources:
            return
        self._synthesize_template(session)
        rollout = cast(Construct, part.node.scope)
        parent = Stack.of(rollout)
        _report_annotations(part, parent)
        written = Path(session.outdir) / part.template_file
        text = compact(json.loads(written.read_text(encoding="utf-8")))
        # In the template of the parent, CloudFormation would resolve dynamic references with values of its own account.
        if len(text.encode()) <= TEMPLATE_BODY_BYTES and _DYNAMIC_REFERENCE not in text:
            self.template_body = text
            return
        # Importing the class takes time, and few templates are too long.
        from aws_cdk import aws_s3_assets as s3_assets

        id = f"{part.node.id}Template"
        # It exists if the app is synthesized again.
        rollout.node.try_remove_child(id)
        with tempfile.TemporaryDirectory(prefix="ssm-roles-") as folder:
            file = Path(folder) / "template.json"
            file.write_text(text, encoding="utf-8")
            try:
                self.template_url = s3_assets.Asset(rollout, id, path=str(file)).http_url
            except RuntimeError as error:
                raise ValueError(
                    f"{part.node.path}: the template must be an asset of {parent.node.path}, because it has more than "
                    f"{TEMPLATE_BODY_BYTES:,} bytes or a dynamic reference: give {parent.node.path} a synthesizer that "
                    f"supports assets, got {len(text.encode()):,} bytes and the error: {error}"
                ) from None


def _report_annotations(part: Stack, parent: Stack) -> None:
    """Repeat errors and warnings at the parent, because the CDK shows only those of stacks that it deploys."""
    for construct in part.node.find_all():
        for entry in construct.node.metadata:
            if entry.type in _ANNOTATIONS:
                parent.node.add_metadata(entry.type, f"{construct.node.path}: {entry.data}")
