"""What a deployment is, in every partition: the translated template, with what is optional and without."""

import copy
import json
import random
import re
import string
import unittest

import translated
from samtranslator.model.exceptions import InvalidDocumentException
from translated import EVERYTHING, REQUIRED, ROOT, as_list, deployed, observability, statements

PARTITIONS = {
    "aws": {},
    "aws-cn": {"AWS::Partition": "aws-cn", "AWS::Region": "cn-north-1", "AWS::URLSuffix": "amazonaws.com.cn"},
    "aws-us-gov": {"AWS::Partition": "aws-us-gov", "AWS::Region": "us-gov-west-1"},
}

# Resources with a wildcard in them, and why.
WILDCARDS = {
    "Trace": "X-Ray knows no resources",
    "JoinVpc": "Lambda asks for all network interfaces",
    "WatchAlarms": "CodeDeploy asks for all alarms",
    "CallVersions": "a version's number is not known before it is there",
    "MoveTraffic": "a version's number is not known before it is there",
    "Report": "CloudFormation makes up the names of deployment groups",
    "ReadStripeKey": "Secrets Manager appends six characters to a name",
    "ReadSigningSecret": "Secrets Manager appends six characters to a name",
    "ReadPreviousStripeKey": "Secrets Manager appends six characters to a name",
    "ReadPreviousSigningSecret": "Secrets Manager appends six characters to a name",
}
WHOLE = {"Trace", "JoinVpc", "WatchAlarms"}  # of which the resource is * itself


def everything(partition="aws"):
    parameters = {name: value.replace("arn:aws:", f"arn:{partition}:") for name, value in EVERYTHING.items()}
    return deployed(parameters, PARTITIONS[partition])


class Traffic(unittest.TestCase):
    def test_an_alias_moves_when_preflight_allows_it(self):
        stack = everything()
        for function in ("PortalFunction", "WebhookFunction"):
            alias = stack.resources[f"{function}Aliaslive"]
            self.assertEqual(alias["Properties"]["Name"], "live")
            update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
            self.assertEqual(update["BeforeAllowTrafficHook"], "<PreflightFunction>")
            self.assertEqual(update["DeploymentGroupName"], f"<{function}DeploymentGroup>")

    def test_nothing_calls_a_function_past_its_alias(self):
        stack = everything()
        uris = re.findall(r"functions/([^/]+)/invocations", json.dumps(stack.resources["PortalApi"]["Properties"]["Body"]))
        self.assertEqual(set(uris), {"<PortalFunctionAliaslive>", "<WebhookFunctionAliaslive>"})
        called = [p["Properties"]["FunctionName"] for p in stack.of_type("AWS::Lambda::Permission").values()]
        called += [t["Arn"] for rule in stack.of_type("AWS::Events::Rule").values() for t in rule["Properties"]["Targets"]]
        self.assertEqual(set(called), {"<PortalFunctionAliaslive>", "<WebhookFunctionAliaslive>"})
        self.assertEqual(stack.resources["WebhookRetries"]["Properties"]["Qualifier"], "live")

    def test_preflight_is_told_the_new_versions(self):
        variables = everything().resources["PreflightFunction"]["Properties"]["Environment"]["Variables"]
        self.assertRegex(variables["PORTAL_FUNCTION"], "^<PortalFunctionVersion.{10}>$")
        self.assertRegex(variables["WEBHOOK_FUNCTION"], "^<WebhookFunctionVersion.{10}>$")
        self.assertEqual(deployed(REQUIRED).resources["PreflightFunction"]["Properties"]["Environment"]["Variables"]["WEBHOOK_FUNCTION"], "")

    def test_the_release_is_in_the_function(self):
        for function in ("PortalFunction", "WebhookFunction"):
            variables = everything().resources[function]["Properties"]["Environment"]["Variables"]
            self.assertEqual(variables["RELEASE"], EVERYTHING["Release"], "Lambda would make no version of it")

    def versions(self, template, release):
        """The logical IDs of the versions that the transform makes of a release."""
        resources = translated.Translator({}, translated.Parser()).translate(copy.deepcopy(template), {"Release": release})["Resources"]
        return sorted(name for name, r in resources.items() if r["Type"] == "AWS::Lambda::Version")

    def test_a_release_that_the_pattern_accepts_makes_a_version(self):
        template = translated.read("template.yaml")
        functions = {n: r for n, r in template["Resources"].items() if r["Properties"].get("AutoPublishCodeSha256")}
        for function in functions.values():
            function["Properties"] |= {"CodeUri": "s3://bucket/code", "Events": {}}
            # The transform appends the release to it. https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
            self.assertLessEqual(len(f"{function['Properties'].get('Description', '')} {'x' * 128}"), 256)
        release = template["Parameters"]["Release"]
        one = dict([functions.popitem()])  # the transform treats each alike, and takes half the time
        template |= {"Resources": one, "Parameters": {"Release": release}}
        chance = random.Random(1)
        letters, more = string.ascii_letters + string.digits, string.printable.strip()
        made = {}
        accepted = ["", "v1", "20261129", "0123456789", "0123456789-v1.2.3", "0123456789/main:1(2026-11-29)", "a" * 128]
        accepted += ["".join(chance.choices(letters, k=chance.randint(1, 10))) for _ in range(20)]
        accepted += ["".join(chance.choices(letters, k=10) + chance.choices(more, k=chance.randint(1, 118))) for _ in range(20)]
        for value in accepted:
            self.assertTrue(re.fullmatch(release["AllowedPattern"], value), value)
            ids = self.versions(template, value)
            self.assertEqual(len(ids), 1, value)
            for logical in ids:
                self.assertRegex(logical, "^[A-Za-z0-9]{1,255}$", value)
                self.assertEqual(made.setdefault(logical, value[:10]), value[:10], "two releases made one version")
        for value in ("v1.2.3", "2026-11-29", "v1-0123456789", "012345678-", "a_b", "é123456789"):
            self.assertFalse(re.fullmatch(release["AllowedPattern"], value), value)
            with self.assertRaises(InvalidDocumentException, msg=value):
                self.versions(template, value)
        for value in ("a" * 129, "0123456789 v1", "0123456789\n", "0123456789é"):  # too long for the function's description, or no name
            self.assertFalse(re.fullmatch(release["AllowedPattern"], value), value)

    def test_what_rolls_back_watches_the_new_version_alone(self):
        stack = everything()
        groups = stack.of_type("AWS::CodeDeploy::DeploymentGroup")
        self.assertEqual(len(groups), 2)
        for name, group in groups.items():
            properties = group["Properties"]
            self.assertIn("DEPLOYMENT_STOP_ON_ALARM", properties["AutoRollbackConfiguration"]["Events"])
            self.assertEqual(properties["ServiceRoleArn"], "<DeploymentRole.Arn>")
            self.assertEqual(properties["DeploymentConfigName"], "CodeDeployDefault.LambdaCanary10Percent5Minutes")
            self.assertEqual(properties["TriggerConfigurations"][0]["TriggerTargetArn"], EVERYTHING["NotificationTopicArn"])
            alarms = [a["Name"].strip("<>") for a in properties["AlarmConfiguration"]["Alarms"]]
            self.assertEqual(len(alarms), 2, name)
            for alarm in alarms:
                self.assert_is_of_the_version(stack.resources[alarm]["Properties"])

    def assert_is_of_the_version(self, alarm):
        self.assertEqual(alarm["TreatMissingData"], "notBreaching")
        for metric in translated.metrics_of({"Properties": alarm}):
            dimensions = {d["Name"]: d["Value"] for d in metric["Dimensions"]}
            version = dimensions.get("ExecutedVersion") or dimensions.get("version")
            self.assertRegex(version, r"^<\w+FunctionVersion.{10}\.Version>$")
        self.assertTrue(alarm["Threshold"] >= 2 or "failures >= 3" in alarm["Metrics"][0]["Expression"], "no floor")

    def test_all_at_once_is_codedeploys_too(self):
        groups = deployed(REQUIRED | {"DeploymentPreference": "AllAtOnce"}).of_type("AWS::CodeDeploy::DeploymentGroup")
        self.assertEqual([g["Properties"]["DeploymentConfigName"] for g in groups.values()], ["CodeDeployDefault.LambdaAllAtOnce"])

    def test_an_emergency_goes_past_all_of_it(self):
        stack = deployed(EVERYTHING | {"SafeDeployment": "false"})
        self.assertEqual([n for n, r in stack.resources.items() if r["Type"].startswith("AWS::CodeDeploy::")], [])
        self.assertNotIn("UpdatePolicy", stack.resources["PortalFunctionAliaslive"])


class Rights(unittest.TestCase):
    def roles(self, partition="aws"):
        return everything(partition).of_type("AWS::IAM::Role")

    def test_there_is_a_role_for_each(self):
        self.assertEqual(sorted(self.roles()), ["DeploymentRole", "PortalRole", "PreflightRole", "WebhookRole"])

    def test_wildcards_have_a_reason(self):
        for name, role in self.roles().items():
            self.assertNotIn("ManagedPolicyArns", role["Properties"])
            for statement in statements(role):
                self.assertFalse([a for a in as_list(statement["Action"]) if "*" in a or "?" in a], name)
                for resource in as_list(statement["Resource"]):
                    if "*" in resource or "?" in resource:
                        self.assertIn(statement["Sid"], WILDCARDS, name)
                    if resource == "*":
                        self.assertIn(statement["Sid"], WHOLE, name)

    def test_what_is_not_used_gives_no_rights(self):
        roles = deployed(REQUIRED).of_type("AWS::IAM::Role")
        self.assertEqual([s["Sid"] for s in statements(roles["PortalRole"])], ["FindCustomer", "ReadStripeKey", "WriteLog"])
        self.assertNotIn("WebhookRole", roles)

    def test_only_the_webhook_writes_the_table(self):
        reads = {"dynamodb:GetItem", "dynamodb:DescribeTable", "dynamodb:Scan"}
        for name, role in self.roles().items():
            actions = {a for s in statements(role) for a in as_list(s["Action"]) if a.startswith("dynamodb:")}
            self.assertEqual(actions - reads, {"dynamodb:UpdateItem"} if name == "WebhookRole" else set())

    def test_the_portal_finds_and_reads_and_no_more(self):
        roles = self.roles()
        use = {n: {a for s in statements(r) for a in as_list(s["Action"]) if not a.startswith(("ec2:", "xray:", "logs:"))} for n, r in roles.items()}
        self.assertEqual(use["PortalRole"], {"dynamodb:GetItem", "secretsmanager:GetSecretValue", "kms:Decrypt"})
        self.assertEqual(
            use["WebhookRole"], {"dynamodb:GetItem", "dynamodb:UpdateItem", "secretsmanager:GetSecretValue", "kms:Decrypt", "sqs:SendMessage"}
        )

    def test_each_service_assumes_its_own_role(self):
        for name, role in self.roles().items():
            [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            service = "codedeploy" if name == "DeploymentRole" else "lambda"
            self.assertEqual(statement["Principal"], {"Service": f"{service}.amazonaws.com"})

    def test_boundary_and_path_are_every_roles(self):
        for role in self.roles().values():
            self.assertEqual(role["Properties"]["PermissionsBoundary"], EVERYTHING["PermissionsBoundaryArn"])
            self.assertEqual(role["Properties"]["Path"], "/billing/")
        for role in deployed(REQUIRED).of_type("AWS::IAM::Role").values():
            self.assertNotIn("PermissionsBoundary", role["Properties"])

    def test_no_arn_is_of_another_partition(self):
        for partition in PARTITIONS:
            stack = everything(partition)
            for part in (stack, observability(stack, PARTITIONS[partition])):
                found = set(re.findall(r"arn:(aws[a-z-]*):", json.dumps(part.resources)))
                self.assertLessEqual(found, {partition})
            vias = {v for r in stack.of_type("AWS::IAM::Role").values() for v in re.findall(r'"kms:ViaService": "([^"]+)"', json.dumps(r))}
            suffix = translated.PSEUDO | PARTITIONS[partition]
            self.assertTrue(all(v.endswith(f"{suffix['AWS::Region']}.{suffix['AWS::URLSuffix']}") for v in vias), vias)


class Data(unittest.TestCase):
    def test_the_table_is_kept_and_encrypted(self):
        table = everything().resources["Customers"]
        properties = table["Properties"]
        self.assertEqual((table["DeletionPolicy"], table["UpdateReplacePolicy"]), ("Retain", "Retain"))
        self.assertTrue(properties["DeletionProtectionEnabled"])
        self.assertTrue(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])
        self.assertEqual(properties["SSESpecification"], {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": translated.KEY})

    def test_a_table_that_is_left_behind_is_in_nobodys_way(self):
        retained = {n: r for n, r in everything().resources.items() if r.get("DeletionPolicy") == "Retain" and r["Type"] != "AWS::Lambda::Version"}
        self.assertEqual(list(retained), ["Customers"])
        self.assertNotIn("TableName", retained["Customers"]["Properties"])

    def test_an_existing_table_is_used(self):
        stack = deployed(REQUIRED | {"CustomersTable": "users"})
        self.assertNotIn("Customers", stack.resources)
        self.assertEqual(stack.resources["PortalFunction"]["Properties"]["Environment"]["Variables"]["CUSTOMERS_TABLE"], "users")

    def test_logs_end_and_are_encrypted(self):
        groups = everything().of_type("AWS::Logs::LogGroup")
        self.assertEqual(len(groups), 4)
        for group in groups.values():
            self.assertEqual((group["Properties"]["RetentionInDays"], group["Properties"]["KmsKeyId"]), (30, translated.KEY))
        self.assertTrue(all("KmsKeyId" not in g["Properties"] for g in deployed(REQUIRED).of_type("AWS::Logs::LogGroup").values()))

    def test_dead_letters_are_encrypted_and_refused_without_tls(self):
        stack = everything()
        self.assertTrue(stack.resources["WebhookDeadLetters"]["Properties"]["SqsManagedSseEnabled"])
        policy = stack.resources["WebhookDeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        self.assertIn({"Bool": {"aws:SecureTransport": "false"}}, [s["Condition"] for s in policy if s["Effect"] == "Deny"])

    def test_the_inventory_of_personal_data_has_every_place(self):
        security = (ROOT / ".github/SECURITY.md").read_text()
        inventory = security[security.index("## Personal data") :]
        named = {"AWS::StackName": "NAME"}
        stacks = deployed(EVERYTHING, named), translated.Stack(translated.read("infra/edge.yaml"), translated.EDGE, named | {"AWS::Region": "us-east-1"})
        for group in (g for stack in stacks for g in stack.of_type("AWS::Logs::LogGroup").values()):
            name, days = group["Properties"]["LogGroupName"], group["Properties"]["RetentionInDays"]
            self.assertRegex(inventory, rf"`({re.escape(name)}|…/{name.split('/')[-1]})`.*`LogRetentionDays` \({days}\)")
        days = everything().resources["WebhookDeadLetters"]["Properties"]["MessageRetentionPeriod"] / 86400
        self.assertIn(f"| {days:.0f} days |", inventory)


class Options(unittest.TestCase):
    def test_a_domain_replaces_the_apis_own_address(self):
        stack = everything()
        endpoint = stack.resources["PortalApi"]["Properties"]["Body"]["servers"]
        self.assertEqual(endpoint, [{"x-amazon-apigateway-endpoint-configuration": {"ipAddressType": "dualstack", "disableExecuteApiEndpoint": True}}])
        mapping = stack.resources["PortalDomainMapping"]["Properties"]
        self.assertEqual((mapping["ApiMappingKey"], mapping["Stage"]), ("api/v1", "<PortalApiApiGatewayDefaultStage>"))
        [domain] = stack.resources["PortalDomain"]["Properties"]["DomainNameConfigurations"]
        self.assertEqual(domain["SecurityPolicy"], "TLS_1_2")
        records = stack.resources["PortalDomainRecords"]["Properties"]["RecordSets"]
        self.assertEqual([r["Type"] for r in records], ["A", "AAAA"])
        self.assertEqual(stack.resources["PortalDomainRecords"]["DeletionPolicy"], "RetainExceptOnCreate", "a move would leave the name without a target")
        outputs = {name: stack.resolve(o["Value"]) for name, o in stack.template["Outputs"].items() if stack.holds(o.get("Condition"))}
        self.assertEqual(outputs["PortalEndpoint"], "https://billing.example.com/api/v1/billing/portal")
        self.assertEqual(outputs["WebhookEndpoint"], "https://billing.example.com/api/v1/stripe/webhook")

    def test_the_webhooks_address_is_known_before_its_secret(self):
        with_domain = {"DomainName": EVERYTHING["DomainName"], "CertificateArn": EVERYTHING["CertificateArn"]}
        for parameters in (REQUIRED, REQUIRED | with_domain, REQUIRED | {"StripeEventSource": EVERYTHING["StripeEventSource"]}):
            before, after = deployed(parameters), deployed(parameters | {"WebhookSecretId": EVERYTHING["WebhookSecretId"]})
            for output in ("WebhookEndpoint", "WebhookEventTypes"):
                outputs = before.template["Outputs"], after.template["Outputs"]
                self.assertNotIn("Condition", outputs[0][output])
                self.assertEqual(before.resolve(outputs[0][output]["Value"]), after.resolve(outputs[1][output]["Value"]))

    def test_a_domain_without_a_path_has_no_key(self):
        stack = deployed(EVERYTHING | {"BasePath": "", "HostedZoneId": ""})
        self.assertNotIn("ApiMappingKey", stack.resources["PortalDomainMapping"]["Properties"])
        self.assertNotIn("PortalDomainRecords", stack.resources)

    def test_without_a_domain_the_api_keeps_its_address(self):
        stack = deployed(REQUIRED)
        endpoint = stack.resources["PortalApi"]["Properties"]["Body"]["servers"]
        self.assertEqual(endpoint, [{"x-amazon-apigateway-endpoint-configuration": {"ipAddressType": "dualstack", "disableExecuteApiEndpoint": False}}])
        self.assertEqual([n for n in stack.resources if n.startswith("PortalDomain")], [])

    def test_every_function_is_in_the_vpc(self):
        functions = everything().of_type("AWS::Lambda::Function")
        self.assertEqual(len(functions), 3)
        for function in functions.values():
            self.assertEqual(function["Properties"]["VpcConfig"], {"SubnetIds": ["subnet-0a", "subnet-0b"], "SecurityGroupIds": ["sg-0a"]})
            self.assertEqual(function["Properties"]["TracingConfig"], {"Mode": "Active"})
        self.assertTrue(all("VpcConfig" not in f["Properties"] for f in deployed(REQUIRED).of_type("AWS::Lambda::Function").values()))

    def test_concurrency_is_each_functions_own(self):
        stack = everything()
        for function, reserved, provisioned in (("PortalFunction", "10", "2"), ("WebhookFunction", "5", "1")):
            self.assertEqual(stack.resources[function]["Properties"]["ReservedConcurrentExecutions"], reserved)
            alias = stack.resources[f"{function}Aliaslive"]["Properties"]
            self.assertEqual(alias["ProvisionedConcurrencyConfig"], {"ProvisionedConcurrentExecutions": provisioned})
        self.assertNotIn("ProvisionedConcurrencyConfig", deployed(REQUIRED).resources["PortalFunctionAliaslive"]["Properties"])

    def test_without_a_webhook_there_is_nothing_of_one(self):
        stack = deployed(REQUIRED)
        self.assertEqual([n for n in stack.resources if n.startswith("Webhook")], [])
        watched = observability(stack)
        self.assertNotIn("WebhookFailures", watched.resources)
        self.assertNotIn("Webhook", json.dumps({n: r for n, r in watched.resources.items() if r["Type"] != "AWS::CloudWatch::Dashboard"}))

    def test_six_keys_of_an_issuer_fit_into_the_variables(self):
        key = {"alg": "RS256", "e": "AQAB", "kid": "k" * 43, "kty": "RSA", "n": "n" * 342, "use": "sig"}  # of 2,048 bits
        stack = deployed(REQUIRED | {"Release": "r" * 40, "JwtJwks": json.dumps({"keys": [key] * 6}, separators=(",", ":"))})
        variables = stack.resources["PortalFunction"]["Properties"]["Environment"]["Variables"]
        # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        self.assertLess(len(json.dumps(variables)), 4096)

    def test_every_parameter_is_explained(self):
        template = translated.read("template.yaml")
        interface = template["Metadata"]["AWS::CloudFormation::Interface"]
        grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
        self.assertEqual(sorted(grouped), sorted(template["Parameters"]))
        for name, parameter in template["Parameters"].items():
            self.assertIn("Description", parameter, name)
            self.assertIn("ConstraintDescription", parameter, name)
            self.assertTrue({"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter), name)


if __name__ == "__main__":
    unittest.main()
