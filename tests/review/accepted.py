"""The accepted findings of the reviews, each with a reason. A finding that is not here fails `make review`."""

from __future__ import annotations

from collections.abc import Mapping

from tests.unit.templates import ACCOUNT

# cdk-nag, AwsSolutions: by program, construct and rule

HERE = "<AWS::Region>:<AWS::AccountId>"
OF_THE_STACK = "eu-central-1:111122223333"


def policy(name: str) -> str:
    """Return the rule that finds an AWS managed policy."""
    return f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{name}]"


def resource(name: str) -> str:
    """Return the rule that finds a wildcard in the resources of a statement."""
    return f"AwsSolutions-IAM5[Resource::{name}]"


def arn(name: str) -> str:
    """Return the rule that finds a wildcard in an ARN, which is given from the service on."""
    return resource(f"arn:<AWS::Partition>:{name}")


CORE = {policy("AmazonSSMManagedInstanceCore"): "SSM Agent needs this policy, which AWS keeps up to date"}
WITHOUT_PARAMETERS = {
    policy("AmazonSSMManagedEC2InstanceDefaultPolicy"): "SSM Agent needs this policy, which allows no parameters"
}
HOSTS = {policy("AmazonSSMManagedEC2InstanceDefaultPolicy"): "SSM Agent needs this policy, which AWS keeps up to date"}
CLOUD_WATCH_AGENT = {
    policy("CloudWatchAgentServerPolicy"): "The CloudWatch agent needs this policy, which AWS keeps up to date"
}
RUNBOOK_VERSIONS = "The wildcard stands for the versions of this one runbook"
EXECUTION = "An execution gets its ID when it starts"
NODES_WITH_TAG = "A condition limits the statement to nodes with a tag"
EVERY_REGION = "The administration role starts the runbook in every Region of this account"
ADMINISTRATION = {
    arn("iam::*:role/AWS-SystemsManager-AutomationExecutionRole"): (
        "In each account, this one role decides itself whether it trusts the central account"
    )
}
RESTART_ANYWHERE = {
    arn("ssm:*::document/AWS-RestartEC2Instance"): EVERY_REGION,
    arn("ssm:*::automation-definition/AWS-RestartEC2Instance:*"): EVERY_REGION,
    arn("ssm:*:<AWS::AccountId>:automation-execution/*"): EVERY_REGION,
    arn("ec2:*:<AWS::AccountId>:instance/*"): "The runbook restarts any instance of the account",
    resource("*"): "IAM has no resources for lists of instances, tags and groups",
}
BOUNDARY = "A permissions boundary allows nothing: it limits what other policies allow"
READ = "The statement only reads service-linked roles, whose names and policies AWS publishes"
ONE_ROLE = "The wildcard stands for the service, which the name of the role determines"
NO_FLOW_LOGS = "Flow logs are a setting of the network, which exists already in most accounts"
ACTIVATIONS = "Activations have no ARN that a statement could name"
RUNTIME = {"AwsSolutions-L1": "This is the newest runtime that every Region has; FunctionSettings can set a newer one"}
INTERFACES = "Network interfaces, traces and activations have no ARN that a statement could name"
TAGS = "A condition limits the statement to exactly the tags of these nodes"
CLUSTER_NAME = '{"Fn::Select":[1,{"Fn::Split":[":cluster/",{"Fn::GetAtt":["Cluster","Arn"]}]}]}'
PARAMETERS = "The nodes read the parameters of this path"
NEW_OBJECTS = "Each log is a new object below the prefix of these nodes"


def ensured(*role_names: str, account: str = "<AWS::AccountId>") -> dict[str, str]:
    """Return what is acknowledged for the function of a stack, by the roles that the stack ensures."""
    path = f"iam::{account}:role/aws-service-role/*"
    return {
        **RUNTIME,
        arn(path): READ,
        arn(f"iam::{account}:role/AWSServiceRoleFor*"): READ,
        **{arn(f"{path}/{name}"): ONE_ROLE for name in role_names},
    }


# Program -> path of a construct -> rule -> reason. An entry also covers what is below the construct.
ACKNOWLEDGED: dict[str, dict[str, dict[str, str]]] = {
    "account_baseline": {
        "AccountBaseline/Hosts": HOSTS,
        "AccountBaseline/Explorer": {
            policy("AWSSystemsManagerEnableExplorerExecutionPolicy"): "AWS's own runbook needs exactly this policy"
        },
        "AccountBaseline/QuickSetup": {
            policy("AWSQuickSetupDeploymentRolePolicy"): "AWS's own templates need this policy, limited to their names"
        },
        "AccountBaseline/PatchPolicies": {
            policy("AWSQuickSetupPatchPolicyDeploymentRolePolicy"): (
                "AWS's own template for patch policies needs this policy, limited to its names"
            )
        },
    },
    "app": {
        "HybridNodes/HybridNodes": CORE,
        "Fleet/EnsureServiceLinkedRoles": ensured(
            "AWSServiceRoleForAmazonSSM", "AWSServiceRoleForAmazonSSM_AccountDiscovery", account=ACCOUNT
        ),
    },
    "activation_alarms": {
        "Stores/Nodes": CORE,
        "Stores/Activation": {**RUNTIME, resource("*"): ACTIVATIONS},
    },
    "activations_in_two_regions": {
        "FleetRoles/Nodes": CORE,
        "Fleet-eu-west-1/Activation": {**RUNTIME, resource("*"): ACTIVATIONS},
        "Fleet-us-east-1/Activation": {**RUNTIME, resource("*"): ACTIVATIONS},
    },
    "automation_roles": {
        "Central/Operator": {
            arn(f"ssm:{HERE}:automation-definition/<RestartRunbook>:*"): RUNBOOK_VERSIONS,
            arn("ssm:<AWS::Region>::automation-definition/<RestartRunbook>:*"): RUNBOOK_VERSIONS,
            arn("ssm:<AWS::Region>::automation-definition/AWS-RestartEC2Instance:*"): RUNBOOK_VERSIONS,
            arn(f"ssm:{HERE}:automation-execution/*"): EXECUTION,
        },
        "Central/Dispatch": {
            arn(f"ssm:{HERE}:automation-definition/<RestartRunbook>:*"): RUNBOOK_VERSIONS,
            arn("ssm:<AWS::Region>::automation-definition/<RestartRunbook>:*"): RUNBOOK_VERSIONS,
            arn(f"ssm:{HERE}:automation-execution/*"): EXECUTION,
        },
        "Central/Restart": {
            arn(f"ec2:{HERE}:instance/*"): NODES_WITH_TAG,
            arn(f"ssm:{HERE}:managed-instance/*"): NODES_WITH_TAG,
            resource("*"): "Commands have no ARN; the documents that can be sent are named",
        },
        "Central/Administration": ADMINISTRATION,
        "Member/Execution": RESTART_ANYWHERE,
    },
    "cloud_connector": {
        "AzureNodes/Nodes": CORE,
        "AzureNodes/Azure": {
            resource("*"): "Tokens, activations and lists have no ARN; a condition limits the tokens to one audience",
            arn("ssm:<AWS::Region>:*:document/AWS-InstallSSMAgentOnAzure"): (
                "This one runbook belongs to AWS, whose documentation has the wildcard for the account"
            ),
            arn("ssm:<AWS::Region>:*:automation-definition/AWS-InstallSSMAgentOnAzure:1"): (
                "This is the same runbook under its name in Automation"
            ),
            arn(f"ssm:{HERE}:automation-execution/*"): EXECUTION,
            arn(f"ssm:{HERE}:activation/*"): "The runbook tags what it creates",
            arn(f"ssm:{HERE}:managed-instance/*"): "The runbook tags what it creates",
        },
    },
    "deletable_service_linked_role": {
        "Explorer/EnsureServiceLinkedRoles": ensured("AWSServiceRoleForAmazonSSM_AccountDiscovery"),
        "Explorer/AccountDiscovery": {
            arn("iam::<AWS::AccountId>:role/aws-service-role/*/AWSServiceRoleForAmazonSSM_AccountDiscovery"): ONE_ROLE
        },
    },
    "ecs_anywhere": {
        "Edge/Instances": {
            **WITHOUT_PARAMETERS,
            resource("*"): "IAM has no resources for ecs:DiscoverPollEndpoint",
            arn(f"ecs:{HERE}:container-instance/*"): (
                "Instances have no ARN before they are registered; a condition limits them to the cluster"
            ),
            arn(f"ecs:{HERE}:container-instance/{CLUSTER_NAME}/*"): "These are the instances of the cluster",
            arn(f"ecs:{HERE}:task/{CLUSTER_NAME}/*"): "These are the tasks of the cluster",
        },
        "Edge/Activation": {**RUNTIME, resource("*"): ACTIVATIONS},
    },
    "ecs_service": {
        "Web/EnsureServiceLinkedRoles": ensured("AWSServiceRoleForECS"),
        "Web/Vpc": {"AwsSolutions-VPC7": NO_FLOW_LOGS},
    },
    "eks_hybrid_nodes": {
        "EdgeCluster/Nodes": {
            **WITHOUT_PARAMETERS,
            policy("AmazonEC2ContainerRegistryPullOnly"): "The kubelet needs this policy to pull images",
            resource("*"): "IAM has no resources for ssm:DescribeInstanceInformation",
            arn(f"ssm:{HERE}:managed-instance/*"): "A condition limits the statement to nodes with the cluster's tag",
        },
        "EdgeCluster/Activation": {**RUNTIME, resource("*"): ACTIVATIONS, arn(f"ssm:{HERE}:managed-instance/*"): TAGS},
    },
    "encrypted_auto_scaling_group": {
        "Servers/EnsureServiceLinkedRoles": ensured("AWSServiceRoleForAutoScaling_encrypted"),
        "Servers/Group": {"AwsSolutions-AS3": "The group always has one instance, so that nothing scales"},
        "Servers/Vpc": {"AwsSolutions-VPC7": NO_FLOW_LOGS},
    },
    "existing_roles": {
        "Operators/Operator": {
            resource("*"): "Activations have no ARN; the role that is passed with them is named",
            arn(f"ssm:{HERE}:managed-instance/*"): TAGS,
        }
    },
    "hardened_hybrid_role": {
        "HybridNodes/Boundary": {
            "AwsSolutions-IAM5[Action::ec2messages:*]": BOUNDARY,
            "AwsSolutions-IAM5[Action::logs:*]": BOUNDARY,
            "AwsSolutions-IAM5[Action::ssm:*]": BOUNDARY,
            "AwsSolutions-IAM5[Action::ssmmessages:*]": BOUNDARY,
            resource("*"): BOUNDARY,
        },
        "HybridNodes/HybridNodes": {**CORE, **CLOUD_WATCH_AGENT},
    },
    "maintenance_window": {
        "Patching/Snapshots": {
            arn(f"ec2:{HERE}:volume/*"): "The runbook takes snapshots of any volume of the account and Region",
            arn("ec2:<AWS::Region>::snapshot/*"): "A snapshot gets its ID when it is created",
        },
        "Patching/WindowRole": {
            arn(f"ssm:{HERE}:automation-execution/*"): EXECUTION,
            arn("ssm:<AWS::Region>::automation-definition/AWS-CreateSnapshot:*"): RUNBOOK_VERSIONS,
            arn(f"ec2:{HERE}:instance/*"): NODES_WITH_TAG,
            arn(f"ssm:{HERE}:managed-instance/*"): NODES_WITH_TAG,
            resource("*"): "Commands and lists have no ARN; the documents that can be sent are named",
        },
    },
    "managed_instances": {
        "Nodes/Web": {
            **WITHOUT_PARAMETERS,
            **CLOUD_WATCH_AGENT,
            arn("s3:::session-logs-of-the-company/web/*"): NEW_OBJECTS,
        },
        "Nodes/Devices": {**WITHOUT_PARAMETERS, arn("s3:::session-logs-of-the-company/devices/*"): NEW_OBJECTS},
        "Nodes/TokenExchange": {
            resource("*"): "A device has no ARN before it is registered",
            arn(f"ssm:{HERE}:managed-instance/*"): TAGS,
        },
    },
    "minimal_hybrid_role": {"HybridNodes/HybridNodes": CORE},
    "on_premises_fleet": {
        "Fleet/Logs": {"AwsSolutions-S1": "This example doesn't record who reads the bucket of logs"},
        "Fleet/Servers": {
            **WITHOUT_PARAMETERS,
            **CLOUD_WATCH_AGENT,
            resource("*"): "IAM has no resources for logs:DescribeLogGroups",
            arn(
                "ssm:eu-central-1:<AWS::AccountId>:parameter/servers/*"
            ): "The servers read the parameters of this path",
            resource("<Logs6819BB44.Arn>/commands/*"): NEW_OBJECTS,
            resource("<Logs6819BB44.Arn>/sessions/*"): NEW_OBJECTS,
            **{
                arn(f"s3:::{bucket}/*"): "AWS publishes these objects in its own bucket"
                for bucket in (
                    "amazon-ssm-eu-central-1",
                    "aws-patch-manager-eu-central-1-9163fdaaf",
                    "aws-ssm-distributor-file-eu-central-1",
                    "aws-ssm-document-attachments-eu-central-1",
                    "aws-ssm-eu-central-1",
                    "aws-windows-downloads-eu-central-1",
                    "eu-central-1-birdwatcher-prod",
                    "patch-baseline-snapshot-eu-central-1",
                )
            },
        },
    },
    "opensearch_domain": {
        "Search/EnsureServiceLinkedRoles": ensured("AWSServiceRoleForAmazonOpenSearchService"),
        "Search/Domain": {
            "AwsSolutions-OS3": "Only clients in the VPC reach the domain, through its security group",
            "AwsSolutions-OS4": "An example with two data nodes needs no dedicated master nodes",
            "AwsSolutions-OS5": "Only clients in the VPC reach the domain, through its security group",
            "AwsSolutions-OS9[LogExport::INDEX_SLOW_LOGS]": "The example shows the order of resources, not operations",
            "AwsSolutions-OS9[LogExport::SEARCH_SLOW_LOGS]": "The example shows the order of resources, not operations",
        },
        "Search/Vpc": {"AwsSolutions-VPC7": NO_FLOW_LOGS},
    },
    "organization": {
        "Organization/Ssm/Account/EnsureServiceLinkedRoles": ensured("AWSServiceRoleForAmazonSSM"),
        "Organization/Ssm/Account/Nodes": CORE,
        "Organization/Ssm/Account/Hosts": HOSTS,
        "Organization/Ssm/Regional/Activation": {**RUNTIME, resource("*"): ACTIVATIONS},
        "ManagementRoles/EnsureServiceLinkedRoles": ensured("AWSServiceRoleForAmazonSSM", account=ACCOUNT),
        "ManagementRoles/Nodes": CORE,
        "ManagementRoles/Hosts": HOSTS,
        "Management-eu-west-1/Activation": {**RUNTIME, resource("*"): ACTIVATIONS},
        "Management-us-east-1/Activation": {**RUNTIME, resource("*"): ACTIVATIONS},
    },
    "regulated_functions": {
        "Network/Vpc": {
            "AwsSolutions-VPC7": NO_FLOW_LOGS,
            "AwsSolutions-EC23": "The endpoints allow only the range of their VPC, which the rule can't resolve",
        },
        "Fleet/EnsureServiceLinkedRoles": {
            **ensured("AWSServiceRoleForAmazonSSM"),
            resource("*"): INTERFACES,
        },
        "Fleet/HybridNodes": CORE,
        "Fleet/Activation": {**RUNTIME, resource("*"): INTERFACES},
    },
    "restricted_parameters": {
        "Kiosks/Nodes": {
            **WITHOUT_PARAMETERS,
            arn(f"ssm:{HERE}:parameter/kiosks/settings/*"): PARAMETERS,
            arn(f"ssm:{HERE}:parameter/kiosks/passwords/*"): PARAMETERS,
        },
        "Kiosks/Activation": {**RUNTIME, resource("*"): ACTIVATIONS},
    },
    "rotating_activation": {
        "Servers/HybridNodes": CORE,
        "Servers/Activation": {
            **RUNTIME,
            resource("*"): ACTIVATIONS,
            arn(f"ssm:{OF_THE_STACK}:managed-instance/*"): TAGS,
        },
        "Servers/Provisioner": {arn(f"ssm:{OF_THE_STACK}:managed-instance/*"): TAGS},
    },
    "runbooks_across_accounts": {
        "Central/Operator": {
            arn("ssm:<AWS::Region>::automation-definition/AWS-RestartEC2Instance:*"): RUNBOOK_VERSIONS,
            arn(f"ssm:{HERE}:automation-execution/*"): EXECUTION,
        },
        "Central/Administration": ADMINISTRATION,
        "Member/Execution": RESTART_ANYWHERE,
    },
    "runbook": {
        "Runbooks/RestartRole": {
            arn(f"ec2:{OF_THE_STACK}:instance/*"): NODES_WITH_TAG,
            arn(f"ssm:{OF_THE_STACK}:managed-instance/*"): NODES_WITH_TAG,
            resource("*"): "Commands have no ARN; the documents that can be sent are named",
        },
        "Runbooks/Operator": {
            arn(f"ssm:{OF_THE_STACK}:automation-definition/<Restart>:*"): RUNBOOK_VERSIONS,
            arn("ssm:eu-central-1::automation-definition/<Restart>:*"): RUNBOOK_VERSIONS,
            arn(f"ssm:{OF_THE_STACK}:automation-execution/*"): EXECUTION,
        },
    },
    "service_linked_roles": {
        "Fleet/EnsureServiceLinkedRoles": ensured(
            "AWSServiceRoleForAmazonSSM",
            "AWSServiceRoleForAmazonSSM_AccountDiscovery",
            "AWSServiceRoleForAmazonSSM_OpsInsights",
        )
    },
    "session_logs": {
        "Vault/Logs": {"AwsSolutions-S1": "This example doesn't record who reads the bucket of logs"},
        "Vault/Nodes": {
            **WITHOUT_PARAMETERS,
            resource("*"): "IAM has no resources for logs:DescribeLogGroups",
            resource("<Logs6819BB44.Arn>/sessions/*"): NEW_OBJECTS,
        },
        "Vault/Activation": {
            **RUNTIME,
            resource("*"): ACTIVATIONS,
            arn(f"ssm:{HERE}:managed-instance/*"): TAGS,
        },
        "Vault/Operator": {
            arn(f"ssm:{HERE}:managed-instance/*"): NODES_WITH_TAG,
            arn(f"ssm:{HERE}:session/<aws:userid>-*"): "A session has the ID of its user in its name",
        },
    },
}

# cdk-nag, NIST 800-53 R5: by rule, for every example

PERMISSIONS_OF_A_ROLE = "The permissions belong to one role, and are deleted with it"
NETWORKS = "The example shows roles, in a network as the CDK makes it by default"
BOUNDARY_OF_A_NETWORK = "The endpoints allow only the range of their VPC, which the rule can't resolve"
SETTING = "FunctionSettings sets it, as the example regulated_functions shows"
LOGS_OF_AN_EXAMPLE = "The example shows permissions for a bucket, not its operation"
NO_DEAD_LETTERS = "CloudFormation, Secrets Manager and the regular check repeat a call, and a metric counts failures"

NIST: dict[str, str] = {
    "NIST.800.53.R5-CloudWatchAlarmAction": "Each organization notifies its own people of alarms",
    "NIST.800.53.R5-CloudWatchLogGroupEncrypted": SETTING,
    "NIST.800.53.R5-EC2RestrictedCommonPorts": BOUNDARY_OF_A_NETWORK,
    "NIST.800.53.R5-EC2RestrictedSSH": BOUNDARY_OF_A_NETWORK,
    "NIST.800.53.R5-IAMNoInlinePolicy": PERMISSIONS_OF_A_ROLE,
    "NIST.800.53.R5-IAMPolicyNoStatementsWithFullAccess": BOUNDARY,
    "NIST.800.53.R5-LambdaConcurrency": SETTING,
    "NIST.800.53.R5-LambdaDLQ": NO_DEAD_LETTERS,
    "NIST.800.53.R5-LambdaInsideVPC": SETTING,
    "NIST.800.53.R5-OpenSearchErrorLogsToCloudWatch": "The example shows the order of resources, not operations",
    "NIST.800.53.R5-S3BucketLoggingEnabled": LOGS_OF_AN_EXAMPLE,
    "NIST.800.53.R5-S3BucketReplicationEnabled": LOGS_OF_AN_EXAMPLE,
    "NIST.800.53.R5-S3BucketVersioningEnabled": LOGS_OF_AN_EXAMPLE,
    "NIST.800.53.R5-SecretsManagerUsingKMSKey": "The argument encryption_key of HybridActivation sets it",
    "NIST.800.53.R5-VPCDefaultSecurityGroupClosed": NETWORKS,
    "NIST.800.53.R5-VPCFlowLogsEnabled": NO_FLOW_LOGS,
    "NIST.800.53.R5-VPCNoUnrestrictedRouteToIGW": NETWORKS,
    "NIST.800.53.R5-VPCSubnetAutoAssignPublicIpDisabled": NETWORKS,
}

# checkov: by rule, for every example

CHECKOV: dict[str, str] = {
    "CKV_AWS_18": LOGS_OF_AN_EXAMPLE,
    "CKV_AWS_21": LOGS_OF_AN_EXAMPLE,
    "CKV_AWS_84": "The example shows the order of resources, not operations",
    "CKV_AWS_108": BOUNDARY,
    "CKV_AWS_109": BOUNDARY,
    "CKV_AWS_111": "The rule doesn't see conditions, and network interfaces have no ARN that a statement could name",
    "CKV_AWS_115": SETTING,
    "CKV_AWS_116": NO_DEAD_LETTERS,
    "CKV_AWS_117": SETTING,
    "CKV_AWS_149": "The argument encryption_key of HybridActivation sets it",
    "CKV_AWS_158": SETTING,
    "CKV_AWS_173": SETTING,
    "CKV_AWS_317": "The example shows the order of resources, not operations",
}

# Rules about permissions are accepted for these resources only, of cdk-nag and of checkov

ONLY_FOR: dict[str, set[str]] = {
    "NIST.800.53.R5-IAMPolicyNoStatementsWithFullAccess": {"HybridNodes/Boundary/Resource"},
    "CKV_AWS_108": {"AWS::IAM::ManagedPolicy.BoundaryEA298153"},
    "CKV_AWS_109": {"AWS::IAM::ManagedPolicy.BoundaryEA298153"},
    "CKV_AWS_111": {
        "AWS::IAM::ManagedPolicy.BoundaryEA298153",
        "AWS::IAM::Policy.ActivationRoleDefaultPolicy7F8E0ABB",
        "AWS::IAM::Policy.EnsureServiceLinkedRolesRoleDefaultPolicy753C0E32",
    },
}


def is_accepted(rule: str, resource: str, accepted: Mapping[str, str]) -> bool:
    """Whether a finding on a resource is accepted."""
    return rule in accepted and resource in ONLY_FOR.get(rule, {resource})


# iam-simulate: by action, for every example

NOT_ITS_OWN_RESOURCES = "AWS documents these resources of the action, but the data of the tool doesn't have them"
NO_USER = "The tool replaces the variable ${aws:userid}, for which the requests have no value"
NO_SUCH_CONTEXT = "The tool doesn't know encryption contexts whose keys have colons, such as aws:s3:arn"

UNDECIDED: dict[str, str] = {
    "ssm:AddTagsToResource": "AWS's own policy names the role and activations, but the tool's data doesn't have them",
    "ssm:SendCommand": NOT_ITS_OWN_RESOURCES,
    "ssm:StartAutomationExecution": NOT_ITS_OWN_RESOURCES,
    "ssmmessages:OpenDataChannel": NOT_ITS_OWN_RESOURCES,
}
"""The actions for some of whose resources the tool makes no decision."""

DENIED: dict[str, str] = {
    "kms:Decrypt": NO_SUCH_CONTEXT,
    "kms:GenerateDataKey": NO_SUCH_CONTEXT,
    "ssm:ResumeSession": NO_USER,
    "ssm:TerminateSession": NO_USER,
    "sts:TagGetWebIdentityToken": "AWS documents the condition key for the action, but the tool ignores it",
}
"""The actions that the tool denies where a condition is met that it doesn't know."""
