"""What `make deploy` checks before it changes a stack, and the parameters that it adds.

CodeDeploy refuses a deployment (INVALID_LAMBDA_CONFIGURATION) if the alias is not on the version that CloudFormation names as the
current one, which is the stack's, or if it has weights:
https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html#reference-appspec-file-structure-resources-lambda
https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-deployments-lambda.html

The version before serves until traffic has moved, with the same role as the new one, and CloudFormation changes the role first. So its
table, secrets and keys are parameters of the stack too, until the next release.

A version that was taken back is kept. Lambda publishes none that is like the last one, and CloudFormation fails if it gets a version that
was there ("A version for this Lambda function exists"). So a release that is deployed again has another name:
https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
https://github.com/serverless/serverless/issues/8251
"""

import hashlib
import os
import re

import release_state
import table_guard
from release_state import ALIAS, Refused

# A role grants these together. The version before has parameters of the same names, with Previous in front.
GROUPS = (
    ("StripeSecretId", "StripeSecretKmsKeyArn"),
    ("WebhookSecretId", "WebhookSecretKmsKeyArn"),
    ("CustomersTable", "CustomersKeyFormat", "CustomersKmsKeyArn"),
)
# How a stack behaves that does not have the parameter yet.
WITHOUT = {"CustomersKeyFormat": "{user}"}
LONGEST = 128  # of a release, in characters
PREVIOUS = [f"Previous{name}" for group in GROUPS for name in group] + ["PreviousPortalVersion", "PreviousWebhookVersion"]


def prepare(aws, stack, parameters, release):
    """State of the stack, None before its first deployment, and the parameters that are added to those of samconfig.toml. parameters
    are all of them, with their defaults."""
    state = release_state.read(aws, stack)
    if state is None:
        return None, {}
    refuse_movement(state)
    is_same = is_release(state.parameters.get("Release", ""), release)
    if state.moved and is_same:
        on = "; ".join(f"{f.title}: version {f.live}, the stack is on {f.version}" for f in state.moved)
        raise Refused(
            f"This is the release that was taken back ({on}), so CloudFormation would change nothing. Change the code or a value first. "
            f"To serve it again as it is: aws lambda update-alias --name {ALIAS} with --function-name and --function-version."
        )
    table_guard.check(aws, state, parameters)
    if is_same:  # nothing is published, so the version before stays the same
        return state, {name: state.parameters[name] for name in ["Release", *PREVIOUS] if name in state.parameters}
    more = previous(state, parameters)
    for number in taken_back(aws, state, release):
        more["Release"] = again(release, number)
    if state.moved:
        more["SafeDeployment"] = "false"
    return state, more


def again(release, number):
    """The name of a release whose version of that number was taken back."""
    name = hashlib.sha256(f"{release[:10]} {number}".encode()).hexdigest()[:10]
    return f"{name}-again{number}{release[10:]}"[:LONGEST]


def is_release(deployed, release):
    """Whether a stack has a release, under its own name or another one."""
    retried = re.match("[0-9a-f]{10}-again([0-9]+)", deployed)
    return deployed[:10] in [release[:10], *([again(release, retried[1])[:10]] if retried else [])]


def taken_back(aws, state, release):
    """Numbers of the newest versions that are of a release which the stack does not have."""
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
            f"The stack is {state.status}, so it can only be deleted: aws cloudformation delete-stack --stack-name {state.stack}. Before that, "
            f"its events say what failed. A table that was made is kept. Then deploy again."
        )
    if state.status == release_state.HALFWAY:
        raise Refused(f"{state.how_to_continue} Then deploy again.")
    if state.is_busy:
        running = f", and these deployments run: {', '.join(state.deployments)}" if state.deployments else ""
        raise Refused(f"The stack is {state.status}{running}. Wait until it has ended, or `make rollback`.")
    for function in state.weighted:
        raise Refused(
            f"`{ALIAS}` of {function.name} divides traffic between version {function.live} and {', '.join(function.weights)}. `make rollback` "
            f"returns to the version before. To keep version {function.live}: aws lambda update-alias --function-name {function.name} "
            f"--name {ALIAS} --routing-config AdditionalVersionWeights={{}}"
        )


def previous(state, parameters):
    """The parameters for the version that serves now: its number, and the names that the new version no longer uses."""
    own = state.resources.get("Customers", "")

    def resolved(values):
        return values | {"CustomersTable": values["CustomersTable"] or own}

    new, old = resolved(parameters), resolved(parameters | WITHOUT | state.parameters)
    found = {}
    for group in GROUPS:
        values = [old[name] for name in group]
        # If `live` was moved, the version before the stack's serves, whose names are in Previous already.
        if state.moved and state.parameters.get(f"Previous{group[0]}"):
            values = [state.parameters[f"Previous{name}"] for name in group]
        if values[0] and values != [new[name] for name in group]:
            found |= {f"Previous{name}": value for name, value in zip(group, values)}
    return found | {f"Previous{f.title.title()}Version": f.live for f in state.functions if f.live.isdigit()}  # or $LATEST


def variables(parameters, state, region):
    """Those of the functions as the new release has them, for doctor."""
    os.environ.setdefault("AWS_DEFAULT_REGION", region)  # the translator asks for one
    import translated  # which takes a second

    resources = translated.deployed(parameters, {"AWS::Region": region}).resources
    found = {}
    for logical in release_state.FUNCTIONS.values():
        found |= resources.get(logical, {}).get("Properties", {}).get("Environment", {}).get("Variables", {})
    return {name: str(value).replace("<Customers>", state.resources.get("Customers", "")) for name, value in found.items()}


def announce(state):
    for function in state.moved:
        print(f"`{ALIAS}` of the {function.title} was moved to version {function.live}; the stack is on {function.version}.")
    print(
        "CodeDeploy would refuse this deployment, and moving the alias back would return traffic to the release that was taken back. So this one "
        "release is deployed with SafeDeployment=false: CloudFormation itself moves all traffic at once, and neither preflight nor an alarm "
        "is asked. The next `make deploy` has them again.",
        flush=True,
    )
