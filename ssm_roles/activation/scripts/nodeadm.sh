# nodeadm installs the components of an Amazon EKS hybrid node, registers the machine, and joins the cluster.
# https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-nodeadm.html
tool=nodeadm
tool_commands=
tool_platforms='linux_amd64 linux_arm64 debian_amd64 debian_arm64'
tool_again='--skip-registered accepts this, and --keep-registration runs nodeadm'
cluster='@CLUSTER_NAME@'
kubernetes_version='@KUBERNETES_VERSION@'

tool_usage() {
    cat << 'END'
  --keep-registration        run nodeadm even if the machine is registered already, for example after a failure
END
}

tool_option() {
    case "$1" in
        --keep-registration) keep_going=true ;;
        *) usage_error "unknown option: $1" ;;
    esac
}

tool_url() {
    case "$region" in
        cn-*) host=eks-hybrid-assets.awsstatic.cn ;;
        *) host=hybrid-assets.eks.amazonaws.com ;;
    esac
    printf '%s' "https://$host/releases/latest/bin/linux/$processor/nodeadm"
}

# quoted TEXT: print a text as a string of JSON, which is a string of YAML, too.
quoted() {
    printf '"%s"' "$(printf '%s\n' "$1" | LC_ALL=C sed 's,["\\],\\&,g')"
}

register_machine() {
    # CloudFormation filled in what was known at deploy time only.
    case "$cluster" in
        [A-Za-z0-9]*) has_only 'A-Za-z0-9_-' "$cluster" || fail "the name of the cluster is invalid: $cluster" ;;
        *) fail "the name of the cluster is invalid: $cluster" ;;
    esac
    case "$kubernetes_version" in
        [0-9]*) has_only '0-9.' "$kubernetes_version" || fail "the version of Kubernetes is invalid: $kubernetes_version" ;;
        *) fail "the version of Kubernetes is invalid: $kubernetes_version" ;;
    esac
    # If the length is wrong, nodeadm writes the code to its messages.
    if [ "${#activation_code}" -lt 20 ] || [ "${#activation_code}" -gt 250 ]; then
        fail "the code of the activation $activation_id must have 20 to 250 characters"
    fi

    # AWS publishes no checksum and no signature of nodeadm, which verifies what it downloads itself.
    run "$folder/nodeadm" install "$kubernetes_version" --credential-provider ssm --region "$region" ||
        fail "nodeadm could not install the components of Kubernetes $kubernetes_version"
    # nodeadm takes the code from a file only. While nodeadm runs, other users of this machine can see the code among the
    # arguments of the agent that it starts to register the machine.
    {
        printf 'apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n'
        printf '  cluster:\n    name: %s\n    region: %s\n' "$(quoted "$cluster")" "$(quoted "$region")"
        printf '  hybrid:\n    ssm:\n      activationId: %s\n' "$(quoted "$activation_id")"
        printf '      activationCode: %s\n' "$(quoted "$activation_code")"
    } > "$folder/nodeConfig.yaml"
    status=0
    run "$folder/nodeadm" init --config-source file://nodeConfig.yaml || status=$?
    rm -f "$folder/nodeConfig.yaml"
    [ "$status" = 0 ] || fail "nodeadm could not join the cluster $cluster with the activation $activation_id"
}
