"""The templates as CloudFormation deploys them: after SAM's translator, with the results of intrinsic functions."""

import copy
import functools
import json
import logging
import os
import pathlib
import re
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the translator needs a Region

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

logging.disable(logging.WARNING)  # hides the translator's own metrics

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Parameters of template.yaml without a default.
REQUIRED = {
    "StripeSecretId": "billing-portal/stripe",
    "StripeLivemode": "true",
    "JwtIssuer": "https://issuer.example/",
    "JwtAudience": "api",
    "AllowedOrigins": "https://app.example.com",
    "DefaultReturnUrl": "https://app.example.com/account",
}

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234-ab"

# Parameters that give template.yaml all its resources and statements.
EVERYTHING = REQUIRED | {
    "Release": "0123456789-v1",
    "StripeSecretKmsKeyArn": KEY,
    "CustomersKmsKeyArn": KEY,
    "CustomersKeyFormat": "USER#{user}",
    "CustomersSortKey": "sk=BILLING",
    "WebhookSecretId": "billing-portal/webhook",
    "WebhookSecretKmsKeyArn": KEY,
    "StripeEventSource": "aws.partner/stripe.com/ed_61Abc",
    "BasePath": "/api/v1",
    "DomainName": "billing.example.com",
    "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1-a",
    "HostedZoneId": "Z123",
    "TruststoreUri": "s3://trusted/edge.pem",
    "TruststoreVersion": "3sL4kqtJlcpXroDTDmJ",
    "LogsKmsKeyArn": KEY,
    "Tracing": "Active",
    "NotificationTopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms",
    "ReservedConcurrency": "10",
    "WebhookReservedConcurrency": "5",
    "ProvisionedConcurrency": "2",
    "WebhookProvisionedConcurrency": "1",
    "VpcSubnetIds": "subnet-0a,subnet-0b",
    "VpcSecurityGroupIds": "sg-0a",
    "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
    "RolePath": "/billing/",
    "PreviousPortalVersion": "6",
    "PreviousWebhookVersion": "4",
    "PreviousStripeSecretId": "billing-portal/stripe-before",
    "PreviousStripeSecretKmsKeyArn": KEY,
    "PreviousWebhookSecretId": "billing-portal/webhook-before",
    "PreviousWebhookSecretKmsKeyArn": KEY,
    "PreviousCustomersTable": "users-before",
    "PreviousCustomersKmsKeyArn": KEY,
}

# All parameters of infra/edge.yaml, including optional ones.
EDGE = {
    "DomainName": "billing.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/2-b",
    "HostedZoneId": "Z123",
    "BasePath": "/api/v1",
    "OriginDomainName": "origin.example.com",
    "ClientCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/3-c",
    "LogsKmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1234-ab",
}

# Parameters that give infra/deployer.yaml all its statements.
DEPLOYER = {"CustomersKmsKeyArn": KEY, "DomainName": EVERYTHING["DomainName"], "HostedZoneId": "Z123", "FirstDeployment": "true"}

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "billing-portal",
    "AWS::Region": "eu-west-1",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}


@functools.cache
def parsed(path):
    return yaml_parse((ROOT / path).read_text())


def read(path):
    """Returns a template that the caller may change. It is a copy, because parsing takes 50 times as long."""
    return copy.deepcopy(parsed(path))


def translate(parameters, code="s3://bucket/code"):
    """Returns the template after the transform, as CloudFormation receives it."""
    return translate_once(tuple(sorted(parameters.items())), code)


@functools.cache
def translate_once(parameters, code):
    template = read("template.yaml")
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = code
    values = {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p} | dict(parameters)
    try:
        return Translator({}, Parser()).translate(template, values)
    except InvalidDocumentException as wrong:
        raise AssertionError([cause.message for cause in wrong.causes]) from wrong


class Stack:
    """A template with evaluated conditions and intrinsic functions. References to resources become their names.

    kinds are the types of resources to include; None includes all."""

    def __init__(self, template, parameters, pseudo=None, kinds=None):
        self.template = template
        self.values = PSEUDO | (pseudo or {})
        self.values |= {n: p["Default"] for n, p in template.get("Parameters", {}).items() if "Default" in p} | parameters
        self.resources = {
            name: {k: self.resolve(v) for k, v in resource.items() if k not in ("Type", "Condition")} | {"Type": resource["Type"]}
            for name, resource in template["Resources"].items()
            if (not kinds or resource["Type"] in kinds) and self.holds(resource.get("Condition"))
        }

    def holds(self, condition):
        return condition is None or self.resolve(self.template["Conditions"][condition])

    def of_type(self, kind):
        return {name: r for name, r in self.resources.items() if r["Type"] == kind}

    def resolve(self, value):
        if isinstance(value, list):
            return [v for v in map(self.resolve, value) if v is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            function = getattr(self, "f_" + name.replace("Fn::", "").lower(), None)
            if function and (name.startswith("Fn::") or name in ("Ref", "Condition")):
                return function(argument)
        return {k: v for k, v in ((k, self.resolve(v)) for k, v in value.items()) if v is not None}

    def f_ref(self, name):
        if name in self.values:
            return self.values[name]
        assert name in self.template["Resources"], f"there is no resource or value {name}"
        return f"<{name}>"

    def f_condition(self, name):
        return self.holds(name) if isinstance(name, str) else {"Condition": self.resolve(name)}

    def f_getatt(self, path):
        name, attribute = path.split(".", 1) if isinstance(path, str) else (path[0], ".".join(path[1:]))
        assert name in self.template["Resources"], f"there is no resource or value {name}"
        return f"<{name}.{attribute}>"

    def f_if(self, argument):
        condition, then, otherwise = argument
        return self.resolve(then if self.holds(condition) else otherwise)

    def f_equals(self, argument):
        a, b = map(self.resolve, argument)
        return str(a) == str(b)

    def decided(self, conditions, least, most):
        """Evaluates the arguments of a condition function. Like CloudFormation, it refuses a wrong number of them, and other values."""
        found = [self.resolve(condition) for condition in conditions]
        assert least <= len(found) <= most and all(isinstance(holds, bool) for holds in found), conditions
        return found

    def f_not(self, argument):
        return not self.decided(argument, 1, 1)[0]

    def f_and(self, argument):
        return all(self.decided(argument, 2, 10))

    def f_or(self, argument):
        return any(self.decided(argument, 2, 10))

    def f_join(self, argument):
        return self.resolve(argument[0]).join(map(str, self.resolve(argument[1])))

    def f_split(self, argument):
        return self.resolve(argument[1]).split(argument[0])

    def f_select(self, argument):
        return self.resolve(argument[1])[int(argument[0])]

    def f_findinmap(self, argument):
        first, second, third = map(self.resolve, argument)
        return self.template["Mappings"][first][second][third]

    def f_sub(self, argument):
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def value(match):
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                return str(self.resolve(own[name]))
            return str(self.f_getatt(name) if "." in name else self.f_ref(name))

        return re.sub(r"\$\{([^}]+)\}", value, text)


def deployed(parameters, pseudo=None, code="s3://bucket/code"):
    return Stack(translate(parameters, code), parameters, pseudo)


def observability(stack, pseudo=None):
    """Returns the nested monitoring stack of a deployed stack."""
    return Stack(read("infra/observability.yaml"), stack.resources["Observability"]["Properties"]["Parameters"], pseudo)


def edge(**parameters):
    """Returns the stack of CloudFront and WAF in us-east-1, the only Region that AWS allows."""
    return Stack(read("infra/edge.yaml"), EDGE | parameters, {"AWS::Region": "us-east-1"})


def statements(role):
    for policy in role["Properties"].get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]


def metrics_of(alarm):
    """Returns the metrics of an alarm: its own metric, or those of its expression."""
    return [m["MetricStat"]["Metric"] for m in alarm["Properties"].get("Metrics", []) if "MetricStat" in m] or [alarm["Properties"]]


def as_list(value):
    return value if isinstance(value, list) else [value]


def write(folder):
    """Writes the templates with all their resources, for checks that do not support SAM."""
    stack = deployed(EVERYTHING)
    deployer = Stack(read("infra/deployer.yaml"), DEPLOYER)
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("template", stack), ("observability", observability(stack)), ("deployer", deployer), ("edge", edge())):
        resources = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": part.resources}
        (folder / f"{name}.json").write_text(json.dumps(resources, indent=1))


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]))
