"""All statements of all roles, permissions and policies of the template, for each pair of options that changes them."""

import itertools
import unittest

import translated
from translated import REQUIRED, Stack, as_list, statements

KINDS = {"AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::SQS::QueuePolicy", "AWS::ApiGatewayV2::Api"}
POLICIES = KINDS | {"AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::KMS::Key", "AWS::S3::BucketPolicy"}


def key(name):
    return f"arn:aws:kms:eu-west-1:123456789012:key/{name}"


NOTHING = {n: str(p["Default"]) for n, p in translated.read("template.yaml")["Parameters"].items() if "Default" in p} | REQUIRED
OPTIONS = {
    "a table by name": {"CustomersTable": "users"},
    "a table by ARN": {"CustomersTable": "arn:aws:dynamodb:eu-west-1:999999999999:table/users"},
    "items of a kind": {"CustomersKeyFormat": "USER#{user}#X"},
    "a key of the table": {"CustomersKmsKeyArn": key("table")},
    "a secret by ARN": {"StripeSecretId": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-a1B2c3"},
    "a key of the secret": {"StripeSecretKmsKeyArn": key("stripe")},
    "a webhook": {"WebhookSecretId": "webhook"},
    "a webhook by ARN": {"WebhookSecretId": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:webhook-a1B2c3"},
    "a key of the webhook's secret": {"WebhookSecretKmsKeyArn": key("webhook")},
    "an event bus": {"StripeEventSource": "aws.partner/stripe.com/ed_1"},
    "a table before": {"PreviousCustomersTable": "users-before"},
    "a table before by ARN": {"PreviousCustomersTable": "arn:aws:dynamodb:eu-west-1:999999999999:table/users-before"},
    "items of a kind before": {"PreviousCustomersKeyFormat": "BEFORE#{user}"},
    "a key of the table before": {"PreviousCustomersKmsKeyArn": key("table-before")},
    "a secret before": {"PreviousStripeSecretId": "stripe-before"},
    "a secret before by ARN": {"PreviousStripeSecretId": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-before-a1B2c3"},
    "a key of the secret before": {"PreviousStripeSecretKmsKeyArn": key("stripe-before")},
    "a webhook before": {"PreviousWebhookSecretId": "webhook-before"},
    "a webhook before by ARN": {"PreviousWebhookSecretId": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:webhook-before-a1B2c3"},
    "a key of the webhook's secret before": {"PreviousWebhookSecretKmsKeyArn": key("webhook-before")},
    "traces": {"Tracing": "Active"},
    "a VPC": {"VpcSubnetIds": "subnet-0a,subnet-0b", "VpcSecurityGroupIds": "sg-0a"},
    "a topic": {"NotificationTopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms"},
    "a boundary": {"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary"},
    "a path of roles": {"RolePath": "/billing/"},
    "a domain": {"DomainName": "billing.example.com", "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1-a", "BasePath": "/v1"},
    "keys of logs": {"LogsKmsKeyArn": key("logs")},
}


def allow(actions, resources, **condition):
    return {"Effect": "Allow", "Action": sorted(as_list(actions)), "Resource": sorted(as_list(resources))} | condition


def via(service):
    """A key may be used only through an AWS service, with the rights of the role."""
    return {"Condition": {"StringEquals": {"kms:ViaService": f"{service}.eu-west-1.amazonaws.com"}}}


def items(key_format):
    """Items of other kinds in the same table are out of reach. The plain format is *, which allows all keys."""
    return {"Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": key_format.replace("{user}", "*")}}}


def table(name):
    if not name:
        return "<Customers.Arn>"
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:eu-west-1:123456789012:table/{name}"


def secret(name):
    """Secrets Manager appends a hyphen and six characters to a name."""
    return name if name.startswith("arn:") else f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-??????"


def decrypt(p, parameter, service, needs=None):
    return (not needs or p[needs]) and p[parameter] and allow("kms:Decrypt", p[parameter], **via(service))


def read_secret(p, parameter):
    return p[parameter] and allow("secretsmanager:GetSecretValue", secret(p[parameter]))


def of_function(p, name):
    """Lambda itself does this with a function's role."""
    network = ["AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets"]
    return {
        "WriteLog": allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"<{name}LogGroup.Arn>"),
        # X-Ray has no resource-level permissions.
        "Trace": p["Tracing"] == "Active" and allow(["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "*"),
        # Lambda needs the permission for all network interfaces.
        "JoinVpc": p["VpcSubnetIds"] and allow([f"ec2:{action}" for action in (*network, "UnassignPrivateIpAddresses")], "*"),
    }


def roles(p):
    """Returns the statements that the roles of a deployment must have, by Sid."""
    webhook = p["WebhookSecretId"] or p["StripeEventSource"]
    before = p["PreviousCustomersTable"]
    expected = {
        "PortalRole": {
            "FindCustomer": allow("dynamodb:GetItem", table(p["CustomersTable"]), **items(p["CustomersKeyFormat"])),
            "DecryptTable": decrypt(p, "CustomersKmsKeyArn", "dynamodb"),
            "ReadStripeKey": read_secret(p, "StripeSecretId"),
            "DecryptSecret": decrypt(p, "StripeSecretKmsKeyArn", "secretsmanager"),
            "FindPreviousCustomer": before and allow("dynamodb:GetItem", table(before), **items(p["PreviousCustomersKeyFormat"])),
            "DecryptPreviousTable": decrypt(p, "PreviousCustomersKmsKeyArn", "dynamodb", "PreviousCustomersTable"),
            "ReadPreviousStripeKey": read_secret(p, "PreviousStripeSecretId"),
            "DecryptPreviousSecret": decrypt(p, "PreviousStripeSecretKmsKeyArn", "secretsmanager", "PreviousStripeSecretId"),
        }
        | of_function(p, "Portal"),
        "WebhookRole": webhook
        and {
            "KeepMapping": allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], table(p["CustomersTable"]), **items(p["CustomersKeyFormat"])),
            "UseTablesKey": decrypt(p, "CustomersKmsKeyArn", "dynamodb"),
            "ReadSigningSecret": read_secret(p, "WebhookSecretId"),
            "DecryptSecret": decrypt(p, "WebhookSecretKmsKeyArn", "secretsmanager", "WebhookSecretId"),
            "KeepPreviousMapping": before
            and allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], table(before), **items(p["PreviousCustomersKeyFormat"])),
            "DecryptPreviousTable": decrypt(p, "PreviousCustomersKmsKeyArn", "dynamodb", "PreviousCustomersTable"),
            "ReadPreviousSigningSecret": read_secret(p, "PreviousWebhookSecretId"),
            "DecryptPreviousSecret": decrypt(p, "PreviousWebhookSecretKmsKeyArn", "secretsmanager", "PreviousWebhookSecretId"),
            "LeaveDeadLetters": p["StripeEventSource"] and allow("sqs:SendMessage", "<WebhookDeadLetters.Arn>"),
        }
        | of_function(p, "Webhook"),
        "PreflightRole": {
            # The number of a version is known only when it exists.
            "CallVersions": allow(
                ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"], ["<PortalFunction.Arn>:*"] + (["<WebhookFunction.Arn>:*"] if webhook else [])
            ),
            # CloudFormation chooses the names of deployment groups.
            "Report": allow("codedeploy:PutLifecycleEventHookExecutionStatus", "arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:billing-portal-*/*"),
            "LookAtTable": allow(["dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:Scan"], table(p["CustomersTable"])),
            "DecryptTable": decrypt(p, "CustomersKmsKeyArn", "dynamodb"),
            "ReadStripeKey": read_secret(p, "StripeSecretId"),
            "DecryptStripeKey": decrypt(p, "StripeSecretKmsKeyArn", "secretsmanager"),
            "ReadSigningSecret": read_secret(p, "WebhookSecretId"),
            "DecryptSigningSecret": decrypt(p, "WebhookSecretKmsKeyArn", "secretsmanager", "WebhookSecretId"),
            "LookAtPreviousTable": before and allow("dynamodb:Scan", table(before)),
            "DecryptPreviousTable": decrypt(p, "PreviousCustomersKmsKeyArn", "dynamodb", "PreviousCustomersTable"),
        }
        | of_function(p, "Preflight"),
        "DeploymentRole": {
            "MoveTraffic": allow(
                ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
                [f"<{name}.Arn>{versions}" for name in ["PortalFunction"] + (["WebhookFunction"] if webhook else []) for versions in ("", ":*")],
            ),
            "AskPreflight": allow("lambda:InvokeFunction", "<PreflightFunction.Arn>"),
            # CodeDeploy reads all alarms.
            "WatchAlarms": allow("cloudwatch:DescribeAlarms", "*"),
            "TellOfFailures": p["NotificationTopicArn"] and allow("sns:Publish", p["NotificationTopicArn"]),
        },
    }
    return {role: {sid: s for sid, s in found.items() if s} for role, found in expected.items() if found}


DEAD_LETTERS = {
    "Queues": ["<WebhookDeadLetters>"],
    "PolicyDocument": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "EventBridge",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": "<WebhookDeadLetters.Arn>",
                "Condition": {"ArnEquals": {"aws:SourceArn": "<WebhookRule.Arn>"}},
            },
            {
                "Sid": "TLS",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": "<WebhookDeadLetters.Arn>",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    },
}

# The functions of the routes. The portal's routes are also in local/internal/gateway, which a test compares with the template.
ROUTES = {f"{method} /{{proxy+}}": "PortalFunction" for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")}
ROUTES |= {"POST /billing/portal": "PortalFunction", "GET /billing/status": "PortalFunction", "ANY /": "PortalFunction"}


def invocation(function, principal, source):
    return {"Action": "lambda:InvokeFunction", "FunctionName": f"<{function}Aliaslive>", "Principal": principal, "SourceArn": source}


def permissions(p):
    """API Gateway may call a function on its own routes, the bus by its own rule, and both call the alias."""
    routes = ROUTES | ({"ANY /stripe/webhook": "WebhookFunction"} if p["WebhookSecretId"] else {})
    for route, function in routes.items():
        method, path = route.replace("ANY", "*").replace("{proxy+}", "*").split(" ")
        source = f"arn:aws:execute-api:eu-west-1:123456789012:<PortalApi>/*/{method}{path}"
        yield invocation(function, "apigateway.amazonaws.com", source)
    if p["StripeEventSource"]:
        yield invocation("WebhookFunction", "events.amazonaws.com", "<WebhookRule.Arn>")


def routes_of(stack):
    """Returns the routes of the API with their integrations."""
    return {
        f"{'ANY' if method == 'x-amazon-apigateway-any-method' else method.upper()} {path}": operation["x-amazon-apigateway-integration"]
        for path, operations in stack.resources["PortalApi"]["Properties"]["Body"]["paths"].items()
        for method, operation in operations.items()
    }


def integration(function):
    uri = f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/<{function}Aliaslive>/invocations"
    return {"type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": "2.0", "uri": uri}


def trust(role):
    service = "codedeploy" if role == "DeploymentRole" else "lambda"
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


class Rights(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        # The transform leaves parameters in these resources, so one translation is enough.
        cls.template = translated.translate(translated.EVERYTHING)

    def test_the_transform_leaves_options_to_cloudformation(self):
        def kept(template):
            return {n: r for n, r in template["Resources"].items() if r["Type"] in POLICIES}

        self.assertEqual(kept(self.template), kept(translated.translate(REQUIRED)))

    def check(self, parameters):
        stack = Stack(self.template, parameters, kinds=KINDS)
        found = stack.of_type("AWS::IAM::Role")
        expected = roles(parameters)
        self.assertEqual(sorted(found), sorted(expected))
        for name, role in found.items():
            properties = role["Properties"]
            sids = [s["Sid"] for s in statements(role)]
            self.assertEqual(len(sids), len(set(sids)), name)
            actual = {s["Sid"]: {k: sorted(as_list(v)) if k in ("Action", "Resource") else v for k, v in s.items() if k != "Sid"} for s in statements(role)}
            self.assertEqual(actual, expected[name], name)
            self.assertEqual({policy["PolicyDocument"]["Version"] for policy in properties["Policies"]}, {"2012-10-17"})
            rest = {k: v for k, v in properties.items() if k not in ("Description", "Policies")}
            boundary = {"PermissionsBoundary": parameters["PermissionsBoundaryArn"]} if parameters["PermissionsBoundaryArn"] else {}
            self.assertEqual(rest, {"Path": parameters["RolePath"], "AssumeRolePolicyDocument": trust(name)} | boundary, name)

        def by_source(all_of_them):
            return sorted(all_of_them, key=lambda permission: permission["SourceArn"])

        self.assertEqual(by_source(r["Properties"] for r in stack.of_type("AWS::Lambda::Permission").values()), by_source(permissions(parameters)))
        queues = [r["Properties"] for r in stack.of_type("AWS::SQS::QueuePolicy").values()]
        self.assertEqual(queues, [DEAD_LETTERS] if parameters["StripeEventSource"] else [])
        routes = ROUTES | ({"ANY /stripe/webhook": "WebhookFunction"} if parameters["WebhookSecretId"] else {})
        self.assertEqual(routes_of(stack), {route: integration(function) for route, function in routes.items()})

    def test_each_pair_of_options_gives_exactly_the_rights_it_needs(self):
        self.check(NOTHING)
        for pair in itertools.combinations_with_replacement(OPTIONS, 2):
            with self.subTest(pair):
                self.check(NOTHING | OPTIONS[pair[0]] | OPTIONS[pair[1]])

    def test_all_options_together_give_exactly_the_rights_they_need(self):
        everything = NOTHING
        for changes in OPTIONS.values():
            everything = everything | changes
        self.check(everything)
        for name, changes in OPTIONS.items():
            with self.subTest(f"without {name}"):
                self.check(everything | {parameter: NOTHING[parameter] for parameter in changes})

    def test_no_other_resource_gives_rights(self):
        found = {r["Type"] for r in self.template["Resources"].values() if r["Type"] in POLICIES or "Policy" in r["Type"].split("::")[-1]}
        self.assertEqual(found, KINDS)


if __name__ == "__main__":
    unittest.main()
