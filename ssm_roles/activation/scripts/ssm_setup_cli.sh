# ssm-setup-cli installs SSM Agent and registers the machine.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-linux.html
tool=ssm-setup-cli
tool_commands=
tool_platforms='linux_amd64 linux_arm64 debian_amd64 debian_arm64 debian_arm'
tool_again='--skip-registered accepts this, and --override registers the machine again'
agent_version=
url_suffix='@URL_SUFFIX@'

tool_usage() {
    cat << 'END'
  --override                 register the machine again if it is registered already
  --agent-version VERSION    the version of SSM Agent to install: stable, latest or a number
END
}

tool_option() {
    case "$1" in
        --override) keep_going=true ;;
        --agent-version)
            value "$@"
            agent_version=$value
            case "$agent_version" in
                stable | latest) ;;
                *[!0-9.]* | [!0-9]* | '') usage_error "--agent-version must be stable, latest or a number, got $agent_version" ;;
                *) ;;
            esac
            ;;
        *) usage_error "unknown option: $1" ;;
    esac
}

tool_url() {
    printf '%s' "https://amazon-ssm-$region.s3.$region.$url_suffix/latest/${system}_$processor/ssm-setup-cli"
}

register_machine() {
    # The download comes from AWS's bucket over TLS. ssm-setup-cli compares itself with the file in the bucket, and verifies
    # the signature of SSM Agent. This script doesn't verify the signature of ssm-setup-cli: AWS publishes the public key on
    # a web page only and replaces it every one or two years, so that a copy in this script would expire.
    #
    # While ssm-setup-cli runs, other users of this machine can see the code among its arguments, and among those of the
    # agent that it starts to register the machine. There is no other way to pass it.
    run "$folder/ssm-setup-cli" -register -activation-code "$activation_code" -activation-id "$activation_id" \
        -region "$region" ${keep_going:+-override} ${agent_version:+-version "$agent_version"} ||
        fail "ssm-setup-cli could not register this machine with the activation $activation_id"
}
