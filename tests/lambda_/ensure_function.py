"""The function that ensures service-linked roles."""

from collections.abc import Mapping
from typing import Any

from .answer_endpoint import AnswerEndpoint
from .lambda_function import LambdaFunction, SimulatedClock


class EnsureFunction(LambdaFunction):
    """The one function of one stack that ensures roles.

    Args:
        endpoint: Where it answers.
        iam_url: Where it finds IAM.
        credentials: `AccessKeyId`, `SecretAccessKey` and `SessionToken` to act with.
        clock: What it takes for the time.
    """

    def __init__(
        self, endpoint: AnswerEndpoint, iam_url: str, credentials: Mapping[str, str], clock: SimulatedClock
    ) -> None:
        super().__init__("ensure_service_linked_role", endpoint, iam_url, credentials, clock)

    @property
    def iam(self) -> Any:
        """The client that the function itself has made."""
        return self.client("iam")
