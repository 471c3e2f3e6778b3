"""Whoever deploys may do what CloudFormation's own schemas say that it does, but for what is refused here with a reason."""

import fnmatch
import json
import re
import unittest

import translated
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

# Actions that the schemas name for what these templates do not use.
REFUSED = {
    "the stack within has no policy and no protection of its own": [
        "cloudformation:SetStackPolicy",
        "cloudformation:UpdateTerminationProtection",
    ],
    "Lambda functions are deployed, and no machines": ["codedeploy:RegisterOnPremisesInstance"],
    "the table outlives the stack": ["dynamodb:DeleteTable"],
    "customers are no business of whoever deploys": [
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
    ],
    "the table is not imported from S3": [
        "dynamodb:DescribeImport",
        "dynamodb:ImportTable",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "s3:GetObjectMetadata",
    ],
    "the table has no replica, no stream, no policy and no expiry": [
        "dynamodb:AssociateTableReplica",
        "dynamodb:CreateTableReplica",
        "dynamodb:DeleteResourcePolicy",
        "dynamodb:DisableKinesisStreamingDestination",
        "dynamodb:EnableKinesisStreamingDestination",
        "dynamodb:PutResourcePolicy",
        "dynamodb:UpdateContributorInsights",
        "dynamodb:UpdateKinesisStreamingDestination",
        "dynamodb:UpdateTimeToLive",
        "kinesis:DescribeStream",
        "kinesis:PutRecords",
    ],
    "DynamoDB uses the table's key by a grant, and Lambda its own": [
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:ListAliases",
        "kms:RevokeGrant",
    ],
    "roles have inline policies alone": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
    "nobody takes off a boundary that bounds them": ["iam:DeleteRolePermissionsBoundary"],
    "the functions have no layers, file systems, code signing, runtime pins, or scaling of their own": [
        "elasticfilesystem:DescribeMountTargets",
        "lambda:AssociateRuntimeAlias",
        "lambda:DeleteFunctionCodeSigningConfig",
        "lambda:GetCodeSigningConfig",
        "lambda:GetLayerVersion",
        "lambda:PassCapacityProvider",
        "lambda:PutFunctionCodeSigningConfig",
        "lambda:PutFunctionRecursionConfig",
        "lambda:PutFunctionScalingConfig",
        "lambda:PutRuntimeManagementConfig",
        "s3files:ListMountTargets",
    ],
    "SAM names objects by their content, and no versions of them": ["s3:GetObjectVersion"],
    "log groups have no policies, indexes, tokens or deliveries of their own": [
        "firehose:TagDeliveryStream",
        "logs:DeleteDataProtectionPolicy",
        "logs:DeleteIndexPolicy",
        "logs:DeleteResourcePolicy",
        "logs:PutBearerTokenAuthentication",
        "logs:PutDataProtectionPolicy",
        "logs:PutIndexPolicy",
        "logs:PutLogGroupDeletionProtection",
        "s3:REST.PUT.OBJECT",
    ],
}

# https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
WITHOUT_HANDLERS = {"AWS::Route53::RecordSetGroup": ["route53:ChangeResourceRecordSets", "route53:GetChange", "route53:GetHostedZone"]}

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, without white space
LONGEST_POLICY = 6144


def needed():
    """Actions, and what for."""
    stack = translated.deployed(translated.EVERYTHING)
    types = {r["Type"] for part in (stack, translated.observability(stack)) for r in part.resources.values()}
    actions = {}
    for kind in sorted(types):
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get("handlers", {})
        for operation in ("create", "read", "update", "delete"):
            for action in handlers.get(operation, {}).get("permissions", []):
                actions.setdefault(action, set()).add(f"{operation} {kind}")
        if not handlers:
            for action in WITHOUT_HANDLERS[kind]:
                actions.setdefault(action, set()).add(kind)
    return actions


def deployer(**parameters):
    return translated.Stack(translated.read("infra/deployer.yaml"), parameters)


class Deployer(unittest.TestCase):
    def setUp(self):
        everything = deployer(CustomersKmsKeyArn=translated.KEY, HostedZoneId="Z123")
        policies = everything.of_type("AWS::IAM::ManagedPolicy").values()
        self.allowed = [
            action
            for policy in policies
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
            for action in translated.as_list(statement["Action"])
        ]

    def may(self, action):
        return any(fnmatch.fnmatchcase(action.lower(), a.lower()) for a in self.allowed)

    def test_what_cloudformation_does_is_allowed_or_refused(self):
        refused = {action for actions in REFUSED.values() for action in actions}
        actions = needed()
        self.assertGreater(len(actions), 100)
        self.assertEqual({a: sorted(what) for a, what in actions.items() if not self.may(a) and a not in refused}, {})

    def test_nothing_is_refused_that_is_allowed_or_unknown(self):
        actions = needed()
        for reason, refused in REFUSED.items():
            for action in refused:
                self.assertFalse(self.may(action), f"{action} is allowed, but {reason}")
                self.assertIn(action, actions, f"no schema names it any more: {reason}")

    def test_deploy_and_rollback_may_call_what_they_call(self):
        sources = "".join((translated.ROOT / ".ci/template" / f"{n}.py").read_text() for n in ("release_state", "rollback", "table_guard"))
        for action in (
            "cloudformation:CancelUpdateStack",
            "cloudformation:DescribeStacks",
            "cloudformation:ListStackResources",
            "codedeploy:GetDeployment",
            "codedeploy:ListDeployments",
            "codedeploy:StopDeployment",
            "lambda:GetAlias",
            "lambda:GetFunctionConfiguration",
            "lambda:ListVersionsByFunction",
            "lambda:UpdateAlias",
        ):
            self.assertTrue(self.may(action), action)
            self.assertIn(re.sub("(?<!^)(?=[A-Z])", "_", action.split(":")[1]).lower(), sources)

    def test_policies_are_short_enough(self):
        pseudo = {"AWS::Partition": "aws-us-gov", "AWS::Region": "us-gov-west-1"}
        parameters = {
            "StackName": "x" * 24,
            "CustomersKmsKeyArn": translated.KEY,
            "HostedZoneId": "Z" * 32,
            "RolePath": "/a-path-of-a-team/",
            "PermissionsBoundaryArn": "arn:aws-us-gov:iam::123456789012:policy/boundary",
        }
        stack = translated.Stack(translated.read("infra/deployer.yaml"), parameters, pseudo)
        for name, policy in stack.of_type("AWS::IAM::ManagedPolicy").items():
            length = len(json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":")))
            self.assertLessEqual(length, LONGEST_POLICY, name)

    def test_with_a_boundary_no_role_is_without(self):
        boundary = "arn:aws:iam::123456789012:policy/boundary"
        policies = deployer(PermissionsBoundaryArn=boundary).of_type("AWS::IAM::ManagedPolicy").values()
        denied = [s for p in policies for s in p["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        self.assertEqual([s["Condition"] for s in denied], [{"StringNotEquals": {"iam:PermissionsBoundary": boundary}}])
        self.assertEqual(denied[0]["Action"], ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"])


if __name__ == "__main__":
    unittest.main()
