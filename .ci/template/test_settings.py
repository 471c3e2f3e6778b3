"""All settings of all resources, parameters and outputs of the templates are exactly those of expected.yaml.

Rights and routes are in test_rights.py, alarms in test_watched.py.
"""

import itertools
import json
import re
import unittest

import test_rights
import translated
import yaml
from translated import EVERYTHING, ROOT, Stack, edge

EXPECTED = yaml.safe_load((ROOT / ".ci/template/expected.yaml").read_text())
ELSEWHERE = (test_rights.KINDS - {"AWS::ApiGatewayV2::Api"}) | {"AWS::CloudWatch::Alarm"}
RELEASE = EVERYTHING["Release"]

# The value of each parameter is its name, so that its use is visible. A list has a second member.
LISTS = {name: f"${name},$2" for name in ("AllowedOrigins", "VpcSubnetIds", "VpcSecurityGroupIds")}
CHOSEN = {
    "template.yaml": LISTS
    | {"SafeDeployment": "true", "Tracing": "Active", "CustomersTable": "", "CustomersSortKey": "$sk=BILLING", "BasePath": "/$BasePath/v1"},
    "infra/edge.yaml": {"BasePath": "/$BasePath/v1"},
    "infra/deployer.yaml": {"FirstDeployment": "true"},
}


def stack(path, changes=None):
    template = translated.translate(EVERYTHING) if path == "template.yaml" else translated.read(path)
    names = {name: f"${name}" for name in template["Parameters"]}
    return Stack(template, names | CHOSEN[path] | (changes or {}), {"AWS::Region": "us-east-1"} if path == "infra/edge.yaml" else None)


def settings(made):
    """Returns the resources and outputs of a stack by name, except those of other tests, and with the release removed from version names."""
    found = {"Outputs": {name: made.resolve(o["Value"]) for name, o in made.template["Outputs"].items() if made.holds(o.get("Condition"))}}
    for name, resource in made.resources.items():
        if resource["Type"] not in ELSEWHERE:
            properties = {k: v for k, v in resource["Properties"].items() if k != "Environment"}
            properties |= {k: v for k, v in resource.get("Metadata", {}).items() if k == "BuildMethod"}
            found[name.removesuffix(RELEASE[:10])] = properties | {k: v for k, v in resource.items() if k not in ("Properties", "Metadata")}
    if "PortalApi" in found:
        found["PortalApi"]["Body"].pop("paths")
    return unversioned(found)


def variables(function, changes=None):
    return unversioned(stack("template.yaml", changes).resources[function]["Properties"]["Environment"]["Variables"])


def unversioned(value):
    if isinstance(value, dict):
        return {k: unversioned(v) for k, v in value.items()}
    if isinstance(value, list):
        return [unversioned(v) for v in value]
    return re.sub(rf"Version{RELEASE[:10]}", "Version", value) if isinstance(value, str) else value


def flat(value, path=""):
    """Returns {path: scalar} of a tree. Empty values stay. The path of a policy statement contains its Sid."""
    if isinstance(value, list):
        value = {v["Sid"] if isinstance(v, dict) and "Sid" in v else str(i): v for i, v in enumerate(value)}
    if not isinstance(value, dict) or not value:
        return {path: value}
    return {p: v for name, member in value.items() for p, v in flat(member, f"{path}.{name}" if path else name).items()}


class Settings(unittest.TestCase):
    maxDiff = None

    def test_every_setting_is_the_expected_one(self):
        for path, expected in EXPECTED.items():
            found, wanted = settings(stack(path)), expected["resources"] | {"Outputs": expected["outputs"]}
            self.assertEqual(sorted(found), sorted(wanted), path)
            for name in wanted:
                self.assertEqual(flat(found[name]), flat(wanted[name]), f"{path}: {name}")

    def test_without_an_option_its_settings_are_absent(self):
        for path, expected in EXPECTED.items():
            whole = flat(settings(stack(path)))
            for option, without in expected["without"].items():
                with self.subTest(path=path, option=option):
                    rest = flat(settings(stack(path, without["parameters"])))
                    gone = {p for p in whole if p.startswith(tuple(f"{prefix}." for prefix in without.get("gone", []))) or p in without.get("gone", [])}
                    self.assertEqual(sorted(set(whole) - set(rest)), sorted(gone))
                    changed = {p: v for p, v in rest.items() if p not in whole or str(whole[p]) != str(v)}
                    self.assertEqual(changed, without.get("changed", {}))

    def test_nothing_refers_to_resources_that_an_option_removes(self):
        """CloudFormation would refuse such a template."""
        for path, expected in EXPECTED.items():
            for option, without in expected["without"].items():
                made = stack(path, without["parameters"])
                outputs = [made.resolve(o["Value"]) for o in made.template["Outputs"].values() if made.holds(o.get("Condition"))]
                named = set(re.findall(r"<(\w+)[.>]", json.dumps([made.resources, outputs])))
                self.assertLessEqual(named, set(made.resources), f"{path} without {option}")

    def test_a_build_sees_the_whole_module(self):
        """With a narrower folder, SAM's cache would deploy stale code."""
        functions = [r for r in translated.read("template.yaml")["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
        self.assertEqual([f["Properties"]["CodeUri"] for f in functions], 3 * ["."])

    def test_every_parameter_is_the_expected_one(self):
        for path, expected in EXPECTED.items():
            found = {}
            for name, parameter in translated.read(path)["Parameters"].items():
                found[name] = {k: v for k, v in parameter.items() if k not in ("Description", "ConstraintDescription", "AllowedPattern")}
            plain = {name: {"Type": "String", "Default": ""} for name in found}  # an option, with a pattern
            wanted = plain | expected["parameters"]
            missing = {name: p for name, p in found.items() if p != wanted[name] and name not in expected["parameters"]}
            lines = [f"    {name}: {yaml.safe_dump(p, default_flow_style=True, sort_keys=False, width=1000)}" for name, p in missing.items()]
            self.assertEqual(found, wanted, f"{path}. Entries that are missing in expected.yaml:\n{''.join(lines)}")

    def test_the_nested_stack_gets_each_of_its_parameters(self):
        """CloudFormation refuses missing and unknown parameters; a default would hide a missing one."""
        known = translated.read("infra/observability.yaml")["Parameters"]
        given = stack("template.yaml").resources["Observability"]["Properties"]["Parameters"]
        self.assertEqual({name: sorted(p) for name, p in known.items()}, dict.fromkeys(given, ["Description", "Type"]))

    def test_a_refusal_states_the_allowed_values(self):
        for path in EXPECTED:
            for name, parameter in translated.read(path)["Parameters"].items():
                text, values = parameter["ConstraintDescription"], parameter.get("AllowedValues", [])
                if "MinValue" in parameter:
                    limits = "from {MinValue} to {MaxValue}." if "MaxValue" in parameter else "at least {MinValue}."
                    self.assertRegex(text, rf" {re.escape(limits.format(**parameter))}$", f"{path}: {name}")
                elif 0 < len(values) < 5:
                    self.assertEqual(text, f"must be {', '.join(values[:-1])} or {values[-1]}.", f"{path}: {name}")
                limits = str([v for k, v in parameter.items() if "Description" not in k])
                for number in re.findall(r"\b[0-9]+\b", re.sub(r"\(?RFC [^)]*", "", text)):
                    if (name, number) == ("Release", "128"):
                        continue  # the sum of two numbers of its pattern
                    self.assertRegex(limits, rf"\b{number}\b", f"{path}: {name}")


class Variables(unittest.TestCase):
    """local/internal/checks compares the names with those that the functions read."""

    def test_each_variable_has_the_value_of_its_parameter(self):
        for function in ("PortalFunction", "WebhookFunction"):
            found = variables(function)
            names = {variable: re.sub("_?([A-Z])([A-Z]*)", lambda word: word[1] + word[2].lower(), variable) for variable in found}
            wanted = {variable: CHOSEN["template.yaml"].get(name, f"${name}") for variable, name in names.items()} | {"CUSTOMERS_TABLE": "<Customers>"}
            self.assertEqual(found, wanted)
            self.assertEqual(variables(function, {"CustomersTable": "users"}), wanted | {"CUSTOMERS_TABLE": "users"})

    def test_preflight_gets_the_new_versions(self):
        told = {"PORTAL_FUNCTION": "<PortalFunctionVersion>", "WEBHOOK_FUNCTION": "<WebhookFunctionVersion>"}
        self.assertEqual(variables("PreflightFunction"), told)
        self.assertEqual(variables("PreflightFunction", {"WebhookSecretId": ""}), told)
        self.assertEqual(variables("PreflightFunction", {"StripeEventSource": ""}), told)
        self.assertEqual(variables("PreflightFunction", {"WebhookSecretId": "", "StripeEventSource": ""}), told | {"WEBHOOK_FUNCTION": ""})


def together(a, b):
    return bool(a) == bool(b)


# Combinations of parameters that are refused before anything is deployed, by message.
REFUSED = {
    "template.yaml": {
        "Set JwtJwksUrl or JwtJwks, not both.": lambda p: p["JwtJwks"] and p["JwtJwksUrl"],
        "Set both DomainName and CertificateArn, or neither.": lambda p: not together(p["DomainName"], p["CertificateArn"]),
        "Set DomainName too, because HostedZoneId needs it.": lambda p: p["HostedZoneId"] and not p["DomainName"],
        "Set both TruststoreUri and TruststoreVersion, or neither.": lambda p: not together(p["TruststoreUri"], p["TruststoreVersion"]),
        "Set DomainName too, because TruststoreUri needs it.": lambda p: p["TruststoreUri"] and not p["DomainName"],
        "Set both VpcSubnetIds and VpcSecurityGroupIds, or neither.": lambda p: not together(p["VpcSubnetIds"], p["VpcSecurityGroupIds"]),
    },
    "infra/edge.yaml": {
        "OriginDomainName must differ from DomainName, which points to CloudFront.": lambda p: p["DomainName"] == p["OriginDomainName"],
    },
    "infra/deployer.yaml": {"Set DomainName too, because HostedZoneId needs it.": lambda p: p["HostedZoneId"] and not p["DomainName"]},
}


class Rules(unittest.TestCase):
    def test_values_that_exclude_each_other_are_refused(self):
        for path, refused in REFUSED.items():
            template = translated.read(path)
            known = template["Parameters"]
            together_or_not = [name for name in ("JwtJwks", "JwtJwksUrl", "VpcSubnetIds", "VpcSecurityGroupIds") if name in known]
            together_or_not += [name for name in known if re.fullmatch("(Origin)?DomainName|CertificateArn|HostedZoneId|Truststore.*", name)]
            for given in itertools.product(("", "given"), repeat=len(together_or_not)):
                parameters = dict(zip(together_or_not, given))
                made = Stack(template, parameters, kinds={"none"})
                found = [a["AssertDescription"] for rule in template["Rules"].values() for a in rule["Assertions"] if not made.resolve(a["Assert"])]
                self.assertEqual(sorted(found), sorted(text for text, is_refused in refused.items() if is_refused(parameters)), parameters)
            self.assertTrue(all(set(rule) == {"Assertions"} for rule in template["Rules"].values()), "a condition that switches a rule off")


def seconds(name, folder="functions"):
    """Returns a constant of the functions in whole seconds. Packages with a constant of this name must agree."""
    files = [f for f in (ROOT / folder).rglob("*.go") if not f.name.endswith("_test.go")]
    found = {m for f in files for m in re.findall(rf"^\s*(?:const )?{name}\s+= (\d+) \* time\.Second\b|^\s*(?:const )?{name}\s+= time\.(Second)\b", f.read_text(), re.MULTILINE)}
    [(number, one)] = found
    return 1 if one else int(number)


class Times(unittest.TestCase):
    """Each caller waits longer than the called function or check takes."""

    def setUp(self):
        self.resources = EXPECTED["template.yaml"]["resources"]
        self.limit = {name: r["Timeout"] for name, r in self.resources.items() if r["Type"] == "AWS::Lambda::Function"}

    def test_a_function_has_time_for_its_budget_after_a_slow_start(self):
        for function in ("PortalFunction", "WebhookFunction"):
            self.assertGreaterEqual(self.limit[function], seconds("budget") + seconds("prefetchTimeout"))

    def test_api_gateway_and_cloudfront_wait_for_the_function(self):
        # The longest timeout of an HTTP API, and its default. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
        gateway = 30
        origin = edge().resources["Distribution"]["Properties"]["DistributionConfig"]["Origins"][0]
        self.assertGreaterEqual(gateway, 2 * self.limit["PortalFunction"])
        self.assertGreaterEqual(origin["CustomOriginConfig"]["OriginReadTimeout"], gateway)

    def test_preflight_has_time_for_its_checks_and_its_report(self):
        self.assertGreater(seconds("invokeTimeout"), max(self.limit["PortalFunction"], self.limit["WebhookFunction"]))
        self.assertGreater(seconds("answerLimit"), seconds("invokeTimeout"))
        reserved = seconds("reportReserve") + seconds("lookReserve")
        self.assertGreaterEqual(seconds("reportReserve"), 4 * seconds("reportTimeout"), "four tries")
        # The pace of the requests to Stripe may take as much time as everything else.
        self.assertGreaterEqual(self.limit["PreflightFunction"] - reserved, 2 * (seconds("readLimit") + seconds("answerLimit") + seconds("patience")))


if __name__ == "__main__":
    unittest.main()
