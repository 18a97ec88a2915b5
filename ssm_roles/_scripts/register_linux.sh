#!/bin/sh
# Makes this Linux machine a managed node of AWS Systems Manager: reads the id and the code of a hybrid activation from a
# secret, downloads ssm-setup-cli, and lets it install the SSM Agent and register the machine.
#
# Run it as root, with AWS credentials that may read the secret. It needs the AWS CLI and curl.
#
# The code is written to no file, to no log and to no environment. While ssm-setup-cli runs, the code is among its arguments,
# where other users of this machine may see it: it can't be given in another way.
#
# https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-linux.html

# A trace would show the code.
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

# setting NAME: print a string of the secret's JSON text, and nothing if it is not there as it should be.
setting() {
    printf '%s\n' "$secret" |
        LC_ALL=C sed -nE 's,^.*"'"$1"'": ?"(([^"\\]|\\["\\/])*)".*$,\1,p' |
        LC_ALL=C sed 's,\\\(["\\/]\),\1,g'
}

# first_14_digits TEXT: a time without what is between its figures, to the second.
first_14_digits() {
    printf '%s\n' "$1" | tr -cd '0-9' | cut -c 1-14
}

# platform: the folder of the download, as ssm-setup-cli itself names it.
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
    command -v "$command" > /dev/null || fail "needs the command $command, which is not on the PATH"
done
platform=$(platform)
[ -n "$platform" ] || fail "needs an x86-64 or arm64 machine, this is $(uname -m)"
[ ! -e "$registration" ] ||
    fail "this machine is registered already, says $registration: deregister it first, or leave it as it is"

secret=$(aws secretsmanager get-secret-value --region "$region" --secret-id "$secret_arn" \
    --query SecretString --output text) || fail "could not read the secret $secret_arn"
activation_id=$(setting ActivationId)
activation_code=$(setting ActivationCode)
expiration=$(setting ExpirationDate)
if [ -z "$activation_id" ] || [ -z "$activation_code" ] || [ -z "$expiration" ]; then
    fail "there is no activation in the secret $secret_arn: its first rotation has not ended, or has failed"
fi
[ "$(first_14_digits "$expiration")" -gt "$(date -u +%Y%m%d%H%M%S)" ] ||
    fail "the activation $activation_id expired at $expiration, and no rotation has made a new one"

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
folder=$(mktemp -d) || fail 'could not make a temporary folder'
url="https://amazon-ssm-$region.s3.$region.$url_suffix/latest/$platform/ssm-setup-cli"
curl --proto '=https' --tlsv1.2 --fail --silent --show-error --retry 3 --output "$folder/ssm-setup-cli" "$url" ||
    fail "could not download $url"
chmod 700 "$folder/ssm-setup-cli"

# What is downloaded comes from the bucket of AWS over TLS. It compares itself with what is in the bucket, and verifies the
# signature of the agent. Its own signature is not verified here: the public key for that is on a page of AWS only and is
# replaced every one or two years, so that a copy in this script would fail one day.
"$folder/ssm-setup-cli" -register -activation-code "$activation_code" -activation-id "$activation_id" -region "$region" \
    < /dev/null || fail "ssm-setup-cli could not register this machine with the activation $activation_id"
[ -e "$registration" ] || fail "ssm-setup-cli ended well, but there is no $registration"
printf 'register_linux: registered with the activation %s in %s\n' "$activation_id" "$region"
