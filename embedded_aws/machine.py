"""A machine that registers as a managed node over HTTP, as SSM Agent does, with an activation's ID and code.

https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-activation-managed-nodes.html
"""

import base64
import json
import uuid
from collections.abc import Mapping
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .loopback import require_loopback
from .server import EmbeddedAwsError

_KEY_TYPE = "Rsa"
_INFORMATION = {
    "AgentName": "amazon-ssm-agent",
    "AgentStatus": "Active",
    "AgentVersion": "3.3.0.0",
    "ComputerName": "machine.example.com",
    "IPAddress": "192.0.2.1",
    "PlatformName": "Debian GNU/Linux",
    "PlatformType": "Linux",
    "PlatformVersion": "12",
}


class KeyAuth(SigV4Auth):
    """Signature Version 4 with a private key instead of a secret access key.

    Args:
        node_id: The ID of the managed node.
        key: The private key of the machine.
        region: The Region of the managed node.
    """

    def __init__(self, node_id: str, key: rsa.RSAPrivateKey, region: str) -> None:
        super().__init__(Credentials(node_id, ""), "ssm", region)
        self._key = key

    def signature(self, string_to_sign: str, request: AWSRequest) -> str:
        """Return the signature of a request, which isn't derived from the secret access key."""
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return base64.b64encode(self._key.sign(string_to_sign.encode(), pss, hashes.SHA256())).decode()


class Machine:
    """A machine outside AWS. It has no credentials until it is registered.

    ```python
    machine = Machine(aws.endpoint_url, "eu-west-1")
    machine.register(activation_id, activation_code)
    machine.report(machine.get_credentials())
    ```

    Args:
        endpoint_url: The endpoint URL of the AWS emulator.
        region: The Region in which to register the machine.

    Attributes:
        node_id: The ID of the managed node, or "" before the registration.
        fingerprint: The fingerprint, which must not change after the registration.
        key: The private key of the machine.
    """

    def __init__(self, endpoint_url: str, region: str) -> None:
        self._url = require_loopback(endpoint_url)
        self._region = region
        self._session = URLLib3Session(proxies={})
        self.node_id = ""
        self.fingerprint = str(uuid.uuid4())
        self.key = new_key()

    def register(self, activation_id: str, activation_code: str) -> str:
        """Register the machine, and return the ID of the managed node.

        Args:
            activation_id: The activation ID.
            activation_code: The activation code.

        Raises:
            EmbeddedAwsError: `InvalidActivation`, `ActivationExpired` or `RegistrationLimitExceeded`: The activation
                can't register the machine. `InstanceAlreadyRegistered`: The machine is registered already.
        """
        registration = {
            "ActivationId": activation_id,
            "ActivationCode": activation_code,
            "Fingerprint": self.fingerprint,
            "PublicKey": public_key(self.key),
            "PublicKeyType": _KEY_TYPE,
        }
        self.node_id = str(self.send(self.request("RegisterManagedInstance", registration))["InstanceId"])
        return self.node_id

    def get_credentials(self) -> dict[str, Any]:
        """Return the credentials of the machine's role, which `EmbeddedAws.client` accepts.

        Raises:
            EmbeddedAwsError: `AccessDeniedException`: The role doesn't exist, or its trust policy doesn't allow Systems
                Manager to assume it for this node. `InvalidInstanceId`: The node doesn't exist.
        """
        asked = {"Fingerprint": self.fingerprint}
        return self.send(self.request("RequestManagedInstanceRoleToken", asked, self.key_auth()))

    def report(self, credentials: Mapping[str, Any]) -> None:
        """Report the machine as online.

        Args:
            credentials: The credentials of the machine's role.

        Raises:
            EmbeddedAwsError: `AccessDeniedException`: The role doesn't allow the call.
        """
        keys = Credentials(*(credentials[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
        information = {"InstanceId": self.node_id, **_INFORMATION}
        self.send(self.request("UpdateInstanceInformation", information, SigV4Auth(keys, "ssm", self._region)))

    def replace_key(self) -> None:
        """Replace the key pair of the machine.

        Raises:
            EmbeddedAwsError: `InvalidInstanceId`: The node doesn't exist.
        """
        new = new_key()
        replacement = {"NewPublicKey": public_key(new), "NewPublicKeyType": _KEY_TYPE}
        self.send(self.request("UpdateManagedInstancePublicKey", replacement, self.key_auth()))
        self.key = new

    def key_auth(self) -> KeyAuth:
        """Return the authentication of requests that the machine signs with its own key."""
        return KeyAuth(self.node_id, self.key, self._region)

    def request(self, operation: str, parameters: Mapping[str, Any], auth: SigV4Auth | None = None) -> AWSRequest:
        """Return a request to Systems Manager.

        Args:
            operation: The name of the operation, or the target with the prefix of another service.
            parameters: The parameters of the operation.
            auth: Signs the request. Default: - the request is anonymous
        """
        target = operation if "." in operation else f"AmazonSSM.{operation}"
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        request = AWSRequest("POST", f"{self._url}/", headers, json.dumps(parameters).encode())
        if auth is not None:
            auth.add_auth(request)
        return request

    def send(self, request: AWSRequest) -> dict[str, Any]:
        """Send a request, and return the response.

        Raises:
            EmbeddedAwsError: The response is an error.
        """
        response = self._session.send(request.prepare())
        answer: dict[str, Any] = json.loads(response.content)
        if response.status_code >= 400:
            message = answer.get("message", answer.get("Message", ""))
            raise EmbeddedAwsError(str(answer.get("__type", response.status_code)), str(message))
        return answer


def new_key() -> rsa.RSAPrivateKey:
    """Return a new private key of the size that SSM Agent uses."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_key(key: rsa.RSAPrivateKey) -> str:
    """Return the public key of a private key in the format that Systems Manager takes."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()
