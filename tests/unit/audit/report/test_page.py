"""The page is complete, valid and harmless, whatever the templates contain."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssm_roles.audit.report.page import page
from ssm_roles.audit.report.views import Report, Section
from tests.unit.audit.report.findings import finding, section
from tests.unit.audit.report.samples import hybrid, template


def words(text: str) -> set[str]:
    return set(text.split())


# What the page is built of. Nothing here runs, loads or sends anything.
ELEMENTS = words(
    "a article b body code dd desc div dl dt figcaption figure footer g h1 h2 h3 h4 h5 head header html li main meta "
    "nav p path pre rect circle section span style svg table tbody td text th thead title tr ul"
)
ATTRIBUTES = words(
    "aria-hidden aria-label aria-labelledby charset class content cx cy d focusable height href http-equiv id lang "
    "name r role rx scope tabindex text-anchor transform viewbox width x y"
)


class Reader(HTMLParser):
    """What a browser reads in a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.open: list[str] = []
        self.attributes: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag != "meta":
            self.open.append(tag)
        for name, value in attrs:
            self.attributes[name] += 1
            if name == "id":
                self.ids.append(str(value))
            if name == "href":
                self.links.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def report(*sections: Section, **rest: Any) -> Report:
    return Report("Title", "Subtitle", sections, **rest)


def read(*sections: Section, **rest: Any) -> Reader:
    reader = Reader(page(report(*sections, **rest)))
    assert reader.open == []
    return reader


@pytest.mark.parametrize("roles", [1, 5, 20, 60])
def test_a_page_is_well_formed_and_consists_of_harmless_elements(roles: int) -> None:
    reader = read(section(template(roles)))
    assert set(reader.tags) <= ELEMENTS
    assert set(reader.attributes) <= ATTRIBUTES
    assert len(set(reader.ids)) == len(reader.ids)
    assert {each[1:] for each in reader.links if each.startswith("#")} <= set(reader.ids)


def test_a_page_loads_and_runs_nothing() -> None:
    html = page(report(section(template(5))))
    assert "default-src 'none'" in html.replace("&#x27;", "'")
    assert re.findall(r"<script|\son\w+=|javascript:|@import|url\(|\ssrc=", html) == []
    assert {re.sub(r"^(https://docs\.aws\.amazon\.com/|#).*", r"\1", each) for each in Reader(html).links} == {
        "https://docs.aws.amazon.com/",
        "#",
    }


HOSTILE = st.text(min_size=1, max_size=60) | st.sampled_from(
    [
        "</title><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "</style><script>",
        "<!--",
        "]]>",
        "javascript:alert(1)",
        "&lt;script&gt;",
        "\u202egnp.exe",
        "\x00\x1b[31m",
        "a" * 5_000,
        "${AWS::AccountId}",
        "\ue000Role\ue001",
        "arn:aws:iam::aws:policy/<b>",
        "日本語" * 40,
    ]
)


@given(st.lists(HOSTILE, min_size=12, max_size=12))
def test_hostile_texts_add_no_element_and_no_attribute(texts: list[str]) -> None:
    def build(logical_id: str, texts: list[str]) -> dict[str, Any]:
        name, service, account, key, value, action, resource, policy, passer, boundary, linked = texts
        statement = {"Effect": "Allow", "Action": [action, "ssm:GetParameter", "iam:PassRole"], "Resource": resource}
        return {
            "Resources": {
                logical_id: {
                    "Type": "AWS::IAM::Role",
                    "Properties": {
                        "RoleName": name,
                        "PermissionsBoundary": boundary,
                        "AssumeRolePolicyDocument": {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Principal": {"Service": service, "AWS": account, "Federated": account},
                                    "Action": "sts:AssumeRole",
                                    "Condition": {"StringEquals": {key: value, "aws:SourceArn": value}},
                                }
                            ]
                        },
                        "ManagedPolicyArns": [policy],
                        "Policies": [{"PolicyName": "P", "PolicyDocument": {"Statement": [statement]}}],
                    },
                },
                "Policy": {
                    "Type": "AWS::IAM::Policy",
                    "Properties": {
                        "Users": [passer],
                        "PolicyName": "P",
                        "PolicyDocument": {
                            "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]
                        },
                    },
                },
                "Linked": {"Type": "AWS::IAM::ServiceLinkedRole", "Properties": {"AWSServiceName": linked}},
            }
        }

    reader = read(
        section(build(texts[0], texts[1:]), texts[1]), problems=((texts[2], texts[3]),), without_roles=(texts[4],)
    )
    assert set(reader.tags) <= ELEMENTS
    assert set(reader.attributes) <= ATTRIBUTES
    assert [
        each for each in reader.links if not re.match(r"#[\w-]+$|https://docs\.aws\.amazon\.com/[\w/.#-]+$", each)
    ] == []
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ue000-\uf8ff]", reader.text)


def test_the_totals_count_roles_and_findings() -> None:
    reader = read(Section("a.json", (), (), (finding("A"), finding("B", "warning"), finding("C", "warning"))))
    assert re.search(r"0roles1error2warnings", reader.text)
    assert "0 roles, 1 error, 2 warnings" in reader.text


def test_several_templates_have_a_table_of_contents() -> None:
    assert read(section(template(1))).tags["table"] == 0
    reader = read(section(template(1)), section(template(5), "b.json"))
    assert reader.tags["table"] == 1
    assert {"#stack-1", "#stack-2"} <= set(reader.links)


def test_a_template_without_roles_says_what_it_has() -> None:
    reader = read(Section("a.json", (), (), ()))
    assert "0 roles, no findings" in reader.text
    assert reader.tags["figure"] == 0


def test_a_report_about_nothing_is_a_page() -> None:
    reader = read()
    assert reader.tags["main"] == 1
    assert reader.tags["section"] == 0


def test_what_could_not_be_read_is_on_the_page() -> None:
    reader = read(problems=(("a.yaml:3:1", "is no YAML"),), without_roles=("b.yaml",))
    assert "a.yaml:3:1: is no YAML" in reader.text
    assert "b.yaml" in reader.text


@pytest.mark.parametrize("sections", [(), (Section("Account", (), (), ()),)], ids=["no template", "an empty account"])
def test_what_could_not_be_read_comes_first_if_that_is_everything(sections: tuple[Section, ...]) -> None:
    reader = read(*sections, problems=(("iam:ListRoles", "missing"),), without_roles=("b.yaml",))
    assert reader.ids[:2] == ["content", "problems"]


def test_nothing_is_counted_if_nothing_could_be_read() -> None:
    problems = (("a.yaml:1:1", "is no YAML"),)
    assert "0errors" not in read(problems=problems).text
    assert "0errors" in read(problems=problems, without_roles=("b.yaml",)).text
    assert "0errors" in read().text


def test_what_could_not_be_read_comes_after_the_roles() -> None:
    assert read(section(template(1)), problems=(("b.yaml:1:1", "is no YAML"),)).ids[-1] == "problems"


def test_informational_findings_are_called_so_everywhere() -> None:
    reader = read(Section("a.json", (), (), (finding("A", "info"),)))
    assert "1informational" in reader.text
    assert "0 roles, 1 informational finding" in reader.text
    assert "InformationalTitle of TRUST1" in reader.text
    assert not re.search(r"\bnotes?\b", reader.text.partition("Skip to the content")[2])


def test_a_page_is_the_same_each_time() -> None:
    assert page(report(section(template(20)))) == page(report(section(template(20))))


def test_facts_and_what_is_not_seen_are_on_the_page() -> None:
    reader = read(Section("Account", (), (), (), facts=(("Read", "today"),), unseen=("the root user",)))
    assert "Readtoday" in reader.text
    assert "the root user" in reader.text


def test_a_page_of_many_roles_is_small_enough_to_open() -> None:
    assert len(page(report(section(template(60))))) < 400_000
    assert len(page(report(section({"Resources": {"Role": hybrid()}})))) < 40_000
