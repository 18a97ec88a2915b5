#!/bin/sh
# Registers this Linux machine with the hybrid activation whose ID and code are in a secret of AWS Secrets Manager. To see
# the options and the exit codes, run the script with --help.
#
# Run the script as root. With --from-stdin, the value of the secret comes from standard input, and the machine needs
# neither AWS credentials nor the AWS CLI. Otherwise, the script reads the secret itself and needs both.
#
# The code is in variables that are not exported, never in a log, and never in an argument of a command other than the one
# that registers the machine. The comments of `register_machine` tell where that command shows it.

# Turn off tracing, which would show the code, and the export of all variables.
set +x +a
set -eu
umask 077
# A variable that the caller exported would stay exported.
unset secret activation_code

region='@REGION@'
secret_arn='@SECRET_ARN@'
registration=/var/lib/amazon/ssm/registration

from_stdin=
skip_registered=
keep_going=
sha256=
url=
ca_bundle=
tags=
folder=
child=

# stop CODE MESSAGE
stop() {
    printf 'register: %s\n' "$2" >&2
    exit "$1"
}

fail() {
    stop 1 "$1"
}

usage_error() {
    printf 'register: %s\n' "$1" >&2
    usage >&2
    exit 2
}

# value OPTION VALUE...: take the value of an option.
value() {
    [ $# -ge 2 ] || usage_error "$1 requires a value"
    value=$2
    consumed=2
}

# has_only CHARACTERS TEXT: whether a text has no other characters than those, which are written as for tr.
has_only() {
    [ "$(printf '%s' "$2" | LC_ALL=C tr -d "$1"; echo x)" = x ]
}

# without_escapes: remove the backslashes of JSON.
without_escapes() {
    LC_ALL=C sed 's,\\\(["\\/]\),\1,g'
}

# setting NAME: print a string of the secret's JSON object, or nothing if the object has no such string.
setting() {
    printf '%s\n' "$secret" |
        LC_ALL=C sed -nE 's,^.*"'"$1"'": ?"(([^"\\]|\\["\\/])*)".*$,\1,p' |
        without_escapes
}

# first_14_digits TEXT: print a time to the second, without separators.
first_14_digits() {
    printf '%s\n' "$1" | tr -cd '0-9' | cut -c 1-14
}

# add_tag KEY VALUE
add_tag() {
    # The other characters that tags can have are letters of other scripts, which have bytes above \177.
    allowed='A-Za-z0-9 _.:/=+@\200-\377-'
    has_only "$allowed" "$1$2" ||
        usage_error "--name and --tag must have only letters, digits, spaces and _.:/=+-@, got $1=$2"
    case "$1" in
        '' | [Aa][Ww][Ss]:*) usage_error "the key of a tag must not be empty or begin with aws:, got $1=$2" ;;
        *) ;;
    esac
    case "$tags" in
        *"{\"Key\":\"$1\","*) usage_error "--name and --tag must set each tag once, got $1 twice" ;;
        *) ;;
    esac
    tags="$tags${tags:+,}{\"Key\":\"$1\",\"Value\":\"$2\"}"
}

# node_id: print the ID of this machine's node, or nothing.
node_id() {
    LC_ALL=C sed -nE 's/^.*"ManagedInstanceID": ?"(mi-[0-9a-z]+)".*$/\1/p' "$registration"
}

# system: print the kind of packages, as AWS's downloads name it.
system() {
    family=$(sed -nE 's/^ID(_LIKE)?=//p' /etc/os-release 2> /dev/null | tr -c 'a-z0-9.-' ' ')
    case " $family " in
        *' debian '* | *' ubuntu '*) printf debian ;;
        *) printf linux ;;
    esac
}

# processor: print the kind of programs that the machine runs, as AWS's downloads name it, or nothing.
processor() {
    # The kernel can have 64 bits, and all programs 32, as in Raspberry Pi OS. Some systems have no getconf.
    bits=$(getconf LONG_BIT 2> /dev/null) || bits=64
    case "$(uname -m):$bits" in
        x86_64:64 | amd64:64) printf amd64 ;;
        aarch64:64 | arm64:64) printf arm64 ;;
        aarch64:32 | arm64:32 | armv6l:* | armv7l:* | armv8l:*) printf arm ;;
        *) ;;
    esac
}

# make_folder: create a private folder in which programs can run.
make_folder() {
    for place in "${TMPDIR:-/tmp}" /var/tmp /var/lib /opt; do
        folder=$(mktemp -d "$place/register.XXXXXX" 2> /dev/null) || continue
        # A place that is mounted noexec, as /tmp often is, can be written to, but nothing in it can be run.
        if {
            printf '#!/bin/sh\n' > "$folder/probe" && chmod 700 "$folder/probe" && "$folder/probe"
        } 2> /dev/null; then
            rm -f "$folder/probe"
            return
        fi
        rm -rf "$folder"
    done
    folder=
    fail 'found no folder in which programs can run: set TMPDIR to one that is not mounted noexec'
}

# download: get the tool.
download() {
    # With -q, which must come first, curl ignores .curlrc, which can turn off the verification of certificates.
    run curl -q --proto '=https' --tlsv1.2 --location --fail --silent --show-error --retry 3 --connect-timeout 20 \
        --speed-limit 1000 --speed-time 30 --max-time 900 --output "$folder/$tool" "$url" ||
        fail "could not download $url"
    if [ -n "$sha256" ]; then
        actual=$(sha256sum "$folder/$tool" | cut -c 1-64)
        [ "$actual" = "$sha256" ] || fail "$url must have the SHA-256 checksum $sha256, got $actual"
    fi
    chmod 700 "$folder/$tool"
}

# run COMMAND ARGUMENT...: run a command with no input, and with its output among the messages.
run() {
    {
        # The tool needs neither the caller's credentials nor a profile, and settings such as AWS_ENDPOINT_URL misdirect
        # it.
        for name in $(env | sed -nE 's/^(AWS_[A-Za-z0-9_]*)=.*$/\1/p'); do
            unset "$name"
        done
        # The tools write to the current folder.
        cd "$folder" || exit
        exec "$@"
    } < /dev/null >&2 &
    # A shell handles signals at once while it waits, but not while it runs a command.
    child=$!
    status=0
    wait "$child" || status=$?
    child=
    return "$status"
}

clean_up() {
    [ -z "$folder" ] || rm -rf "$folder"
}

# on_signal NUMBER
on_signal() {
    trap '' HUP INT TERM
    # First, since it can have the code.
    clean_up
    if [ -n "$child" ]; then
        kill "$child" 2> /dev/null || :
        wait "$child" || :
    fi
    exit "$((128 + $1))"
}

usage() {
    cat << 'END'
Usage: sh register.sh [OPTION...]

Registers this Linux machine with the hybrid activation of a secret, and prints the ID of the managed node.

  --from-stdin               read the value of the secret from standard input, without AWS credentials and the AWS CLI
  --skip-registered          if the machine is registered already, only print the ID of its node, and exit with 0
  --name NAME                the tag Name of the node; requires AWS credentials, so not with --from-stdin
  --tag KEY=VALUE            another tag of the node, once for each tag; like --name, not with --from-stdin
  --url URL                  where to download the tool, instead of from AWS
  --sha256 HEX               the SHA-256 checksum that the downloaded tool must have
  --ca-bundle FILE           the certificates to trust; default: SSL_CERT_FILE, CURL_CA_BUNDLE or AWS_CA_BUNDLE
END
    tool_usage
    cat << 'END'
  --help                     show this text

The variables http_proxy, https_proxy and no_proxy, in lower or upper case, apply to all downloads.

Exit codes:
  0    the machine is registered
  1    the machine is not registered, or the tool failed
  2    an option is unknown or has an invalid value; nothing was changed
  3    the machine was registered already; nothing was changed
  4    the machine is registered, but its tags are not set
  129, 130, 143    stopped by the signal HUP, INT or TERM
END
}

# @TOOL@

while [ $# -gt 0 ]; do
    consumed=1
    case "$1" in
        --help)
            usage
            exit 0
            ;;
        --from-stdin) from_stdin=true ;;
        --skip-registered) skip_registered=true ;;
        --name)
            value "$@"
            add_tag Name "$value"
            ;;
        --tag)
            value "$@"
            case "$value" in
                *=*) add_tag "${value%%=*}" "${value#*=}" ;;
                *) usage_error "--tag must be KEY=VALUE, got $value" ;;
            esac
            ;;
        --url)
            value "$@"
            url=$value
            case "$url" in
                https://?*) ;;
                *) usage_error "--url must begin with https://, got $url" ;;
            esac
            ;;
        --sha256)
            value "$@"
            sha256=$(printf '%s' "$value" | tr 'A-F' 'a-f')
            if [ "${#sha256}" != 64 ] || ! has_only '0-9a-f' "$sha256"; then
                usage_error "--sha256 must be 64 hexadecimal digits, got $value"
            fi
            ;;
        --ca-bundle)
            value "$@"
            ca_bundle=$value
            [ -f "$ca_bundle" ] || usage_error "--ca-bundle must be a file, got $ca_bundle"
            # The tool runs in another folder.
            case "$ca_bundle" in
                /*) ;;
                *) ca_bundle=$PWD/$ca_bundle ;;
            esac
            ;;
        *) tool_option "$@" ;;
    esac
    shift "$consumed"
done
if [ -n "$from_stdin" ] && [ -n "$tags" ]; then
    usage_error '--name and --tag require AWS credentials: with --from-stdin, set the tags from the host that reads the secret, with the ID that this script prints'
fi

[ -z "$skip_registered" ] || [ -z "$keep_going" ] || usage_error '--skip-registered excludes --override and --keep-registration'

[ "$(id -u)" = 0 ] || fail 'must be run as root'
if [ -e "$registration" ] && [ -z "$keep_going" ]; then
    node=$(node_id)
    [ -n "$skip_registered" ] ||
        stop 3 "this machine is already registered${node:+ as $node}, because $registration exists: $tool_again"
    [ -n "$node" ] || fail "this machine is already registered, but $registration doesn't name the node"
    printf 'register: this machine is already registered as %s\n' "$node" >&2
    printf '%s\n' "$node"
    exit 0
fi
# gpg verifies the signatures of the packages.
for command in cat chmod curl cut date env gpg mktemp rm sed tr uname $tool_commands \
    ${sha256:+sha256sum} $([ -n "$from_stdin" ] || printf aws); do
    command -v "$command" > /dev/null || fail "requires the command $command, which is not in PATH"
done
# Alpine Linux, for example, has none of them, and no package of SSM Agent.
command -v dpkg > /dev/null || command -v rpm > /dev/null || command -v snap > /dev/null ||
    fail 'requires a Linux distribution with dpkg, rpm or snap, for which AWS provides packages'
system=$(system)
processor=$(processor)
case " $tool_platforms " in
    *" ${system}_${processor} "*) ;;
    *) fail "requires a machine with one of the platforms $tool_platforms, got ${system}_${processor:-$(uname -m)}" ;;
esac

# curl, the AWS CLI and programs in Go read different variables. Package managers read lower case only.
default_bundle=${SSL_CERT_FILE:-${CURL_CA_BUNDLE:-${AWS_CA_BUNDLE:-}}}
if [ -n "$ca_bundle$default_bundle" ]; then
    export SSL_CERT_FILE="${ca_bundle:-${SSL_CERT_FILE:-$default_bundle}}"
    export CURL_CA_BUNDLE="${ca_bundle:-${CURL_CA_BUNDLE:-$default_bundle}}"
    export AWS_CA_BUNDLE="${ca_bundle:-${AWS_CA_BUNDLE:-$default_bundle}}"
fi
[ -z "${HTTP_PROXY:-}" ] || export http_proxy="${http_proxy:-$HTTP_PROXY}"
[ -z "${HTTPS_PROXY:-}" ] || export https_proxy="${https_proxy:-$HTTPS_PROXY}"
[ -z "${NO_PROXY:-}" ] || export no_proxy="${no_proxy:-$NO_PROXY}"

trap clean_up EXIT
trap 'on_signal 1' HUP
trap 'on_signal 2' INT
trap 'on_signal 15' TERM
make_folder

if [ -n "$from_stdin" ]; then
    [ ! -t 0 ] || fail '--from-stdin requires the value of the secret on standard input'
    source='the value on standard input'
    secret=$(cat)
    [ -n "$secret" ] || fail 'standard input is empty: the command that reads the secret has failed'
else
    source="the secret $secret_arn"
    secret=$(aws secretsmanager get-secret-value --region "$region" --secret-id "$secret_arn" \
        --query SecretString --output text) || fail "could not read $source"
fi
activation_id=$(setting ActivationId)
activation_code=$(setting ActivationCode)
expiration=$(setting ExpirationDate)
own_region=$(setting Region)
if [ -z "$activation_id" ] || [ -z "$activation_code" ] || [ -z "$expiration" ] || [ -z "$own_region" ]; then
    fail "$source has no activation: the first rotation of the secret has not finished or has failed"
fi
[ "$own_region" = "$region" ] || fail "$source must have an activation in $region, got one in $own_region"
has_only '0-9a-f-' "$activation_id" || fail "$source has an activation ID with invalid characters"
[ "$(first_14_digits "$expiration")" -gt "$(date -u +%Y%m%d%H%M%S)" ] ||
    fail "the activation $activation_id expired at $expiration: read the current value of the secret, and check the clock"

[ -n "$url" ] || url=$(tool_url)
download
register_machine
[ -e "$registration" ] || fail "$tool succeeded, but $registration doesn't exist"
node=$(node_id)
[ -n "$node" ] || fail "$tool succeeded, but $registration doesn't name the node"
printf 'register: registered as %s with the activation %s in %s\n' "$node" "$activation_id" "$region" >&2
printf '%s\n' "$node"
if [ -n "$tags" ]; then
    aws ssm add-tags-to-resource --region "$region" --resource-type ManagedInstance --resource-id "$node" \
        --tags "[$tags]" >&2 || stop 4 "registered as $node, but could not set its tags"
fi
