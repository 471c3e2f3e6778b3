"""make rollback: callers get the version before again.

While a deployment runs it is stopped, and CodeDeploy and CloudFormation take everything back, so that the stack and `live` agree.
Afterwards `live` is moved by hand, at once. The stack does not know of that; `make deploy` does (upgrade.py).
"""

import sys
import time

import answers
from botocore.exceptions import BotoCoreError, ClientError
from deploy import CONFIG, settings, stack_name
from release_state import ALIAS, HALFWAY, Refused, numbers, read, session

SECONDS = 5  # between two looks
# Until the end of the last one the stack has two versions of each function.
MOVING = ("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
# No version has served before.
FIRST = ("CREATE_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_", "DELETE_")


def roll_back(aws, stack, pause=time.sleep, say=print):
    state = read(aws, stack)
    if state is None:
        raise Refused(f"There is no stack {stack}.")
    if state.status.startswith(FIRST):
        raise Refused(f"The stack is {state.status}: there is nothing to return to.")
    if state.status in MOVING or state.deployments:
        state = stop(aws, state, pause, say)
        if state.status == "UPDATE_ROLLBACK_COMPLETE":
            confirm(state, say)
            say("Callers have what they had before the deployment. Another `make rollback` would go back one release further.")
            return
    moved = [move(aws, state, function, say) for function in state.functions]
    if state.status == HALFWAY:
        say(state.how_to_continue)
        return
    if not any(moved):
        raise Refused("No alias was moved.")
    say("The stack does not know of this. `make deploy` does: it deploys the next release past CodeDeploy, and never moves `live` back.")


def stop(aws, state, pause, say):
    """Stops what runs and waits until CloudFormation has taken everything back, or had done everything before."""
    codedeploy = aws.client("codedeploy")
    stopped, is_cancelled = set(), False
    while state.status in MOVING or state.deployments:
        for deployment in state.deployments:
            if deployment not in stopped:
                stopped.add(deployment)
                stop_deployment(codedeploy, deployment, say)
        if state.status == "UPDATE_IN_PROGRESS" and not stopped and not is_cancelled:
            is_cancelled = True
            say("No deployment runs, so the update of the stack is cancelled.")
            cancel(aws, state.stack)
        pause(SECONDS)
        state = read(aws, state.stack)
    say(f"The stack is {state.status}.")
    return state


def cancel(aws, stack):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html"""
    try:
        aws.client("cloudformation").cancel_update_stack(StackName=stack)
    except ClientError as failure:
        if failure.response["Error"]["Code"] != "ValidationError":  # the update has just ended
            raise


def stop_deployment(codedeploy, deployment, say):
    # A rollback is a deployment too, with codeDeployRollback or CloudFormationRollback as its creator.
    # https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html
    if codedeploy.get_deployment(deploymentId=deployment)["deploymentInfo"].get("creator", "").endswith("Rollback"):
        return
    say(f"Deployment {deployment} is stopped, and its traffic returns.")
    try:
        # https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html
        codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
    except codedeploy.exceptions.DeploymentAlreadyCompletedException:
        pass


def confirm(state, say):
    for function in state.functions:
        if not function.live:
            say(f"{function.title}: it has no alias `{ALIAS}`.")
            continue
        if function.is_moved or function.weights:
            raise Refused(f"`{ALIAS}` of {function.name} is on version {function.live}, the stack on {function.version}: run this again.")
        say(f"{function.title}: `{ALIAS}` and the stack are on version {function.live}.")


def move(aws, state, function, say):
    """Moves the alias of one function; false if it has nowhere to go."""
    if not function.live:
        say(f"{function.title}: it has no alias `{ALIAS}`.")
        return False
    target = function.live
    if not function.is_moved:
        target = function.before if state.status == HALFWAY else before(aws, state, function)
        if not target:
            say(f"{function.title}: no version served before {function.live}, so it stays.")
            return False
    elif not function.weights:
        say(f"{function.title}: `{ALIAS}` is on version {function.live} already; the stack is on {function.version}.")
        return True
    # https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
    aws.client("lambda").update_alias(
        FunctionName=function.name,
        Name=ALIAS,
        FunctionVersion=target,
        RoutingConfig={"AdditionalVersionWeights": {}},
        RevisionId=function.revision,
    )
    say(f"{function.title}: `{ALIAS}` has moved from version {function.live} to {target}.")
    return True


def before(aws, state, function):
    """The version that served before the stack's. `make deploy` has written it into the stack, because the number before may be of a
    version that preflight refused. Deployed by other means, it is the number before."""
    previous = {title: state.parameters.get(f"Previous{title.title()}Version", "") for title in ("portal", "webhook")}
    if any(previous.values()):
        return previous[function.title]
    return str(max((n for n in numbers(aws, function.name) if n < int(function.live)), default=""))


def main(arguments):
    env = arguments[arguments.index("--config-env") + 1]
    config = settings(answers.document(CONFIG), env)
    stack = stack_name(arguments, config, env)
    config["region"] = answers.region(env) or config.get("region")
    roll_back(session(arguments, config), stack)


def run(arguments):
    """None, or what to say before the exit status is 1."""
    try:
        main(arguments)
    except (answers.Refused, Refused, BotoCoreError, ClientError, OSError) as wrong:
        return f"rollback: {wrong}"
    except KeyboardInterrupt:
        return "rollback: interrupted. What has begun goes on at AWS: run this again."


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
