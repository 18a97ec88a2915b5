"""Which files a run looks at."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ssm_roles.audit.command.discovery import Candidate, find, local_templates, looks_like_template
from ssm_roles.audit.command.results import UnreadableFile

from .samples import CLEAN, write


def found(*paths: Path, skip_others: bool = False) -> list[Path]:
    return [each.path for each in find(paths, skip_others=skip_others) if isinstance(each, Candidate)]


def test_a_folder_is_searched_for_json_and_yaml(tmp_path: Path) -> None:
    names = ["a.json", "b.yaml", "c.yml", "d.template", "sub/e.yaml", "sub/sub/f.template.json"]
    write(tmp_path, dict.fromkeys([*names, "g.py", "h.md", "yaml"], ""))
    assert found(tmp_path) == [tmp_path / each for each in names]


def test_folders_of_tools_and_hidden_folders_are_skipped(tmp_path: Path) -> None:
    skipped = ["node_modules/a.yaml", ".git/a.yaml", ".venv/a.yaml", "sub/.aws-sam/build/template.yaml"]
    write(tmp_path, dict.fromkeys([*skipped, ".hidden.yaml", "kept/a.yaml"], ""))
    assert found(tmp_path) == [tmp_path / ".hidden.yaml", tmp_path / "kept/a.yaml"]


def test_a_hidden_folder_is_searched_if_it_is_named(tmp_path: Path) -> None:
    write(tmp_path, {".aws-sam/template.yaml": ""})
    assert found(tmp_path / ".aws-sam") == [tmp_path / ".aws-sam/template.yaml"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/template.yaml": ""})
    (tmp_path / "a/b/above").symlink_to(tmp_path)
    (tmp_path / "a/b/itself").symlink_to("itself")
    assert found(tmp_path) == [tmp_path / "a/b/template.yaml"]


def test_a_linked_folder_is_searched(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/template.yaml": "", "project/other.yaml": ""})
    (tmp_path / "project/linked").symlink_to(tmp_path / "elsewhere")
    assert found(tmp_path / "project") == [
        tmp_path / "project/other.yaml",
        tmp_path / "project/linked/template.yaml",
    ]


def test_only_named_files_must_be_templates(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": ""})
    path = tmp_path / "a.yaml"
    assert [each.named for each in find([path], skip_others=False) if isinstance(each, Candidate)] == [True]
    assert [each.named for each in find([tmp_path], skip_others=False) if isinstance(each, Candidate)] == [False]
    assert [each.named for each in find([path], skip_others=True) if isinstance(each, Candidate)] == [False]


def test_a_folder_that_cannot_be_read_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"closed/a.yaml": "", "open/b.yaml": ""})
    usual = Path.iterdir

    def iterdir(self: Path) -> object:
        if self.name == "closed":
            raise PermissionError(13, "Permission denied")
        return usual(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert list(find([tmp_path], skip_others=False)) == [
        UnreadableFile(str(tmp_path / "closed"), "must be a folder that can be read: Permission denied"),
        Candidate(tmp_path / "open/b.yaml"),
    ]


def test_only_the_templates_of_a_cloud_assembly_are_found(tmp_path: Path) -> None:
    stack = {"type": "aws:cloudformation:stack", "properties": {"templateFile": "A.template.json"}}
    manifest = json.dumps({"version": "55.0.0", "artifacts": {"A": stack}})
    names = ["A.template.json", "Old.template.json", "tree.json", "asset.0123/template.yaml"]
    folder = write(tmp_path / "app/cdk.out", {**dict.fromkeys(names, CLEAN), "manifest.json": manifest})
    assert found(folder) == [folder / "A.template.json"]
    assert found(tmp_path / "app") == [folder / "A.template.json"]


@pytest.mark.parametrize("manifest", ['{"name": "extension", "version": "1"}', "[", "[]", "null"])
def test_a_manifest_of_another_tool_is_no_cloud_assembly(manifest: str, tmp_path: Path) -> None:
    write(tmp_path, {"manifest.json": manifest, "template.yaml": ""})
    assert found(tmp_path) == [tmp_path / "manifest.json", tmp_path / "template.yaml"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CLEAN, True),
        ('{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}', True),
        ('AWSTemplateFormatVersion: "2010-09-09"\n{{ AWS::Region', True),
        ("apiVersion: v1\nkind: Service\n{{ .Values.name }}", False),
        ("", False),
        ("Resources: {}", False),
    ],
)
def test_a_text_looks_like_a_template_or_not(text: str, expected: bool, tmp_path: Path) -> None:
    assert looks_like_template(write(tmp_path, {"a.yaml": text}) / "a.yaml") is expected


def stack_with(url: object, kind: str = "AWS::CloudFormation::Stack", name: str = "TemplateURL") -> object:
    return {"Resources": {"A": {"Type": kind, "Properties": {name: url}}}}


def test_a_nested_stack_can_have_a_local_template(tmp_path: Path) -> None:
    write(tmp_path, {"main.yaml": "", "sub/nested.yaml": ""})
    path = tmp_path / "main.yaml"
    assert list(local_templates(stack_with("./sub/nested.yaml"), path)) == [tmp_path / "sub/nested.yaml"]
    application = stack_with("sub/nested.yaml", "AWS::Serverless::Application", "Location")
    assert list(local_templates(application, path)) == [tmp_path / "sub/nested.yaml"]


@pytest.mark.parametrize(
    "body",
    [
        *(
            stack_with(url)
            for url in ("https://s3.amazonaws.com/bucket/a.yaml", "no.yaml", "sub", "", "\0", "a" * 5000)
        ),
        *(stack_with(url) for url in ({"Fn::Sub": "main.yaml"}, ["main.yaml"], 5, None)),
        stack_with("main.yaml", "AWS::CloudFormation::StackSet"),
        stack_with("main.yaml", ["AWS::CloudFormation::Stack"]),  # type: ignore[arg-type]
        {"Resources": {"A": {"Type": "AWS::CloudFormation::Stack", "Properties": []}, "B": []}},
        {"Resources": []},
        [],
        None,
    ],
    ids=lambda body: str(body)[:90],
)
def test_anything_else_is_no_local_template(body: object, tmp_path: Path) -> None:
    write(tmp_path, {"main.yaml": "", "sub/nested.yaml": ""})
    assert list(local_templates(body, tmp_path / "main.yaml")) == []


def test_a_file_that_is_no_regular_file_is_skipped_in_a_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert found(tmp_path) == []


def test_a_name_that_is_too_long_is_left_to_what_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 300)
    assert found(path) == [path]


def test_a_folder_whose_files_may_only_be_listed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.yaml": ""})
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert list(find([tmp_path], skip_others=False)) == [
        UnreadableFile(str(tmp_path), "must be a folder whose files can be read: Permission denied")
    ]


def test_a_file_that_may_not_be_looked_at_is_left_to_what_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a.yaml"
    monkeypatch.setattr(Path, "stat", denied)
    assert found(path) == [path]


def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.json")
    write(tmp_path, {"a.yaml": ""})
    assert found(tmp_path) == [tmp_path / "a.yaml"]
    assert not looks_like_template(tmp_path / "manifest.json")
