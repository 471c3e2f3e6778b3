"""make rollback: returns callers to the previous version.

If a deployment runs, it is stopped. Then CodeDeploy and CloudFormation roll everything back, and the stack and `live` agree.
Otherwise `live` is moved at once. The stack does not record this move; `make deploy` detects it (upgrade.py).
"""

import sys
import time

import answers
from botocore.exceptions import BotoCoreError, ClientError
from deploy import CONFIG, settings, stack_name
from release_state import ALIAS, HALFWAY, Refused, numbers, read, session

SECONDS = 5  # between two polls
# Until the end of the last state, the stack has two versions of each function.
MOVING = ("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
# In these states no earlier version exists.
FIRST = ("CREATE_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_", "DELETE_")


def roll_back(aws, stack, pause=time.sleep, say=print):
    state = read(aws, stack)
    if state is None:
        raise Refused(f"There is no stack {stack}.")
    if state.status.startswith(FIRST):
        raise Refused(f"The stack is {state.status}, so there is no earlier version to return to.")
    if state.status in MOVING or state.deployments:
        state = stop(aws, state, pause, say)
        if state.status == "UPDATE_ROLLBACK_COMPLETE":
            confirm(state, say)
            say("Callers get the release from before the deployment again. If you run `make rollback` again, it goes back one more release.")
            return
    moved = [move(aws, state, function, say) for function in state.functions]
    if state.status == HALFWAY:
        say(state.how_to_continue)
        return
    if not any(moved):
        raise Refused("No alias was moved. The messages above say why.")
    say("The stack does not record this. `make deploy` detects it: it deploys the next release without CodeDeploy, and never moves `live` back.")


def stop(aws, state, pause, say):
    """Stops running deployments. Returns the state when CloudFormation has rolled everything back or has finished the update."""
    codedeploy = aws.client("codedeploy")
    stopped, is_cancelled = set(), False
    while state.status in MOVING or state.deployments:
        for deployment in state.deployments:
            if deployment not in stopped:
                stopped.add(deployment)
                stop_deployment(codedeploy, deployment, say)
        if state.status == "UPDATE_IN_PROGRESS" and not stopped and not is_cancelled:
            is_cancelled = True
            say("No deployment is running. Cancelling the update of the stack.")
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
    say(f"Stopping deployment {deployment}. Its traffic returns to the previous version.")
    try:
        # https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html
        codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
    except codedeploy.exceptions.DeploymentAlreadyCompletedException:
        pass


def confirm(state, say):
    for function in state.functions:
        if not function.live:
            say(f"{function.title}: there is no alias `{ALIAS}`.")
            continue
        if function.is_moved or function.weights:
            raise Refused(f"`{ALIAS}` of {function.name} is on version {function.live}, the stack on {function.version}. Run `make rollback` again.")
        say(f"{function.title}: `{ALIAS}` and the stack are on version {function.live}.")


def move(aws, state, function, say):
    """Moves the alias of one function. Returns false without a version to move it to."""
    if not function.live:
        say(f"{function.title}: there is no alias `{ALIAS}`.")
        return False
    target = function.live
    if not function.is_moved:
        target = function.before if state.status == HALFWAY else before(aws, state, function)
        if not target:
            say(f"{function.title}: no version served before version {function.live}, so `{ALIAS}` stays on it.")
            return False
    elif not function.weights:
        say(f"{function.title}: `{ALIAS}` is already on version {function.live}; the stack is on {function.version}.")
        return True
    # https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
    aws.client("lambda").update_alias(
        FunctionName=function.name,
        Name=ALIAS,
        FunctionVersion=target,
        RoutingConfig={"AdditionalVersionWeights": {}},
        RevisionId=function.revision,
    )
    say(f"{function.title}: `{ALIAS}` moved from version {function.live} to {target}.")
    return True


def before(aws, state, function):
    """Returns the version that served before the stack's version. `make deploy` writes it into the stack, because the next lower number
    may be of a version that preflight refused. If the stack was deployed with other tools, it is the next lower number."""
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
    """Returns None, or a message to print before exiting with 1."""
    try:
        main(arguments)
    except (answers.Refused, Refused, BotoCoreError, ClientError, OSError) as wrong:
        return f"rollback: {wrong}"
    except KeyboardInterrupt:
        return "rollback: interrupted. Steps that have started continue at AWS. Run `make rollback` again."


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
