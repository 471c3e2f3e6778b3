"""Checks that `make deploy` makes before it changes a stack, and the parameters that it adds.

CodeDeploy refuses a deployment (INVALID_LAMBDA_CONFIGURATION) if the alias has weights, or if it is not on the version of the stack,
which CloudFormation names as the current one:
https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html#reference-appspec-file-structure-resources-lambda
https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-deployments-lambda.html

The previous version serves until traffic has moved. It has the same role as the new one, and CloudFormation changes the role first. So
the table, secrets and keys of the previous version are parameters of the stack too, until the next release.

A version that was rolled back still exists. Lambda publishes no version that equals its last one, and CloudFormation fails if it gets an
existing version ("A version for this Lambda function exists"). So a release that is deployed again gets another name:
https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
https://github.com/serverless/serverless/issues/8251
"""

import hashlib
import os
import re

import release_state
import table_guard
from release_state import ALIAS, Refused

# A role grants the names of a group together. The parameters of the previous version have the same names with the prefix Previous.
GROUPS = (
    ("StripeSecretId", "StripeSecretKmsKeyArn"),
    ("WebhookSecretId", "WebhookSecretKmsKeyArn"),
    ("CustomersTable", "CustomersKeyFormat", "CustomersKmsKeyArn"),
)
# The values that a stack uses if it does not have the parameter yet.
WITHOUT = {"CustomersKeyFormat": "{user}"}
LONGEST = 128  # the longest name of a release, in characters
PREVIOUS = [f"Previous{name}" for group in GROUPS for name in group] + ["PreviousPortalVersion", "PreviousWebhookVersion"]


def prepare(aws, stack, parameters, release):
    """Returns the state of the stack, None before its first deployment, and the parameters to add. parameters are all parameters of
    the release, with their defaults."""
    state = release_state.read(aws, stack)
    if state is None:
        return None, {}
    refuse_movement(state)
    is_same = is_release(state.parameters.get("Release", ""), release)
    if state.moved and is_same:
        on = "; ".join(f"{f.title}: version {f.live}, the stack is on {f.version}" for f in state.moved)
        raise Refused(
            f"This release was rolled back ({on}), so CloudFormation would change nothing. Change the code or a value first. "
            f"To serve it again unchanged, run aws lambda update-alias --name {ALIAS} with --function-name and --function-version."
        )
    table_guard.check(aws, state, parameters)
    if is_same:  # nothing is published, so the previous version stays the same
        return state, {name: state.parameters[name] for name in ["Release", *PREVIOUS] if name in state.parameters}
    more = previous(state, parameters)
    for number in taken_back(aws, state, release):
        more["Release"] = again(release, number)
    if state.moved:
        more["SafeDeployment"] = "false"
    return state, more


def again(release, number):
    """Returns a new name for a release whose version with this number was rolled back."""
    name = hashlib.sha256(f"{release[:10]} {number}".encode()).hexdigest()[:10]
    return f"{name}-again{number}{release[10:]}"[:LONGEST]


def is_release(deployed, release):
    """Reports whether a stack has a release, under its own name or one from again()."""
    retried = re.match("[0-9a-f]{10}-again([0-9]+)", deployed)
    return deployed[:10] in [release[:10], *([again(release, retried[1])[:10]] if retried else [])]


def taken_back(aws, state, release):
    """Yields the number of each function's newest version if it is of this release. The stack does not have this release."""
    for function in state.functions:
        if number := str(max(release_state.numbers(aws, function.name), default="")):
            configuration = aws.client("lambda").get_function_configuration(FunctionName=function.name, Qualifier=number)
            name = configuration.get("Environment", {}).get("Variables", {}).get("RELEASE", "")
            if name[:10] == release[:10]:
                yield number


def refuse_movement(state):
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
    if state.status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
        raise Refused(
            f"The stack is {state.status}, so it can only be deleted. First read its events, which say what failed. Then run aws cloudformation "
            f"delete-stack --stack-name {state.stack}, and deploy again. A table that was created is kept."
        )
    if state.status == release_state.HALFWAY:
        raise Refused(f"{state.how_to_continue} Then deploy again.")
    if state.is_busy:
        running = f", and these deployments are running: {', '.join(state.deployments)}" if state.deployments else ""
        raise Refused(f"The stack is {state.status}{running}. Wait until this has ended, or run `make rollback`.")
    for function in state.weighted:
        raise Refused(
            f"`{ALIAS}` of {function.name} divides traffic between version {function.live} and {', '.join(function.weights)}. To return to the "
            f"previous version, run `make rollback`. To keep version {function.live}, run aws lambda update-alias --function-name {function.name} "
            f"--name {ALIAS} --routing-config AdditionalVersionWeights={{}}"
        )


def previous(state, parameters):
    """Returns the Previous parameters of the version that serves now: its number, and the names that the new version no longer uses."""
    own = state.resources.get("Customers", "")

    def resolved(values):
        return values | {"CustomersTable": values["CustomersTable"] or own}

    new, old = resolved(parameters), resolved(parameters | WITHOUT | state.parameters)
    found = {}
    for group in GROUPS:
        values = [old[name] for name in group]
        # If `live` was moved, the version before the stack's version serves. Its names are in the Previous parameters already.
        if state.moved and state.parameters.get(f"Previous{group[0]}"):
            values = [state.parameters[f"Previous{name}"] for name in group]
        if values[0] and values != [new[name] for name in group]:
            found |= {f"Previous{name}": value for name, value in zip(group, values)}
    return found | {f"Previous{f.title.title()}Version": f.live for f in state.functions if f.live.isdigit()}  # or $LATEST


def variables(parameters, state, region):
    """Returns the functions' variables in the new release, for doctor."""
    os.environ.setdefault("AWS_DEFAULT_REGION", region)  # the translator needs a Region
    import translated  # here, because it takes a second

    resources = translated.deployed(parameters, {"AWS::Region": region}).resources
    found = {}
    for logical in release_state.FUNCTIONS.values():
        found |= resources.get(logical, {}).get("Properties", {}).get("Environment", {}).get("Variables", {})
    return {name: str(value).replace("<Customers>", state.resources.get("Customers", "")) for name, value in found.items()}


def announce(state):
    for function in state.moved:
        print(f"`{ALIAS}` of the {function.title} was moved to version {function.live}; the stack is on {function.version}.")
    print(
        "CodeDeploy would refuse this deployment, and moving the alias back would return traffic to the release that was rolled back. So this "
        "release is deployed with SafeDeployment=false: CloudFormation moves all traffic at once, without preflight and alarms. "
        "The next `make deploy` uses them again.",
        flush=True,
    )
