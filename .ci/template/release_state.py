"""The state of a deployed stack: the version of each function in the stack, the version that `live` is on, and whether a deployment runs."""

import dataclasses
import os

import boto3
from botocore.exceptions import ClientError

FUNCTIONS = {"portal": "PortalFunction", "webhook": "WebhookFunction"}
ALIAS = "live"
# CloudFormation could not roll an update back. The stack has two versions of each function.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html
HALFWAY = "UPDATE_ROLLBACK_FAILED"
# The states of a deployment that has not ended: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html
RUNNING = ["Created", "Queued", "InProgress", "Baking", "Ready"]


class Refused(Exception):
    """The message says why nothing was done, and what to do instead."""


@dataclasses.dataclass
class Function:
    title: str  # portal or webhook
    name: str
    version: str  # the stack's version; "" for a stack without versions
    before: str  # the older version, while an update has not ended or could not be rolled back
    live: str  # the version of the alias; "" without an alias
    weights: dict  # the weights of other versions
    revision: str  # the revision of the alias, so that a concurrent change is noticed

    @property
    def is_moved(self):
        return bool(self.live and self.version) and self.live != self.version


@dataclasses.dataclass
class State:
    stack: str
    status: str
    parameters: dict
    resources: dict  # logical to physical ID
    functions: list
    deployments: list  # IDs of running deployments

    @property
    def is_busy(self):
        return self.status.endswith("_IN_PROGRESS") or bool(self.deployments)

    @property
    def how_to_continue(self):
        return (
            f"The stack is {self.status}. Its events say why. Fix the cause, then run aws cloudformation continue-update-rollback --stack-name "
            f"{self.stack}. If it fails at an alias, add --resources-to-skip with the alias's logical ID, for example PortalFunctionAliaslive."
        )

    @property
    def moved(self):
        return [f for f in self.functions if f.is_moved]

    @property
    def weighted(self):
        return [f for f in self.functions if f.weights]


def chosen(arguments, settings, name):
    """Returns an option of `sam deploy` from the command line or samconfig.toml."""
    for i, argument in enumerate(arguments):
        if argument.startswith(f"--{name}="):
            return argument.split("=", 1)[1]
        if argument == f"--{name}" and i + 1 < len(arguments):
            return arguments[i + 1]
    return settings.get(name.replace("-", "_"))


def session(arguments, settings):
    region = chosen(arguments, settings, "region") or os.environ.get("AWS_REGION")
    return boto3.Session(region_name=region, profile_name=chosen(arguments, settings, "profile"))


def read(aws, stack):
    """Returns the state of a stack, or None if it does not exist yet."""
    cloudformation = aws.client("cloudformation")
    try:
        [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as failure:
        if failure.response["Error"]["Code"] == "ValidationError" and "does not exist" in failure.response["Error"]["Message"]:
            return None
        raise
    if described["StackStatus"] == "REVIEW_IN_PROGRESS":  # a change set that was never executed
        return None
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    # A version that was removed from the stack is retained: its status is DELETE_SKIPPED.
    listed = [r for page in pages for r in page["StackResourceSummaries"] if not r["ResourceStatus"].startswith("DELETE_")]
    resources = {r["LogicalResourceId"]: r.get("PhysicalResourceId", "") for r in listed}
    return State(
        stack=stack,
        status=described["StackStatus"],
        parameters={p["ParameterKey"]: p.get("ParameterValue", "") for p in described.get("Parameters", [])},
        resources=resources,
        functions=[function(aws, title, logical, listed) for title, logical in FUNCTIONS.items() if resources.get(logical)],
        deployments=deployments(aws, listed),
    )


def function(aws, title, logical, listed):
    name = next(r["PhysicalResourceId"] for r in listed if r["LogicalResourceId"] == logical)
    # During an update the stack has the old version and the new one. Decisions wait until the update has ended.
    versions = [
        r["PhysicalResourceId"].rsplit(":", 1)[1]
        for r in listed
        if r["ResourceType"] == "AWS::Lambda::Version" and r["LogicalResourceId"].startswith(f"{logical}Version") and r.get("PhysicalResourceId")
    ]
    *older, version = sorted(versions, key=int) or [""]
    before = older[-1] if older else ""
    try:
        alias = aws.client("lambda").get_alias(FunctionName=name, Name=ALIAS)
    except aws.client("lambda").exceptions.ResourceNotFoundException:
        return Function(title, name, version, before, "", {}, "")
    weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights") or {}
    return Function(title, name, version, before, alias["FunctionVersion"], weights, alias.get("RevisionId", ""))


def numbers(aws, name):
    """Returns the numbers of the published versions that still exist."""
    pages = aws.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=name)
    return [int(v["Version"]) for page in pages for v in page["Versions"] if v["Version"] != "$LATEST"]


def deployments(aws, listed):
    application = next((r["PhysicalResourceId"] for r in listed if r["ResourceType"] == "AWS::CodeDeploy::Application"), None)
    found = []
    for group in listed:
        if application and group["ResourceType"] == "AWS::CodeDeploy::DeploymentGroup" and group.get("PhysicalResourceId"):
            pages = (
                aws.client("codedeploy")
                .get_paginator("list_deployments")
                .paginate(applicationName=application, deploymentGroupName=group["PhysicalResourceId"], includeOnlyStatuses=RUNNING)
            )
            found += [deployment for page in pages for deployment in page["deployments"]]
    return found
