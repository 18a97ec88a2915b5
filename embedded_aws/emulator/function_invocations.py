"""Invocations of Lambda functions by AWS services, subject to the resource-based policy of the function.

https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-services.html
"""

from typing import Any

from .ministack import app, iam_evaluator, lambda_svc, responses


def allows(function_arn: str, service: str, source_arn: str) -> bool:
    """Return whether a function exists and its policy allows a service to invoke it.

    If the emulator doesn't enforce IAM policies, the result is always True.

    Args:
        function_arn: The ARN of the function, in the account of the request.
        service: The service principal, such as `events.amazonaws.com`.
        source_arn: The value of `aws:SourceArn`, which is the resource for which the service invokes the function.
    """
    if not app.AUTH:
        return True
    function, _config, _name = lambda_svc._get_func_record_for_ref(function_arn)
    if function is None:
        return False
    context = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=function_arn,
        region=responses.get_region(),
        service_context={"aws:sourceaccount": responses.get_account_id(), "aws:sourcearn": source_arn},
    )
    decision = iam_evaluator.evaluate_resource_policy(function["policy"], context, service).decision
    return bool(decision == "Allow")


def invoke(function_arn: str, event: dict[str, Any]) -> tuple[Any, str | None]:
    """Invoke a function in the account of the request, and return its response and its error message, if any."""
    function, config, name = lambda_svc._get_func_record_for_ref(function_arn)
    if function is None or config is None:
        return None, f"Function not found: {name}"
    record = lambda_svc._execution_record_for_config(function, config)
    result = lambda_svc._execute_function_with_config_scope(record, event)
    payload = result.get("body")
    if result.get("error"):
        return payload, str(payload)
    return payload, None
