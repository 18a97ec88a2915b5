"""Lambda functions as AWS services call them: if the function's own policy lets the service in.

https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-services.html
"""

from typing import Any

from .ministack import app, iam_evaluator, lambda_svc, responses


def lets_in(function_arn: str, service: str, source_arn: str) -> bool:
    """Say whether a function exists and its policy lets a service invoke it.

    Everything is let in where IAM policies are not enforced.

    Args:
        function_arn: The function, in the account of the request.
        service: The service principal, such as `events.amazonaws.com`.
        source_arn: The value of `aws:SourceArn`: what of the service makes it call.
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
    """Invoke a function of the account of the request, wait for it, and return its answer and what went wrong."""
    function, config, name = lambda_svc._get_func_record_for_ref(function_arn)
    if function is None or config is None:
        return None, f"Function not found: {name}"
    record = lambda_svc._execution_record_for_config(function, config)
    result = lambda_svc._execute_function_with_config_scope(record, event)
    payload = result.get("body")
    if result.get("error"):
        return payload, str(payload)
    return payload, None
