"""A machine registers over HTTP, gets the credentials of its role, and reports itself, as SSM Agent does."""

import hashlib
import http.client
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from embedded_aws.machine import KeyAuth, Machine, new_key, public_key
from embedded_aws.server import EmbeddedAws, EmbeddedAwsError

pytestmark = pytest.mark.deep

_REGION = "eu-west-1"
_CONDITION = {
    "StringEquals": {"aws:SourceAccount": "111122223333"},
    "ArnLike": {"aws:SourceArn": f"arn:aws:ssm:{_REGION}:111122223333:managed-instance/*"},
}
_TOKEN = "RequestManagedInstanceRoleToken"


def _trust(condition: dict[str, Any]) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]})


def _make_activation(aws: EmbeddedAws, name: str = "Node", **arguments: Any) -> dict[str, Any]:
    iam = aws.client("iam")
    iam.create_role(RoleName=name, Path="/service-role/", AssumeRolePolicyDocument=_trust(_CONDITION))
    core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    iam.attach_role_policy(RoleName=name, PolicyArn=core)
    created = aws.client("ssm").create_activation(IamRole=f"service-role/{name}", **arguments)
    return {"activation_id": created["ActivationId"], "activation_code": created["ActivationCode"]}


def _machine(aws: EmbeddedAws) -> Machine:
    return Machine(aws.endpoint_url, _REGION)


def _registered(aws: EmbeddedAws, name: str = "Node") -> Machine:
    machine = _machine(aws)
    machine.register(**_make_activation(aws, name))
    return machine


def _code(call: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    with pytest.raises(EmbeddedAwsError) as raised:
        call(*arguments, **named)
    return raised.value.code


def _shown(aws: EmbeddedAws) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = aws.client("ssm").describe_instance_information()["InstanceInformationList"]
    return shown


def test_a_machine_registers_gets_the_credentials_of_its_role_and_reports_itself(aws: EmbeddedAws) -> None:
    activation = _make_activation(aws, DefaultInstanceName="web", Tags=[{"Key": "team", "Value": "blue"}])
    machine = _machine(aws)
    node_id = machine.register(**activation)
    (before,) = _shown(aws)
    assert (before["InstanceId"], before["PingStatus"], before.get("AgentVersion")) == (node_id, "ConnectionLost", None)
    assert aws.activations()[0]["RegistrationsCount"] == 1

    credentials = machine.get_credentials()
    assert credentials["TokenExpirationDate"] == pytest.approx(time.time() + 3600, abs=10)
    assert credentials["UpdateKeyPair"] is False
    session_arn = f"arn:aws:sts::{aws.account}:assumed-role/Node/{node_id}"
    assert aws.client("sts", credentials=credentials).get_caller_identity()["Arn"] == session_arn

    machine.report(credentials)
    (after,) = _shown(aws)
    assert after.pop("LastPingDateTime").timestamp() == pytest.approx(time.time(), abs=10)
    assert after == {
        **before,
        "PingStatus": "Online",
        "AgentVersion": "3.3.0.0",
        "ComputerName": "machine.example.com",
        "IPAddress": "192.0.2.1",
        "PlatformName": "Debian GNU/Linux",
        "PlatformType": "Linux",
        "PlatformVersion": "12",
    }
    calls = [call for call in aws.calls() if "ManagedInstance" in call.action or "Update" in call.action]
    assert [(call.action, call.principal_arn, call.account, call.region) for call in calls] == [
        ("ssm:RegisterManagedInstance", "", aws.account, _REGION),
        (f"ssm:{_TOKEN}", "", aws.account, _REGION),
        ("ssm:UpdateInstanceInformation", session_arn, aws.account, _REGION),
    ]
    secrets = [activation["activation_code"], credentials["SecretAccessKey"], credentials["SessionToken"]]
    assert [secret for secret in secrets if secret in aws.log + str(aws.nodes())] == []


def test_a_machine_registers_in_the_account_and_region_of_its_activation(aws: EmbeddedAws) -> None:
    region, account = "us-east-1", "444455556666"
    aws.client("iam", account=account).create_role(RoleName="Node", AssumeRolePolicyDocument=_trust({}))
    created = aws.client("ssm", region, account).create_activation(IamRole="Node")
    machine = Machine(aws.endpoint_url, region)
    node_id = machine.register(created["ActivationId"], created["ActivationCode"])
    assert [node["InstanceId"] for node in aws.nodes(region, account=account)] == [node_id]
    assert aws.nodes() == []
    identity = aws.client("sts", region, credentials=machine.get_credentials()).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/Node/{node_id}"
    elsewhere = _machine(aws)
    elsewhere.node_id, elsewhere.key, elsewhere.fingerprint = node_id, machine.key, machine.fingerprint
    assert _code(elsewhere.get_credentials) == "InvalidInstanceId"


def test_a_wrong_code_registers_no_machine(aws: EmbeddedAws) -> None:
    activation, other = _make_activation(aws), _make_activation(aws, "Other")
    machine = _machine(aws)
    assert _code(machine.register, activation["activation_id"], other["activation_code"]) == "InvalidActivation"
    absent = "00000000-0000-4000-8000-000000000000"
    assert _code(machine.register, absent, activation["activation_code"]) == "InvalidActivation"
    assert aws.nodes() == []
    assert [each["RegistrationsCount"] for each in aws.activations()] == [0, 0]
    (call,) = aws.calls("ssm:RegisterManagedInstance")[:1]
    assert call.error_code == "InvalidActivation"


def test_a_used_up_expired_or_deleted_activation_registers_no_machine(aws: EmbeddedAws) -> None:
    used_up = _make_activation(aws)
    _machine(aws).register(**used_up)
    assert _code(_machine(aws).register, **used_up) == "RegistrationLimitExceeded"
    expired = _make_activation(aws, "Expired", ExpirationDate=time.time() + 0.3)
    time.sleep(0.35)
    assert _code(_machine(aws).register, **expired) == "ActivationExpired"
    deleted = _make_activation(aws, "Deleted")
    aws.client("ssm").delete_activation(ActivationId=deleted["activation_id"])
    assert _code(_machine(aws).register, **deleted) == "InvalidActivation"
    assert len(aws.nodes()) == 1


def test_a_machine_registers_only_once(aws: EmbeddedAws) -> None:
    activation = _make_activation(aws, RegistrationLimit=3)
    machine = _machine(aws)
    node_id = machine.register(**activation)
    assert _code(machine.register, **activation) == "InstanceAlreadyRegistered"
    assert aws.activations()[0]["RegistrationsCount"] == 1
    aws.client("ssm").deregister_managed_instance(InstanceId=node_id)
    assert machine.register(**activation) != node_id


def _weak_key() -> str:
    return public_key(rsa.generate_private_key(public_exponent=65537, key_size=1024))


def _pem() -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return new_key().public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"PublicKey": "AAAA"}, "InvalidPublicKey"),
        ({"PublicKey": "ä"}, "InvalidPublicKey"),
        ({"PublicKey": _weak_key()}, "InvalidPublicKey"),
        ({"PublicKey": _pem()}, "InvalidPublicKey"),
        ({"PublicKeyType": "Ed25519"}, "InvalidPublicKey"),
        ({"Fingerprint": ""}, "ValidationException"),
        ({"ActivationId": None}, "ValidationException"),
        ({"ActivationCode": 1}, "ValidationException"),
    ],
)
def test_a_registration_is_checked(aws: EmbeddedAws, change: dict[str, Any], code: str) -> None:
    activation = _make_activation(aws)
    machine = _machine(aws)
    registration = {
        "ActivationId": activation["activation_id"],
        "ActivationCode": activation["activation_code"],
        "Fingerprint": machine.fingerprint,
        "PublicKey": public_key(machine.key),
        "PublicKeyType": "Rsa",
    }
    assert _code(machine.send, machine.request("RegisterManagedInstance", {**registration, **change})) == code
    assert aws.nodes() == []
    assert machine.send(machine.request("RegisterManagedInstance", registration))["InstanceId"].startswith("mi-")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"'])
def test_a_registration_is_a_json_object(aws: EmbeddedAws, body: bytes) -> None:
    machine = _machine(aws)
    request = machine.request("RegisterManagedInstance", {})
    request.data = body
    assert _code(machine.send, request) == "SerializationException"


def test_only_the_key_of_the_machine_signs_its_requests(aws: EmbeddedAws) -> None:
    machine, other = _registered(aws), _registered(aws, "Other")
    asked = {"Fingerprint": machine.fingerprint}
    for auth, code in {
        KeyAuth(machine.node_id, other.key, _REGION): "InvalidSignatureException",
        KeyAuth(other.node_id, machine.key, _REGION): "InvalidSignatureException",
        KeyAuth("mi-0123456789abcdef0", machine.key, _REGION): "InvalidInstanceId",
        KeyAuth(machine.node_id, machine.key, "us-east-1"): "InvalidInstanceId",
        # A secret access key is no substitute for the private key.
        SigV4Auth(Credentials(machine.node_id, "test"), "ssm", _REGION): "InvalidSignatureException",
        SigV4Auth(Credentials(aws.account, "test"), "ssm", _REGION): "InvalidInstanceId",
    }.items():
        assert _code(machine.send, machine.request(_TOKEN, asked, auth)) == code
    assert _code(machine.send, machine.request(_TOKEN, asked)) == "IncompleteSignatureException"
    assert _code(other.send, other.request(_TOKEN, asked, other.key_auth())) == "MachineFingerprintDoesNotMatch"
    assert machine.send(machine.request(_TOKEN, asked, machine.key_auth()))["AccessKeyId"].startswith("ASIA")


def test_a_node_without_a_key_gets_no_credentials(aws: EmbeddedAws) -> None:
    activation = _make_activation(aws)
    machine = _machine(aws)
    machine.node_id = aws.register_node(**activation)
    assert _code(machine.get_credentials) == "InvalidSignatureException"


def _change_body(request: AWSRequest) -> None:
    request.data = json.dumps({**json.loads(request.data or b""), "more": 1}).encode()


def _change_operation(request: AWSRequest) -> None:
    # The body is valid for this operation.
    request.data = json.dumps({"NewPublicKey": public_key(new_key()), "NewPublicKeyType": "Rsa"}).encode()
    _set(request, "X-Amz-Target", "AmazonSSM.UpdateManagedInstancePublicKey")


def _change_date(request: AWSRequest) -> None:
    signed_at = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    _set(request, "X-Amz-Date", f"{signed_at + timedelta(seconds=1):%Y%m%dT%H%M%SZ}")


def _change_signature(request: AWSRequest) -> None:
    _set(request, "Authorization", request.headers["Authorization"][:-4] + "AAA=")


def _set(request: AWSRequest, header: str, value: str) -> None:
    del request.headers[header]
    request.headers[header] = value


@pytest.mark.parametrize(
    "tamper",
    [
        _change_body,
        _change_operation,
        _change_date,
        _change_signature,
        lambda request: _set(request, "Host", "example.com"),
        lambda request: _set(request, "X-Amz-Content-Sha256", "0" * 64),
        lambda request: _set(request, "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"),
    ],
    ids=["body", "operation", "date", "signature", "host", "digest", "unsigned payload"],
)
def test_a_tampered_request_is_rejected(aws: EmbeddedAws, tamper: Callable[[AWSRequest], None]) -> None:
    machine = _registered(aws)
    request = machine.request(_TOKEN, {"Fingerprint": machine.fingerprint}, machine.key_auth())
    tamper(request)
    assert _code(machine.send, request) == "InvalidSignatureException"


@pytest.mark.parametrize("left_out", ["x-amz-target", "x-amz-date", "host"])
def test_a_signature_covers_the_operation_the_date_and_the_host(aws: EmbeddedAws, left_out: str) -> None:
    class Partial(KeyAuth):
        def headers_to_sign(self, request: Any) -> Any:
            headers = super().headers_to_sign(request)
            del headers[left_out]
            return headers

    machine = _registered(aws)
    auth = Partial(machine.node_id, machine.key, _REGION)
    asked = {"Fingerprint": machine.fingerprint}
    assert _code(machine.send, machine.request(_TOKEN, asked, auth)) == "InvalidSignatureException"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_is_valid_for_five_minutes(aws: EmbeddedAws, minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = _registered(aws)
    then = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: then)
    assert _code(machine.get_credentials) == "InvalidSignatureException"


def test_a_body_is_sent_in_chunks_with_its_digest(aws: EmbeddedAws) -> None:
    machine = _registered(aws)
    body = json.dumps({"Fingerprint": machine.fingerprint}).encode()
    request = machine.request(_TOKEN, {"Fingerprint": machine.fingerprint})
    request.headers["X-Amz-Content-Sha256"] = hashlib.sha256(body).hexdigest()
    machine.key_auth().add_auth(request)

    def answer(*chunks: bytes) -> dict[str, Any]:
        connection = http.client.HTTPConnection(urlsplit(aws.endpoint_url).netloc, timeout=30)
        connection.request("POST", "/", iter(chunks), dict(request.headers.items()))
        answered: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return answered

    assert answer(body[:5], body[5:])["AccessKeyId"].startswith("ASIA")
    assert answer(body, b" ")["__type"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceAccount": "444455556666"}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:ssm:us-east-1:111122223333:*"}},
        {"ArnEquals": {"aws:SourceArn": "arn:aws:ssm:*:*:managed-instance/mi-0123456789abcdef0"}},
    ],
)
def test_the_conditions_of_the_trust_policy_decide(aws: EmbeddedAws, condition: dict[str, Any]) -> None:
    machine = _registered(aws)
    earlier = machine.get_credentials()
    aws.client("iam").update_assume_role_policy(RoleName="Node", PolicyDocument=_trust(condition))
    with pytest.raises(EmbeddedAwsError, match="is not authorized to perform: sts:AssumeRole") as no:
        machine.get_credentials()
    assert no.value.code == "AccessDeniedException"
    # Credentials that the machine has remain valid.
    machine.report(earlier)
    own = {"ArnEquals": {"aws:SourceArn": f"arn:aws:ssm:{_REGION}:111122223333:managed-instance/{machine.node_id}"}}
    aws.client("iam").update_assume_role_policy(RoleName="Node", PolicyDocument=_trust(own))
    machine.get_credentials()


def test_a_machine_whose_role_is_deleted_gets_no_credentials_until_it_has_another_role(aws: EmbeddedAws) -> None:
    machine = _registered(aws)
    iam = aws.client("iam")
    iam.detach_role_policy(RoleName="Node", PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
    iam.delete_role(RoleName="Node")
    assert _code(machine.get_credentials) == "AccessDeniedException"
    iam.create_role(RoleName="Other", AssumeRolePolicyDocument=_trust(_CONDITION))
    aws.client("ssm").update_managed_instance_role(InstanceId=machine.node_id, IamRole="Other")
    arn = aws.client("sts", credentials=machine.get_credentials()).get_caller_identity()["Arn"]
    assert arn.endswith(f":assumed-role/Other/{machine.node_id}")


def test_a_deregistered_machine_gets_no_credentials_and_cannot_report_itself(aws: EmbeddedAws) -> None:
    machine = _registered(aws)
    credentials = machine.get_credentials()
    aws.client("ssm").deregister_managed_instance(InstanceId=machine.node_id)
    assert _code(machine.get_credentials) == "InvalidInstanceId"
    assert _code(machine.replace_key) == "InvalidInstanceId"
    assert _code(machine.report, credentials) == "InvalidInstanceId"


def test_a_report_requires_the_permission_of_the_role(aws: EmbeddedAws) -> None:
    machine = _registered(aws)
    credentials = machine.get_credentials()
    core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    aws.client("iam").detach_role_policy(RoleName="Node", PolicyArn=core)
    with pytest.raises(EmbeddedAwsError, match=f"{machine.node_id} is not authorized to perform: ssm:Upd") as denied:
        machine.report(credentials)
    assert denied.value.code == "AccessDeniedException"
    assert _shown(aws)[0]["PingStatus"] == "ConnectionLost"
    wrong = {**credentials, "SecretAccessKey": "wrong"}
    assert _code(machine.report, wrong) == "InvalidSignatureException"


def test_a_machine_replaces_its_key(aws: EmbeddedAws) -> None:
    machine, other = _registered(aws), _registered(aws, "Other")
    before = machine.key
    machine.replace_key()
    machine.get_credentials()
    replaced, machine.key = machine.key, before
    assert _code(machine.get_credentials) == "InvalidSignatureException"
    assert _code(machine.replace_key) == "InvalidSignatureException"
    machine.key = replaced
    for key, code in {
        public_key(replaced): "PublicKeyAlreadyRegistered",
        public_key(other.key): "PublicKeyAlreadyRegistered",
        "AAAA": "InvalidPublicKey",
    }.items():
        replacement = {"NewPublicKey": key, "NewPublicKeyType": "Rsa"}
        request = machine.request("UpdateManagedInstancePublicKey", replacement, machine.key_auth())
        assert _code(machine.send, request) == code
    machine.get_credentials()


def test_an_agent_polls_for_messages_and_associations(aws: EmbeddedAws) -> None:
    machine = _registered(aws)
    credentials = machine.get_credentials()
    keys = Credentials(*(credentials[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
    polls: list[tuple[str, str, dict[str, str], dict[str, Any]]] = [
        ("ec2messages", "EC2WindowsMessageDeliveryService.GetMessages", {"Destination": machine.node_id}, {}),
        ("ssm", "AmazonSSM.ListInstanceAssociations", {"InstanceId": machine.node_id}, {"Associations": []}),
    ]
    for service, target, parameters, answer in polls:
        auth = SigV4Auth(keys, service, _REGION)
        assert machine.send(machine.request(target, parameters, auth)) == answer
    core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    aws.client("iam").detach_role_policy(RoleName="Node", PolicyArn=core)
    for service, target, parameters, _ in polls:
        auth = SigV4Auth(keys, service, _REGION)
        assert _code(machine.send, machine.request(target, parameters, auth)) == "AccessDeniedException"
    seen = [
        (call.action, call.error_code) for call in aws.calls() if call.action.endswith(("Messages", "Associations"))
    ]
    assert seen == [
        ("ec2messages:GetMessages", None),
        ("ssm:ListInstanceAssociations", None),
        ("ec2messages:GetMessages", "AccessDeniedException"),
        ("ssm:ListInstanceAssociations", "AccessDeniedException"),
    ]


def test_errors_can_be_injected_and_nodes_belong_to_a_checkpoint(aws: EmbeddedAws) -> None:
    activation = _make_activation(aws, RegistrationLimit=2)
    machine = _machine(aws)
    aws.fail_next("ssm:RegisterManagedInstance", "InternalServerError", http_status=500)
    assert _code(machine.register, **activation) == "InternalServerError"
    machine.register(**activation)
    aws.save_checkpoint()
    try:
        later = _machine(aws)
        later.register(**activation)
        aws.reset()
        machine.get_credentials()
        assert _code(later.get_credentials) == "InvalidInstanceId"
    finally:
        aws.forget_checkpoint()


def test_a_machine_connects_only_to_this_machine() -> None:
    with pytest.raises(ValueError, match="endpoint must be"):
        Machine("https://ssm.eu-west-1.amazonaws.com", _REGION)
