"""make deploy: what is built, with the parameters of an environment of samconfig.toml, as a release of its own.

The transform publishes a version where Release has another value (template.yaml says why), so Release is made of the code and of
every parameter. `sam deploy --parameter-overrides` would take the place of samconfig.toml's, and leave those that are not named at
what the stack has: so SAM is given a copy of samconfig.toml with Release added to the environment's own, and the defaults of all that
it does not name, so that a line that was taken out is the default again.
"""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

import release_state
import tomlkit
import upgrade
from botocore.exceptions import BotoCoreError, ClientError
from samcli.cli.types import CfnParameterOverridesType
from samtranslator.yaml_helper import yaml_parse

BUILD = pathlib.Path(".aws-sam/build")
CONFIG = pathlib.Path("samconfig.toml")
COPY = pathlib.Path(".aws-sam/samconfig.toml")
LONGEST = 128  # of a release, in characters


def settings(config, env):
    """What samconfig.toml says of deployments of an environment."""
    sections = config.get(env, {})
    return {**sections.get("global", {}).get("parameters", {}), **sections.get("deploy", {}).get("parameters", {})}


def parameters_of(overrides):
    """Parameters as SAM itself reads them. Those that are of an earlier release, or are found out here, are not among them."""
    parameters = CfnParameterOverridesType().convert(overrides or "", None, None)
    return {name: value for name, value in parameters.items() if name not in ["Release", *upgrade.PREVIOUS]}


def release_of(parameters, build, commit):
    """The first ten characters, which are all that the transform uses, are of the code and the parameters."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for file in sorted(p for p in build.rglob("*") if p.is_file()):
        digest.update(f"\0{file.relative_to(build)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    name = digest.hexdigest()[:10]
    return f"{name}-{re.sub('[^A-Za-z0-9._+-]', '-', commit)}"[:LONGEST] if commit else name


def with_more(overrides, more):
    """The same parameters, in the same form, and more."""
    pairs = ['{}="{}"'.format(name, str(value).replace('"', '\\"')) for name, value in more.items()]
    if isinstance(overrides, str):
        return " ".join([overrides, *pairs]).strip()
    return [*(overrides or []), *pairs]


def defaults(parameters, template):
    return {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p and name not in parameters}


def missing(parameters, template):
    return [name for name, p in template["Parameters"].items() if "Default" not in p and name not in parameters]


def commit():
    described = subprocess.run(["git", "describe", "--always", "--dirty", "--tags"], capture_output=True, text=True, check=False)
    return described.stdout.strip()


def sam_arguments(config, env, prepare):
    """How to call `sam deploy`: asking, where parameters are missing, else with the release. And what follows from the state of the
    stack, which prepare finds out: the state, and all parameters."""
    deploy = settings(config, env)
    overrides = deploy.get("parameter_overrides")
    parameters = parameters_of(overrides)
    template = yaml_parse((BUILD / "template.yaml").read_text())
    if lacking := missing(parameters, template):
        print(f"{CONFIG} does not have {', '.join(lacking)} of {env}:")
        return ["--guided", "--config-env", env], None, parameters
    release = release_of(parameters, BUILD, commit())
    others = defaults(parameters, template)
    state, found = prepare(others | parameters, release)
    sections = config.setdefault(env, {}).setdefault("deploy", {}).setdefault("parameters", {})
    sections["parameter_overrides"] = with_more(overrides, others | found | {"Release": release})
    COPY.write_text(tomlkit.dumps(config))
    print(f"Release {release}", flush=True)
    return ["--config-file", str(COPY.resolve()), "--config-env", env], state, others | parameters | {"Release": release}


def examine(doctor, deployed, arguments, variables):
    """Runs doctor and returns its exit status."""
    chosen = {"AWS_REGION": deployed.get("region"), "AWS_PROFILE": deployed.get("profile")}
    environment = os.environ | variables | {name: str(value) for name, value in chosen.items() if value}
    return subprocess.run([*doctor, *arguments], env=environment, check=False).returncode


def deploy_past_codedeploy(deploy, state, doctor, examine_new):
    """Deploys the one release after `live` was moved."""
    upgrade.announce(state)
    if not doctor:
        print("DOCTOR is empty, so nothing checks this release.", flush=True)
    elif examine_new():
        raise release_state.Refused("doctor has found a problem of the new release, so it was not deployed.")
    try:
        deploy()
    except subprocess.CalledProcessError:
        print(f"If the update was taken back, CloudFormation has put `{release_state.ALIAS}` on the stack's version: `make rollback`, again.")
        raise


def main(arguments):
    env = arguments[arguments.index("--config-env") + 1]
    rest = [a for i, a in enumerate(arguments) if a != "--config-env" and arguments[i - 1] != "--config-env"]
    sam = os.environ.get("SAM", str(pathlib.Path(sys.executable).with_name("sam")))
    config = tomlkit.loads(CONFIG.read_text())
    chosen = settings(config, env)
    aws, stack = release_state.session(rest, chosen), release_state.chosen(rest, chosen, "stack-name")
    how, state, parameters = sam_arguments(config, env, lambda values, release: upgrade.prepare(aws, stack, values, release))
    doctor = os.environ.get("DOCTOR", "").split()

    def deploy():
        subprocess.run([sam, "deploy", *how, *rest], check=True)

    if state and state.moved:
        new = upgrade.variables(parameters, state, aws.region_name)
        deploy_past_codedeploy(deploy, state, doctor, lambda: examine(doctor, chosen, [], new))
    else:
        deploy()
    # CodeDeploy asks preflight about every version but the first, since nothing had traffic before it.
    if not doctor:
        return 0
    deployed = settings(tomlkit.loads(CONFIG.read_text()), env)  # now with the answers
    return examine(doctor, deployed, ["--stack", str(deployed["stack_name"])], {})


def run(arguments):
    """The exit status, or what to say before it is 1."""
    try:
        return main(arguments)
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    except (release_state.Refused, BotoCoreError, ClientError) as wrong:
        return f"deploy: {wrong}"


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
