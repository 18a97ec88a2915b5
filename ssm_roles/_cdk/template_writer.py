"""A synthesizer that only writes the template of a stack."""

from __future__ import annotations

import jsii
from aws_cdk import (
    DockerImageAssetLocation,
    DockerImageAssetSource,
    FileAssetLocation,
    FileAssetSource,
    ISynthesisSession,
    StackSynthesizer,
)


class TemplateWriter(StackSynthesizer):
    """Writes the template of a stack, and adds no artifacts to the cloud assembly."""

    # Node.js passes each source as one object, whereas the declarations of the CDK have its properties as arguments.
    @jsii.member(jsii_name="addFileAsset")
    def add_file_asset(self, asset: FileAssetSource) -> FileAssetLocation:  # type: ignore[override]
        """Reject a file, which would be an artifact."""
        what = asset.file_name if asset.executable is None else " ".join(asset.executable)
        raise ValueError(self.no_asset("files", f"{what!r}"))

    @jsii.member(jsii_name="addDockerImageAsset")
    def add_docker_image_asset(self, asset: DockerImageAssetSource) -> DockerImageAssetLocation:  # type: ignore[override]
        """Reject an image, which would be an artifact."""
        raise ValueError(self.no_asset("images", f"{asset.directory_name!r}"))

    def no_asset(self, kind: str, asset: str) -> str:
        """Return why there can't be an asset, for errors."""
        return f"{self._bound_stack.node.path}: the stack can't have {kind} as assets, got {asset}"

    @jsii.member(jsii_name="synthesize")
    def synthesize(self, session: ISynthesisSession) -> None:
        """Write the template."""
        self._synthesize_template(session)
