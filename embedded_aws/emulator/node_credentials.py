"""The operations with which a machine registers and gets the credentials of its role, without AWS credentials.

SSM Agent registers with an anonymous request that contains the activation's ID and code and the machine's public key.
It signs later requests like Signature Version 4, but with the machine's private key: RSASSA-PSS with SHA-256 and a salt
of 32 bytes. With these requests, it gets the credentials of the role and replaces its key. AWS doesn't document the
operations or their signature. The emulator decides as follows:

* An anonymous request contains neither account nor Region, and on AWS the endpoint tells the Region. The emulator has
  one endpoint and searches all accounts and Regions for the activation.
* A public key registers once. A repeated registration fails without counting.
* A signature must cover the host, the date and the operation, and the body of the request. As for other requests, it
  is valid for five minutes.
* If Systems Manager can't assume the role, the error is `AccessDeniedException`.

https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

import base64
import functools
import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from . import activations, json_protocol, managed_nodes, service_principals
from .ministack import app, responses, sigv4
from .responses import ApiError

_TARGET = "AmazonSSM"
_SERVICE = "ssm"
_KEY_TYPE = "Rsa"
_MIN_KEY_BITS = 2048
_SALT_BYTES = 32
_SIGNED = {"host", "x-amz-date", "x-amz-target"}

_Request = dict[str, Any]


def _text(request: _Request, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or value == "":
        at = f"{name[:1].lower()}{name[1:]}"
        constraint = f"Value null at '{at}' failed to satisfy constraint: Member must not be null"
        raise ApiError("ValidationException", f"1 validation error detected: {constraint}")
    return value


def _public_key(request: _Request, prefix: str = "") -> str:
    encoded = _text(request, f"{prefix}PublicKey")
    if request.get(f"{prefix}PublicKeyType") != _KEY_TYPE or _load(encoded) is None:
        raise ApiError("InvalidPublicKey", "")
    return encoded


def _load(encoded: str) -> rsa.RSAPublicKey | None:
    try:
        key = serialization.load_der_public_key(base64.b64decode(encoded, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _MIN_KEY_BITS else None


def _register(request: _Request) -> dict[str, str]:
    activation_id, code = _text(request, "ActivationId"), _text(request, "ActivationCode")
    fingerprint, public_key = _text(request, "Fingerprint"), _public_key(request)
    place = activations.place_of(activation_id)
    if place is None:
        raise ApiError("InvalidActivation", "")
    _set_place(*place)
    if managed_nodes.has_public_key(*place, public_key):
        raise ApiError("InstanceAlreadyRegistered", "")
    node_id = managed_nodes.register(activation_id, code, *place, public_key=public_key, fingerprint=fingerprint)
    return {"InstanceId": node_id}


def _get_credentials(request: _Request, node_id: str) -> dict[str, Any]:
    node = managed_nodes.find(node_id)
    if _text(request, "Fingerprint") != node["Fingerprint"]:
        raise ApiError("MachineFingerprintDoesNotMatch", "Fingerprint does not match")
    account, region = responses.get_account_id(), responses.get_region()
    try:
        session = service_principals.assume_role(
            f"arn:aws:iam::{account}:role/{node['Information']['IamRole']}",
            "ssm.amazonaws.com",
            source_account=account,
            source_arn=activations.managed_node_arn(node_id),
            session_name=node_id,
            region=region,
        )
    except ApiError as error:
        raise ApiError("AccessDeniedException", error.message) from error
    return {
        "AccessKeyId": session["AccessKeyId"],
        "SecretAccessKey": session["SecretAccessKey"],
        "SessionToken": session["SessionToken"],
        "TokenExpirationDate": datetime.fromisoformat(session["Expiration"]).timestamp(),
        "UpdateKeyPair": False,
    }


def _replace_key(request: _Request, node_id: str) -> dict[str, Any]:
    public_key = _public_key(request, "New")
    if managed_nodes.has_public_key(responses.get_account_id(), responses.get_region(), public_key):
        raise ApiError("PublicKeyAlreadyRegistered", "")
    managed_nodes.find(node_id)["PublicKey"] = public_key
    return {}


_SIGNED_BY_MACHINE: dict[str, Callable[[_Request, str], dict[str, Any]]] = {
    "RequestManagedInstanceRoleToken": _get_credentials,
    "UpdateManagedInstancePublicKey": _replace_key,
}


def _set_place(account: str, region: str) -> None:
    responses.set_request_account_id(account)
    responses.set_request_region(region)


def _check_signature(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> str:
    """Check the signature of a request, and return the ID of the node that sent it."""
    signature = sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):
        raise ApiError("IncompleteSignatureException", signature[1])
    node_id = signature.access_key_id
    account = managed_nodes.account_of(node_id, signature.region)
    if account is None:
        raise ApiError("InvalidInstanceId", "")
    _set_place(account, signature.region)
    skew = sigv4.request_time_failure(signature)
    if skew is not None:
        raise ApiError("InvalidSignatureException", skew[1])
    key = _load(managed_nodes.find(node_id)["PublicKey"] or "")
    digest = hashlib.sha256(body).hexdigest()
    if (
        key is None
        or signature.service != _SERVICE
        or signature.amz_date[:8] != signature.date_stamp
        or not set(signature.signed_headers.split(";")) >= _SIGNED
        or headers.get("x-amz-content-sha256", digest) != digest
    ):
        raise _mismatch()
    _canonical, to_sign = sigv4.header_signing_documents(signature, method, path, query, headers, body)
    try:
        key.verify(
            base64.b64decode(signature.signature, validate=True),
            to_sign.encode(),
            padding.PSS(padding.MGF1(hashes.SHA256()), _SALT_BYTES),
            hashes.SHA256(),
        )
    except (ValueError, InvalidSignature):
        raise _mismatch() from None
    return str(node_id)


def _mismatch() -> ApiError:
    return ApiError(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method.",
    )


def _carry_out(operation: str, method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
    try:
        request = json.loads(body)
    except ValueError:
        request = None
    if not isinstance(request, dict):
        raise ApiError("SerializationException", "")
    if operation == "RegisterManagedInstance":
        return _register(request)
    return _SIGNED_BY_MACHINE[operation](request, _check_signature(method, path, headers, body, query))


def _answering_machines(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(dispatch)
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]], request_id: str
    ) -> Any:
        target, _, operation = headers.get("x-amz-target", "").partition(".")
        if target != _TARGET or operation not in ("RegisterManagedInstance", *_SIGNED_BY_MACHINE):
            return await dispatch(method, path, headers, body, query, request_id)
        try:
            return json_protocol.response(200, _carry_out(operation, method, path, headers, body, query))
        except ApiError as error:
            return json_protocol.error_response(error)

    return handle


def install() -> None:
    """Answer these requests before MiniStack rejects them because they have no AWS credentials."""
    app._dispatch_service_request = _answering_machines(app._dispatch_service_request)
