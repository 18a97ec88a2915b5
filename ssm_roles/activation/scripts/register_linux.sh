#!/bin/sh
# Registers this Linux machine as a managed node of AWS Systems Manager. The script reads the ID and the code of a hybrid
# activation from a secret, downloads ssm-setup-cli, and lets it install SSM Agent and register the machine.
#
# Run the script as root, with AWS credentials that allow reading the secret. It requires the AWS CLI and curl.
#
# The script doesn't write the code to a file, a log or an environment variable. While ssm-setup-cli runs, other users of
# this machine can see the code among its arguments. There is no other way to pass it.
#
# https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-linux.html

# Turn off tracing, which would show the code.
set +x
set -eu
umask 077

region='@REGION@'
secret_arn='@SECRET_ARN@'
url_suffix='@URL_SUFFIX@'
registration=/var/lib/amazon/ssm/registration
folder=

fail() {
    printf 'register_linux: %s\n' "$1" >&2
    exit 1
}

clean_up() {
    [ -z "$folder" ] || rm -rf "$folder"
}

# setting NAME: print a string of the secret's JSON object, or nothing if the object has no such string.
setting() {
    printf '%s\n' "$secret" |
        LC_ALL=C sed -nE 's,^.*"'"$1"'": ?"(([^"\\]|\\["\\/])*)".*$,\1,p' |
        LC_ALL=C sed 's,\\\(["\\/]\),\1,g'
}

# first_14_digits TEXT: print a time to the second, without separators.
first_14_digits() {
    printf '%s\n' "$1" | tr -cd '0-9' | cut -c 1-14
}

# platform: print the folder of the download, as ssm-setup-cli names it.
platform() {
    family=$(sed -nE 's/^ID(_LIKE)?=//p' /etc/os-release 2> /dev/null | tr -c 'a-z0-9.-' ' ')
    case " $family " in
        *' debian '* | *' ubuntu '*) system=debian ;;
        *) system=linux ;;
    esac
    case "$(uname -m)" in
        x86_64 | amd64) printf '%s_amd64' "$system" ;;
        aarch64 | arm64) printf '%s_arm64' "$system" ;;
        *) ;;
    esac
}

[ "$(id -u)" = 0 ] || fail 'must be run as root'
for command in aws curl cut date mktemp sed tr uname; do
    command -v "$command" > /dev/null || fail "requires the command $command, which is not in PATH"
done
platform=$(platform)
[ -n "$platform" ] || fail "requires an x86-64 or arm64 machine, got $(uname -m)"
[ ! -e "$registration" ] ||
    fail "this machine is already registered, because $registration exists: to register it again, deregister it first"

secret=$(aws secretsmanager get-secret-value --region "$region" --secret-id "$secret_arn" \
    --query SecretString --output text) || fail "could not read the secret $secret_arn"
activation_id=$(setting ActivationId)
activation_code=$(setting ActivationCode)
expiration=$(setting ExpirationDate)
if [ -z "$activation_id" ] || [ -z "$activation_code" ] || [ -z "$expiration" ]; then
    fail "the secret $secret_arn has no activation: its first rotation has not finished or has failed"
fi
[ "$(first_14_digits "$expiration")" -gt "$(date -u +%Y%m%d%H%M%S)" ] ||
    fail "the activation $activation_id expired at $expiration, and no rotation has replaced it"

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
folder=$(mktemp -d) || fail 'could not create a temporary folder'
url="https://amazon-ssm-$region.s3.$region.$url_suffix/latest/$platform/ssm-setup-cli"
curl --proto '=https' --tlsv1.2 --fail --silent --show-error --retry 3 --output "$folder/ssm-setup-cli" "$url" ||
    fail "could not download $url"
chmod 700 "$folder/ssm-setup-cli"

# The download comes from AWS's bucket over TLS. ssm-setup-cli compares itself with the file in the bucket, and verifies the
# signature of SSM Agent. This script doesn't verify the signature of ssm-setup-cli: AWS publishes the public key on a web
# page only and replaces it every one or two years, so that a copy in this script would expire.
"$folder/ssm-setup-cli" -register -activation-code "$activation_code" -activation-id "$activation_id" -region "$region" \
    < /dev/null || fail "ssm-setup-cli could not register this machine with the activation $activation_id"
[ -e "$registration" ] || fail "ssm-setup-cli succeeded, but $registration doesn't exist"
printf 'register_linux: registered with the activation %s in %s\n' "$activation_id" "$region"
