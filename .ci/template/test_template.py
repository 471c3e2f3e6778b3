"""The translated template, in every partition, with and without its options."""

import copy
import json
import random
import re
import string
import unittest

import translated
from samtranslator.model.exceptions import InvalidDocumentException
from translated import EVERYTHING, REQUIRED, ROOT, deployed, observability

PARTITIONS = {
    "aws": {},
    "aws-cn": {"AWS::Partition": "aws-cn", "AWS::Region": "cn-north-1", "AWS::URLSuffix": "amazonaws.com.cn"},
    "aws-us-gov": {"AWS::Partition": "aws-us-gov", "AWS::Region": "us-gov-west-1"},
}


def everything(partition="aws"):
    parameters = {name: value.replace("arn:aws:", f"arn:{partition}:") for name, value in EVERYTHING.items()}
    return deployed(parameters, PARTITIONS[partition])


class Traffic(unittest.TestCase):
    def versions(self, template, release):
        """Returns the logical IDs of the versions that the transform makes for a release."""
        resources = translated.Translator({}, translated.Parser()).translate(copy.deepcopy(template), {"Release": release})["Resources"]
        return sorted(name for name, r in resources.items() if r["Type"] == "AWS::Lambda::Version")

    def test_a_release_that_the_pattern_accepts_is_a_valid_version_name(self):
        template = translated.read("template.yaml")
        functions = {n: r for n, r in template["Resources"].items() if r["Properties"].get("AutoPublishCodeSha256")}
        for function in functions.values():
            function["Properties"] |= {"CodeUri": "s3://bucket/code", "Events": {}}
            # The transform appends the release to the description. https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
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
                self.assertEqual(made.setdefault(logical, value[:10]), value[:10], "two releases have the same version")
        for value in ("v1.2.3", "2026-11-29", "v1-0123456789", "012345678-", "a_b", "é123456789"):
            self.assertFalse(re.fullmatch(release["AllowedPattern"], value), value)
            with self.assertRaises(InvalidDocumentException, msg=value):
                self.versions(template, value)
        for value in ("a" * 129, "0123456789 v1", "0123456789\n", "0123456789é"):  # too long for the function's description, or not a valid name
            self.assertFalse(re.fullmatch(release["AllowedPattern"], value), value)

    def test_alarms_that_roll_back_watch_only_the_new_version(self):
        stack = everything()
        groups = stack.of_type("AWS::CodeDeploy::DeploymentGroup")
        self.assertEqual(len(groups), 2)
        for name, group in groups.items():
            alarms = [a["Name"].strip("<>") for a in group["Properties"]["AlarmConfiguration"]["Alarms"]]
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

    def test_all_at_once_uses_codedeploy_too(self):
        groups = deployed(EVERYTHING | {"DeploymentPreference": "AllAtOnce"}).of_type("AWS::CodeDeploy::DeploymentGroup")
        self.assertEqual([g["Properties"]["DeploymentConfigName"] for g in groups.values()], 2 * ["CodeDeployDefault.LambdaAllAtOnce"])

    def test_without_safe_deployment_codedeploy_is_not_used(self):
        mapping = translated.read("template.yaml")["Mappings"]["SafeDeployment"]
        self.assertEqual(mapping, {"true": {"IsEnabled": True}, "false": {"IsEnabled": False}})
        stack = deployed(EVERYTHING | {"SafeDeployment": "false"})
        self.assertEqual([n for n, r in stack.resources.items() if r["Type"].startswith("AWS::CodeDeploy::")], [])
        self.assertNotIn("UpdatePolicy", stack.resources["PortalFunctionAliaslive"])


class Partitions(unittest.TestCase):
    def test_arns_and_addresses_belong_to_the_partition(self):
        for partition, pseudo in PARTITIONS.items():
            stack = everything(partition)
            parameters = {name: value.replace("arn:aws:", f"arn:{partition}:") for name, value in translated.DEPLOYER.items()}
            deployer = translated.Stack(translated.read("infra/deployer.yaml"), parameters, pseudo)
            for addressed in (stack, deployed(REQUIRED, pseudo), deployer, observability(stack, pseudo)):
                outputs = [addressed.resolve(o["Value"]) for o in addressed.template.get("Outputs", {}).values() if addressed.holds(o.get("Condition"))]
                text = json.dumps([addressed.resources, outputs])
                self.assertLessEqual(set(re.findall(r"arn:(aws[a-z-]*):", text)), {partition})
                # A principal names a service in all partitions; an address belongs to a Region.
                hosts = {host for host in re.findall(r"[\w.<>-]+\.amazonaws\.com[\w.]*", text) if not re.fullmatch(r"(ops\.)?\w+\.amazonaws\.com", host)}
                own = translated.PSEUDO | pseudo
                self.assertEqual({host for host in hosts if not host.endswith(f".{own['AWS::Region']}.{own['AWS::URLSuffix']}")}, set())


class Data(unittest.TestCase):
    def test_the_inventory_of_personal_data_has_every_place(self):
        security = (ROOT / ".github/SECURITY.md").read_text()
        inventory = security[security.index("## Personal data") :]
        named = {"AWS::StackName": "NAME"}
        stacks = deployed(EVERYTHING, named), translated.Stack(translated.read("infra/edge.yaml"), translated.EDGE, named | {"AWS::Region": "us-east-1"})
        for group in (g for stack in stacks for g in stack.of_type("AWS::Logs::LogGroup").values()):
            name, days = group["Properties"]["LogGroupName"], group["Properties"]["RetentionInDays"]
            self.assertRegex(inventory, rf"`({re.escape(name)}|…/{name.split('/')[-1]})`.*`LogRetentionDays`(?: of edge\.yaml)? \({days}[;)]")
        days = everything().resources["WebhookDeadLetters"]["Properties"]["MessageRetentionPeriod"] / 86400
        self.assertIn(f"| {days:.0f} days |", inventory)


class Options(unittest.TestCase):
    def test_without_a_webhook_its_resources_are_absent(self):
        watched = observability(deployed(REQUIRED))
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
