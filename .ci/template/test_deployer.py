"""Deployers have the rights for all actions in CloudFormation's schemas, except for those that are refused here with a reason."""

import fnmatch
import json
import re
import unittest

import translated
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

# Actions of the schemas for features that these templates do not use.
REFUSED = {
    "the nested stack has no stack policy and no termination protection": [
        "cloudformation:SetStackPolicy",
        "cloudformation:UpdateTerminationProtection",
    ],
    "only Lambda functions are deployed, not servers": ["codedeploy:RegisterOnPremisesInstance"],
    "the table is kept when the stack is deleted": ["dynamodb:DeleteTable"],
    "deployers do not need to see customers": [
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
    "DynamoDB uses the table's key through a grant, and Lambda uses its own key": [
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:ListAliases",
        "kms:RevokeGrant",
    ],
    "roles have only inline policies": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
    "deployers must not remove their own boundary": ["iam:DeleteRolePermissionsBoundary"],
    "the functions have no layers, file systems, code signing, pinned runtimes or scaling settings": [
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
    "SAM names objects by their content, and uses no object versions": ["s3:GetObjectVersion"],
    "log groups have no policies, indexes, tokens or deliveries": [
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
    """Returns the needed actions, each with the operations and resource types that need it."""
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


def statements(**parameters):
    """Returns the statements of both policies."""
    policies = translated.Stack(translated.read("infra/deployer.yaml"), parameters).of_type("AWS::IAM::ManagedPolicy")
    return [s for p in policies.values() for s in p["Properties"]["PolicyDocument"]["Statement"]]


def allows(found, action, resource, context):
    """Reports whether statements allow an action. context has the values of condition keys."""
    return any(
        s["Effect"] == "Allow"
        and any(fnmatch.fnmatchcase(action, a) for a in translated.as_list(s["Action"]))
        and any(fnmatch.fnmatchcase(resource, r) for r in translated.as_list(s["Resource"]))
        and all(
            set(translated.as_list(context[key])) <= set(translated.as_list(values))
            for operator, keys in s.get("Condition", {}).items()
            if operator in ("StringEquals", "ForAllValues:StringEquals")
            for key, values in keys.items()
        )
        for s in found
    )


class Deployer(unittest.TestCase):
    def setUp(self):
        allowed = [s for s in statements(**translated.DEPLOYER) if s["Effect"] == "Allow"]
        self.allowed = [action for statement in allowed for action in translated.as_list(statement["Action"])]

    def may(self, action):
        return any(fnmatch.fnmatchcase(action.lower(), a.lower()) for a in self.allowed)

    def test_every_action_of_cloudformation_is_allowed_or_refused_with_a_reason(self):
        refused = {action for actions in REFUSED.values() for action in actions}
        actions = needed()
        self.assertGreater(len(actions), 100)
        self.assertEqual({a: sorted(what) for a, what in actions.items() if not self.may(a) and a not in refused}, {})

    def test_refused_actions_are_known_and_not_allowed(self):
        actions = needed()
        for reason, refused in REFUSED.items():
            for action in refused:
                self.assertFalse(self.may(action), f"{action} is allowed, but {reason}")
                self.assertIn(action, actions, f"no schema has it any more: {reason}")

    def test_deploy_and_rollback_have_the_rights_for_their_calls(self):
        sources = "".join((translated.ROOT / ".ci/template" / f"{n}.py").read_text() for n in ("release_state", "rollback", "table_guard"))
        for action in (
            "cloudformation:CancelUpdateStack",
            "cloudformation:ContinueUpdateRollback",
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
            self.assertRegex(sources, re.sub("(?<!^)(?=[A-Z])", "[_-]", action.split(":")[1]).lower())

    def test_policies_are_short_enough(self):
        pseudo = {"AWS::Partition": "aws-us-gov", "AWS::Region": "us-gov-west-1"}
        parameters = {
            "StackName": "x" * 24,
            "CustomersKmsKeyArn": translated.KEY,
            "DomainName": "a" * 60 + ".example.com",
            "HostedZoneId": "Z" * 32,
            "FirstDeployment": "true",
            "RolePath": "/a-path-of-a-team/",
            "PermissionsBoundaryArn": "arn:aws-us-gov:iam::123456789012:policy/boundary",
        }
        stack = translated.Stack(translated.read("infra/deployer.yaml"), parameters, pseudo)
        for name, policy in stack.of_type("AWS::IAM::ManagedPolicy").items():
            length = len(json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":")))
            self.assertLessEqual(length, LONGEST_POLICY, name)

    def test_rights_end_at_the_stack(self):
        found = statements(**(translated.DEPLOYER | {"FirstDeployment": "false"}))
        for action, resource, context in OWN:
            self.assertTrue(allows(found, action, resource, context), f"{action} {resource} {context}")
        for action, resource, context in [*OTHERS, *FIRST]:
            self.assertFalse(allows(found, action, resource, context), f"{action} {resource} {context}")
        for action, resource, context in FIRST:
            self.assertTrue(allows(statements(**translated.DEPLOYER), action, resource, context), f"{action} {resource}")

    def test_every_wildcard_has_a_reason(self):
        """SECURITY.md names the same statements, which reach beyond the stack."""
        security = (translated.ROOT / ".github/SECURITY.md").read_text()
        for statement in statements(**translated.DEPLOYER):
            beyond = [r for r in translated.as_list(statement["Resource"]) if not re.search(r"billing-portal|billing\.example\.com|/Z123|:key/", r)]
            if statement["Effect"] == "Allow" and beyond:
                self.assertIn(f"`{statement['Sid']}`", security, beyond)


def records(names, types):
    return {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": names,
        "route53:ChangeResourceRecordSetsRecordTypes": types,
    }


ZONE, GATEWAY = "arn:aws:route53:::hostedzone/Z123", "arn:aws:apigateway:eu-west-1::"
BUCKET = "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1a"
SAM_STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/aws-sam-cli-managed-default/1"
OWN = [
    ("route53:ChangeResourceRecordSets", ZONE, records(["billing.example.com"], ["A", "AAAA"])),
    ("route53:GetHostedZone", ZONE, {}),
    ("apigateway:POST", f"{GATEWAY}/domainnames", {}),
    ("apigateway:PATCH", f"{GATEWAY}/domainnames/billing.example.com", {}),
    ("apigateway:POST", f"{GATEWAY}/domainnames/billing.example.com/apimappings", {}),
    ("s3:PutObject", f"{BUCKET}/billing-portal/code", {}),
    ("cloudformation:DescribeStacks", SAM_STACK, {}),
    ("cloudformation:CreateChangeSet", translated.read("template.yaml")["Transform"].replace("AWS::", "arn:aws:cloudformation:eu-west-1:aws:transform/"), {}),
    ("logs:CreateLogDelivery", "*", {}),
]
OTHERS = [
    ("route53:ChangeResourceRecordSets", ZONE, records(["example.com"], ["A"])),
    ("route53:ChangeResourceRecordSets", ZONE, records(["billing.example.com", "www.example.com"], ["A"])),
    ("route53:ChangeResourceRecordSets", ZONE, records(["billing.example.com"], ["MX"])),
    ("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z456", records(["billing.example.com"], ["A"])),
    ("apigateway:GET", f"{GATEWAY}/domainnames", {}),
    ("apigateway:PATCH", f"{GATEWAY}/domainnames/other.example.com", {}),
    ("apigateway:DELETE", f"{GATEWAY}/domainnames/billing.example.com.other.example", {}),
    ("apigateway:POST", f"{GATEWAY}/domainnames/other.example.com/apimappings", {}),
    ("s3:PutObject", f"{BUCKET}/another-stack/code", {}),
    ("cloudformation:DeleteStack", SAM_STACK, {}),
]
# The actions that FirstDeployment allows.
FIRST = [
    ("s3:PutBucketPolicy", BUCKET, {}),
    ("s3:CreateBucket", BUCKET, {}),
    ("cloudformation:CreateChangeSet", SAM_STACK, {}),
    ("cloudformation:ExecuteChangeSet", SAM_STACK, {}),
    ("logs:PutResourcePolicy", "arn:aws:logs:eu-west-1:123456789012:log-group:x", {}),
]


if __name__ == "__main__":
    unittest.main()
