"""The settings of a hybrid activation: their limits, and the form in which the rotation function takes them.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from aws_cdk import Duration, PhysicalName

from .._cdk.reach import check_reach
from .._cdk.resources import key_arn, region_of_key
from .._cdk.stack_facts import StackFacts
from .._cdk.tokens import is_token, same
from .._checks import check_text, check_type, has_token, without_tokens
from ..nodes.activation_role_name import ACTIVATION_ROLE_NAME_LENGTH
from ..nodes.node_tags import TEXT_LENGTH, check_node_text

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms

REGISTRATION_LIMIT = 1000
_LONGEST_LIFETIME_HOURS = 30 * 24
_DESCRIPTION = re.compile(r"[\t\n\r -~\u00A0-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]*")

# The rotation function appends a mark of 46 characters, such as " [ssm-roles:0123456789abcdef:0123456789abcdef]".
_DESCRIPTION_LENGTH = 256 - 46

# The shortest interval between rotations, and the shortest window:
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
_SHORTEST_ROTATION_HOURS = 4
ROTATION_WINDOW_HOURS = 1

# Secrets Manager keeps about 100 versions, and each for 24 hours. Scheduled rotations and deployments need some:
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
_VERSIONS_PER_DAY = 90

# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
_SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]+")
_SECRET_NAME_LENGTH = 512
_LIKE_A_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}\Z")

# The limit applies to the JSON text of all environment variables:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
_ENVIRONMENT_BYTES = 4096
# More than the ARN of a secret has besides the name, and than a name has that CloudFormation generates.
_SECRET_ARN_LENGTH = 80
_GENERATED_NAME_LENGTH = 260
# The longest IDs, and the longest suffix of a partition:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_LOGICAL_ID_LENGTH = 255
_STACK_ID_LENGTH = 240
_URL_SUFFIX_LENGTH = 20


def activation_settings(
    *,
    registration_limit: int,
    lifetime_hours: float,
    default_instance_name: str | None,
    description: str | None,
) -> dict[str, Any]:
    """Check the settings of an activation, and return all but role and tags as the rotation function takes them."""
    settings: dict[str, Any] = {
        "RegistrationLimit": registration_limit,
        "LifetimeSeconds": round(lifetime_hours * 3600),
    }
    if default_instance_name is not None:
        check_node_text("default_instance_name", default_instance_name, TEXT_LENGTH)
        settings["DefaultInstanceName"] = default_instance_name
    if description is not None:
        _check_activation_description(description)
        settings["Description"] = description
    return settings


def lifetime_in_hours(lifetime: Duration | None) -> float:
    """Return the time until an activation expires, after a check."""
    if lifetime is None:
        return _LONGEST_LIFETIME_HOURS
    hours = _duration_in_hours("lifetime", lifetime)
    shortest = _SHORTEST_ROTATION_HOURS + ROTATION_WINDOW_HOURS
    if not shortest <= hours <= _LONGEST_LIFETIME_HOURS:
        raise ValueError(f"lifetime must be {shortest} hours to 30 days, got {lifetime.to_human_string()}")
    return hours


def rotation_in_hours(rotate_every: Duration | None, lifetime_hours: float) -> int:
    """Return the interval between rotations, after a check."""
    if rotate_every is None:
        return max(int(lifetime_hours / 2), _SHORTEST_ROTATION_HOURS)
    longest = int(lifetime_hours) - ROTATION_WINDOW_HOURS
    hours = _duration_in_hours("rotate_every", rotate_every)
    if hours != int(hours) or not _SHORTEST_ROTATION_HOURS <= hours <= longest:
        raise ValueError(
            f"rotate_every must be {_SHORTEST_ROTATION_HOURS} to {longest} whole hours, at least 1 hour less than "
            f"lifetime, got {rotate_every.to_human_string()}"
        )
    return int(hours)


def _duration_in_hours(argument: str, duration: object) -> float:
    check_type(argument, duration, Duration, "a Duration, such as Duration.days(7)")
    if cast(Duration, duration).is_unresolved():
        raise ValueError(f"{argument} must be known at synth time, got a token")
    seconds = cast(Duration, duration).to_seconds(integral=False)
    if seconds != int(seconds):
        raise ValueError(f"{argument} must be in whole seconds, got {seconds:g} seconds")
    return seconds / 3600


def check_registration_limit(registration_limit: object) -> None:
    """Check the number of machines that can be registered with one activation."""
    # The CDK represents a number that is known at deploy time by a float.
    if isinstance(registration_limit, float) and is_token(registration_limit):
        return
    check_type("registration_limit", registration_limit, int, "a whole number")
    if not 1 <= cast(int, registration_limit) <= REGISTRATION_LIMIT:
        raise ValueError(f"registration_limit must be 1 to {REGISTRATION_LIMIT}, got {registration_limit}")


def _check_activation_description(description: object) -> None:
    allowed = "printable characters, tabs and line breaks"
    check_text("description", description, _DESCRIPTION, allowed, _DESCRIPTION_LENGTH, minimum=0)


def check_max_replacements_per_day(maximum: object) -> None:
    """Check the number of versions of the secret that can be created in 24 hours."""
    check_type("max_replacements_per_day", maximum, int, "a whole number")
    if not 1 <= cast(int, maximum) <= _VERSIONS_PER_DAY:
        raise ValueError(f"max_replacements_per_day must be 1 to {_VERSIONS_PER_DAY}, got {maximum}")


def check_secret_name(secret_name: object) -> None:
    """Check the name of a secret."""
    if has_token(str(secret_name)) and secret_name == PhysicalName.GENERATE_IF_NEEDED:
        raise ValueError("secret_name must be a name that you choose, got PhysicalName.GENERATE_IF_NEEDED")
    check_text("secret_name", secret_name, _SECRET_NAME, "letters, digits or /_+=.@-", _SECRET_NAME_LENGTH)
    if _LIKE_A_SUFFIX.search(cast(str, secret_name)):
        raise ValueError(
            "secret_name must not end with a hyphen and six characters, as the ARN of every secret does, "
            f"got {secret_name!r}"
        )


def check_encryption_key(key: kms.IKey, facts: StackFacts) -> None:
    """Check the key of a secret, which must be in the secret's Region.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
    """
    arn = key_arn("encryption_key", key)
    check_reach("encryption_key", key, arn, facts)
    own = region_of_key(key, arn)
    for region in facts.regions:
        if same(own, region) is False:
            raise ValueError(f"encryption_key must be in the stack's Region, here {region}, got a key in {own}")


def check_environment(
    settings: Mapping[str, Any], tags: Mapping[str, str], secret_name: str | None, additional: Mapping[str, str]
) -> None:
    """Check that the settings and the tags fit into the environment variables of the rotation function.

    Args:
        settings: The settings of the activation, without its role and its tags.
        tags: The tags of the activation.
        secret_name: The name of the secret.
        additional: The environment variables that ``FunctionSettings`` add.
    """
    # The length of a token is unknown and counts as one character. The role and the ARN count with their maximum.
    complete = {
        **settings,
        "IamRole": "n" * ACTIVATION_ROLE_NAME_LENGTH,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    text = without_tokens(json.dumps(complete, ensure_ascii=False))
    name_length = _GENERATED_NAME_LENGTH if secret_name is None else len(without_tokens(secret_name))
    variables = {
        "SECRET_ARN": "n" * (_SECRET_ARN_LENGTH + name_length),
        "ACTIVATION": text,
        "MAX_REPLACEMENTS_PER_DAY": "90",
        "RESOURCES": "n" * (2 * _LOGICAL_ID_LENGTH + 1),
        "STACK_ID": "n" * _STACK_ID_LENGTH,
        "URL_SUFFIX": "n" * _URL_SUFFIX_LENGTH,
        **additional,
    }
    length = len(json.dumps(variables, ensure_ascii=False).encode())
    if length > _ENVIRONMENT_BYTES:
        raise ValueError(
            f"tags must leave the environment variables of the rotation function at most {_ENVIRONMENT_BYTES} bytes in "
            f"total, together with the other settings, got {length} bytes"
        )
