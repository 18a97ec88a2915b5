"""The events of stacks, as CloudFormation reports them to the functions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSRequest

from .in_process_aws import InProcessAws, request_body
from .simulated_clock import SimulatedClock

_XMLNS = "http://cloudformation.amazonaws.com/doc/2010-05-15/"

# The events of each stack, oldest first: the logical ID, the physical ID and the status.
stack_events: dict[str, list[tuple[str, str, str]]] = {}
# The resources of each stack that CloudFormation manages itself: the type, the logical ID and the physical ID.
native_resources: dict[str, list[tuple[str, str, str]]] = {}


class InProcessCloudFormation(InProcessAws):
    """CloudFormation, which knows the events that `stack_events` has.

    Attributes:
        page_size: The number of events in a page.
        lag: The number of the newest events that CloudFormation does not report yet, for each of the next calls.
    """

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock)
        self.page_size = 100
        self.lag: list[int] = []

    def _process(self, request: AWSRequest) -> tuple[int, bytes]:
        action, parameters = self._read(request)
        stack_id = parameters["StackName"]
        if stack_id not in stack_events:
            return self._error("ValidationError", f"Stack [{stack_id}] does not exist")
        if action == "ListStackResources":
            return 200, self._resources(stack_id)
        assert action == "DescribeStackEvents"
        events = stack_events[stack_id]
        newest_first = events[: len(events) - (self.lag.pop(0) if self.lag else 0)][::-1]
        first = int(parameters.get("NextToken", 0))
        after = first + self.page_size
        members = "".join(
            f"<member><StackId>{escape(stack_id)}</StackId><EventId>{number}</EventId><StackName>Stack</StackName>"
            f"<LogicalResourceId>{escape(logical_id)}</LogicalResourceId>"
            f"<PhysicalResourceId>{escape(physical_id)}</PhysicalResourceId>"
            f"<Timestamp>2026-11-26T00:00:00.000Z</Timestamp><ResourceStatus>{status}</ResourceStatus></member>"
            for number, (logical_id, physical_id, status) in enumerate(newest_first[first:after])
        )
        token = f"<NextToken>{after}</NextToken>" if after < len(newest_first) else ""
        return 200, self._response("DescribeStackEvents", f"<StackEvents>{members}</StackEvents>{token}")

    def _resources(self, stack_id: str) -> bytes:
        members = "".join(
            f"<member><ResourceType>{resource_type}</ResourceType><LogicalResourceId>{logical_id}</LogicalResourceId>"
            f"{f'<PhysicalResourceId>{physical_id}</PhysicalResourceId>' if physical_id else ''}"
            "<LastUpdatedTimestamp>2026-11-26T00:00:00.000Z</LastUpdatedTimestamp>"
            "<ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
            for resource_type, logical_id, physical_id in native_resources.get(stack_id, [])
        )
        return self._response("ListStackResources", f"<StackResourceSummaries>{members}</StackResourceSummaries>")

    def _read(self, request: AWSRequest) -> tuple[str, dict[str, Any]]:
        parameters = {name: values[0] for name, values in parse_qs(request_body(request).decode()).items()}
        return parameters.pop("Action"), dict(parameters)

    def _error(self, code: str, message: str) -> tuple[int, bytes]:
        error = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
        body = f'<ErrorResponse xmlns="{_XMLNS}"><Error>{error}</Error><RequestId>1</RequestId></ErrorResponse>'
        return 403 if code.startswith("AccessDenied") else 400, body.encode()

    def _response(self, action: str, result: str) -> bytes:
        return (
            f'<{action}Response xmlns="{_XMLNS}"><{action}Result>{result}</{action}Result></{action}Response>'.encode()
        )
