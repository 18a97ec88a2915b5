"""Regions that are disabled in an account: their endpoints don't know its credentials.

https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
"""

import functools
import json
from collections.abc import Callable
from typing import Any

from .ministack import account, app, ec2, iam_actions, responses

_MESSAGE = "The security token included in the request is invalid."

# By account.
_disabled: dict[str, set[str]] = {}


def disable(account: str, region: str) -> None:
    """Disable a Region. A reset enables it."""
    _disabled.setdefault(account, set()).add(region)


def _of_account() -> set[str]:
    return _disabled.get(responses.get_account_id(), set())


def _refusing(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(dispatch)
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]], request_id: str
    ) -> Any:
        parameters = app._routing_params(method, path, headers, body, query)
        service = app.detect_service(method, path, headers, parameters)
        # IAM has no Regions.
        if service == "iam" or responses.get_region() not in _of_account():
            return await dispatch(method, path, headers, body, query, request_id)
        code = {"ec2": "AuthFailure", "ssm": "UnrecognizedClientException"}.get(service, "InvalidClientTokenId")
        _status, answer_headers, answer = iam_actions.access_denied_response(
            service, "", "", request_id, error_code=code, message=_MESSAGE, headers=headers
        )
        return 403, answer_headers, answer

    return handle


def _describing(describe: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(describe)
    def handle(parameters: Any) -> Any:
        status, headers, body = describe(parameters)
        every = ec2._p(parameters, "AllRegions", "").lower() == "true"
        text = body.decode() if isinstance(body, bytes) else body
        for region in _of_account():
            start = text.find(f"<item><regionName>{region}</regionName>")
            end = text.find("</item>", start) + len("</item>")
            if start >= 0:
                item = text[start:end].replace("opted-in", "not-opted-in") if every else ""
                text = text[:start] + item + text[end:]
        return status, headers, text.encode()

    return handle


def _listing(list_regions: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(list_regions)
    def handle(payload: dict[str, Any]) -> Any:
        status, headers, body = list_regions({})
        wanted = payload.get("RegionOptStatusContains")
        listed = [
            {**each, "RegionOptStatus": "DISABLED" if each["RegionName"] in _of_account() else each["RegionOptStatus"]}
            for each in json.loads(body)["Regions"]
        ]
        found = [each for each in listed if not wanted or each["RegionOptStatus"] in wanted]
        return status, headers, json.dumps({"Regions": found}).encode()

    return handle


def install() -> None:
    """Let MiniStack refuse the requests to these Regions, and include them in a reset."""
    app._dispatch_service_request = _refusing(app._dispatch_service_request)
    actions = next(each for each in vars(ec2).values() if isinstance(each, dict) and "DescribeRegions" in each)
    actions["DescribeRegions"] = _describing(actions["DescribeRegions"])
    # MiniStack doesn't know the actions of this service, and therefore doesn't authorize them.
    iam_actions._BOTOCORE_SERVICE_MAP["account"] = ["account"]
    account._DISPATCH["/listRegions"] = _listing(account._DISPATCH["/listRegions"])
    reset_everything = app._reset_all_state

    def reset_with_regions() -> None:
        reset_everything()
        _disabled.clear()

    app._reset_all_state = reset_with_regions
