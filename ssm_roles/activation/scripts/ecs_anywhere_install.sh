# ecs-anywhere-install.sh installs SSM Agent, Docker and the agent of Amazon ECS, and registers the machine.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere-registration.html
tool=ecs-anywhere-install.sh
tool_commands=bash
tool_platforms='linux_amd64 linux_arm64 debian_amd64 debian_arm64'
tool_again='--skip-registered accepts this, and --keep-registration runs ecs-anywhere-install.sh'
cluster='@CLUSTER_NAME@'
docker_source=

tool_usage() {
    cat << 'END'
  --keep-registration        run the tool even if the machine is registered already, for example after a failure
  --docker-install-source SOURCE
                             where to install Docker from: all, docker, distro or none
END
}

tool_option() {
    case "$1" in
        --keep-registration) keep_going=true ;;
        --docker-install-source)
            value "$@"
            docker_source=$value
            case "$docker_source" in
                all | docker | distro | none) ;;
                *) usage_error "--docker-install-source must be all, docker, distro or none, got $docker_source" ;;
            esac
            ;;
        *) usage_error "unknown option: $1" ;;
    esac
}

tool_url() {
    # One bucket for all Regions.
    printf '%s' 'https://amazon-ecs-agent.s3.amazonaws.com/ecs-anywhere-install-latest.sh'
}

register_machine() {
    # CloudFormation filled in what was known at deploy time only.
    case "$cluster" in
        '' | --*) fail "the name of the cluster is invalid: $cluster" ;;
        *) has_only 'A-Za-z0-9_-' "$cluster" || fail "the name of the cluster is invalid: $cluster" ;;
    esac
    case "$activation_code" in
        --*) fail "the code of the activation $activation_id begins with --, which $tool takes for an option" ;;
        *) ;;
    esac

    # The tool verifies the signatures of the packages with gpg. While it runs, other users of this machine can see the code
    # among its arguments, and among those of the agent that it starts to register the machine. There is no other way to
    # pass it.
    run bash "$folder/ecs-anywhere-install.sh" --region "$region" --cluster "$cluster" \
        --activation-id "$activation_id" --activation-code "$activation_code" \
        ${docker_source:+--docker-install-source "$docker_source"} ||
        fail "$tool could not register this machine with the activation $activation_id and the cluster $cluster"
}
