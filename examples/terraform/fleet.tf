# The role of machines outside EC2, and a hybrid activation in a secret.
#
# Write the template into this folder first: python -m ssm_roles templates --output templates

resource "aws_cloudformation_stack" "fleet" {
  name          = "fleet"
  template_body = file("templates/fleet.json")
  capabilities  = ["CAPABILITY_NAMED_IAM"]
  parameters = {
    RegistrationLimit   = 50
    DefaultInstanceName = "edge"
    TagKey              = "Team"
    TagValue            = "operations"
  }
}

output "secret_arn" {
  value = aws_cloudformation_stack.fleet.outputs["SecretArn"]
}
