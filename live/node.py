"""A machine that registers as a managed node, as SSM Agent does.

AWS doesn't document these requests. SSM Agent is open source: https://github.com/aws/amazon-ssm-agent
"""

import json
import uuid
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from embedded_aws.machine import KeyAuth, new_key, public_key


class Node:
    """A machine, which is a managed node after `register`.

    Args:
        url: The URL of the endpoint of Systems Manager.
        region: The Region.

    Attributes:
        id: The ID of the managed node, or "" before the registration.
    """

    def __init__(self, url: str, region: str) -> None:
        self._url = url
        self._region = region
        self._key = new_key()
        self._fingerprint = str(uuid.uuid4())
        self.id = ""

    def register(self, activation_id: str, activation_code: str) -> str:
        """Register the machine, and return the ID of the managed node.

        Raises:
            ClientError: Systems Manager refuses the registration.
        """
        registration = {
            "ActivationId": activation_id,
            "ActivationCode": activation_code,
            "Fingerprint": self._fingerprint,
            "PublicKey": public_key(self._key),
            "PublicKeyType": "Rsa",
        }
        self.id = str(self._send("RegisterManagedInstance", registration, None)["InstanceId"])
        return self.id

    def credentials(self) -> dict[str, Any]:
        """Return the credentials of the node's role.

        Raises:
            ClientError: Systems Manager can't assume the role for this node.
        """
        auth = KeyAuth(self.id, self._key, self._region)
        return self._send("RequestManagedInstanceRoleToken", {"Fingerprint": self._fingerprint}, auth)

    def report(self) -> None:
        """Report the machine as online, with the credentials of its role, so that Systems Manager lists it.

        Raises:
            ClientError: Systems Manager can't assume the role, or the role lacks the permission.
        """
        found = self.credentials()
        keys = Credentials(*(found[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
        information = {
            "AgentName": "amazon-ssm-agent",
            "AgentStatus": "Active",
            "AgentVersion": "3.3.0.0",
            "InstanceId": self.id,
            "PlatformType": "Linux",
        }
        self._send("UpdateInstanceInformation", information, SigV4Auth(keys, "ssm", self._region))

    def _send(self, operation: str, parameters: dict[str, str], auth: SigV4Auth | None) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AmazonSSM.{operation}"}
        request = AWSRequest("POST", f"{self._url.rstrip('/')}/", headers, json.dumps(parameters).encode())
        if auth is not None:
            auth.add_auth(request)
        response = URLLib3Session(proxies={} if self._url.startswith("http:") else None).send(request.prepare())
        answer: dict[str, Any] = json.loads(response.content)
        if response.status_code >= 400:
            code = str(answer.get("__type", response.status_code)).rpartition("#")[2]
            details: Any = {"Error": {"Code": code, "Message": str(answer.get("message", answer.get("Message", "")))}}
            raise ClientError(details, operation)
        return answer
