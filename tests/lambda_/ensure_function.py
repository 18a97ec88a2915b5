"""The function that ensures service-linked roles."""

from collections.abc import Mapping
from typing import Any

from .answer_endpoint import AnswerEndpoint
from .lambda_function import LambdaFunction
from .simulated_clock import SimulatedClock


class EnsureFunction(LambdaFunction):
    """The function of one stack that ensures roles.

    Args:
        endpoint: The endpoint that receives the responses.
        iam_url: The URL of IAM.
        credentials: The credentials of the function: `AccessKeyId`, `SecretAccessKey` and `SessionToken`.
        clock: The clock of the function.
        inline: Whether the template contains the code. Default: False
    """

    def __init__(
        self,
        endpoint: AnswerEndpoint,
        iam_url: str,
        credentials: Mapping[str, str],
        clock: SimulatedClock,
        *,
        inline: bool = False,
    ) -> None:
        super().__init__("ensure_service_linked_role", endpoint, iam_url, credentials, clock, inline=inline)

    @property
    def iam(self) -> Any:
        """The client that the function uses."""
        return self.client("iam")
