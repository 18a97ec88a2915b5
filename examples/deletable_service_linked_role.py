"""A service-linked role that is deleted with its stack, after the resource data sync that uses it.

The role is deleted only if this stack created it. If the role existed before, it stays.
"""

from aws_cdk import App, RemovalPolicy, Stack
from aws_cdk import aws_ssm as ssm

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleType

app = App()
stack = Stack(app, "Explorer")
account_discovery = ServiceLinkedRole(
    stack,
    "AccountDiscovery",
    role_type=ServiceLinkedRoleType.ACCOUNT_DISCOVERY,
    removal_policy=RemovalPolicy.DESTROY,
)
sync = ssm.CfnResourceDataSync(
    stack,
    "Sync",
    sync_name="organization",
    sync_type="SyncFromSource",
    sync_source=ssm.CfnResourceDataSync.SyncSourceProperty(
        source_type="AwsOrganizations",
        source_regions=[stack.region],
        aws_organizations_source=ssm.CfnResourceDataSync.AwsOrganizationsSourceProperty(
            organization_source_type="EntireOrganization"
        ),
    ),
)
account_discovery.add_dependent(sync)
app.synth()
