"""make deploy: deploys the built functions, with the parameters of an environment, as a new release.

The transform publishes a version only if Release has another value (template.yaml says why), so Release is a hash of the code and all
parameters. `sam deploy --parameter-overrides` would replace the parameters of samconfig.toml, and keep the stack's values for the
rest. So SAM gets a copy of samconfig.toml with every parameter: the operator's (answers.py), the environment's, Release, and the
defaults of all others. So a parameter whose line was removed gets its default again.

SAM is never called with --guided, because it would ask for every parameter, and ask for each route whether it may be public. Without
--guided, SAM shows the change set and asks only whether to deploy it (confirm_changeset).
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

import answers
import release_state
import tomlkit
import upgrade
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from botocore.session import Session
from click import BadParameter
from samcli.cli.types import CfnParameterOverridesType
from samtranslator.yaml_helper import yaml_parse

BUILD = pathlib.Path(".aws-sam/build")
CONFIG = pathlib.Path("samconfig.toml")
COPY = pathlib.Path(".aws-sam/samconfig.toml")


def settings(config, env):
    """Returns the options in samconfig.toml for deployments of an environment."""
    environments = [name for name, sections in config.items() if isinstance(sections, dict)]
    if env not in environments:
        raise answers.Refused(f"{CONFIG} has no environment {env}. Its environments are {', '.join(environments)}.")
    sections = config[env]
    return {**sections.get("global", {}).get("parameters", {}), **sections.get("deploy", {}).get("parameters", {})}


def parameters_of(overrides):
    """Returns the parameters as SAM reads them, without the parameters that `make deploy` itself sets."""
    try:
        parameters = CfnParameterOverridesType().convert(overrides or "", None, None)
    except BadParameter as wrong:
        raise answers.Refused(f"Wrong value in parameter_overrides of {CONFIG}: {wrong}") from wrong
    return {name: value for name, value in parameters.items() if name not in answers.MADE}


def release_of(parameters, build, commit):
    """Returns a name whose first ten characters are a hash of the code and the parameters. The transform uses only these."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for file in sorted(p for p in build.rglob("*") if p.is_file()):
        digest.update(f"\0{file.relative_to(build)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    name = digest.hexdigest()[:10]
    return f"{name}-{re.sub('[^A-Za-z0-9._+-]', '-', commit)}"[: upgrade.LONGEST] if commit else name


def as_sam_reads(value):
    """Returns a value with the quotes and backslashes that SAM removes when it reads the file."""
    return '"' + re.sub(r"([ '\"])", r"\\\1", value) + '"'


def defaults(parameters, template):
    return {name: str(p["Default"]) for name, p in template["Parameters"].items() if "Default" in p and name not in parameters}


def parameters_in(config, env, template):
    """Returns the parameters that were chosen for an environment. Writes the Region into config, from which SAM and settings() read it."""
    section = settings(config, env)
    known = parameters_of(section.get("parameter_overrides"))
    if region := section.get("region") or os.environ.get("AWS_REGION") or region_of(section.get("profile")):
        known["Region"] = region
    parameters = answers.collect(env, template, known, answered_for_the_stack(config, env))
    config[env].setdefault("deploy", {}).setdefault("parameters", {})["region"] = parameters.pop("Region")
    return parameters


def answered_for_the_stack(config, env):
    """Returns the environment that has the operator's values of the stack, if env is only the default of `make deploy`; else ""."""
    if env != "default":
        return ""
    stack = settings(config, env).get("stack_name")
    others = (path.stem for path in sorted(answers.FOLDER.glob("*.toml")) if path.stem in config and path.stem != env)
    return next((other for other in others if settings(config, other).get("stack_name") == stack), "")


def region_of(profile):
    """Returns the Region from AWS_DEFAULT_REGION or a profile, as SAM finds it."""
    try:
        return Session(profile=profile).get_config_variable("region")
    except ProfileNotFound as wrong:
        raise answers.Refused(str(wrong)) from wrong


def commit():
    """Returns a description of the commit, or "" without git or a repository."""
    try:
        described = subprocess.run(["git", "describe", "--always", "--dirty", "--tags"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return described.stdout.strip()


def stack_name(arguments, section, env):
    if name := release_state.chosen(arguments, section, "stack-name"):
        return name
    raise answers.Refused(f"{CONFIG} has no stack_name for {env}.")


def sam_arguments(config, env, parameters):
    """Writes the configuration for `sam deploy`, and returns the arguments that name it."""
    section = config[env]["deploy"]["parameters"]
    section["parameter_overrides"] = [{name: as_sam_reads(value) for name, value in parameters.items()}]
    COPY.write_text(tomlkit.dumps(config))
    print(f"Release {parameters['Release']} in {section['region']}", flush=True)
    return ["--config-file", str(COPY.resolve()), "--config-env", env]


def examine(doctor, chosen, arguments, variables):
    """Runs doctor and returns its exit status."""
    where = {"AWS_REGION": chosen.get("region"), "AWS_PROFILE": chosen.get("profile")}
    environment = os.environ | variables | {name: str(value) for name, value in where.items() if value}
    return subprocess.run([*doctor, *arguments], env=environment, check=False).returncode


def deploy_past_codedeploy(deploy, state, doctor, examine_new):
    """Deploys this release without CodeDeploy, because `live` was moved."""
    upgrade.announce(state)
    if not doctor:
        print("DOCTOR is empty, so this release is deployed without a check.", flush=True)
    elif examine_new():
        raise release_state.Refused("doctor found a problem in the new release, so it was not deployed.")
    try:
        deploy()
    except subprocess.CalledProcessError:
        print(f"If CloudFormation rolled the update back, it moved `{release_state.ALIAS}` to the stack's version: run `make rollback` again.")
        raise


def main(arguments):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--config-env", required=True)
    parser.add_argument("--ask", action="store_true", help="ask for missing values, and deploy nothing")
    options, rest = parser.parse_known_args(arguments)
    env, config = options.config_env, answers.document(CONFIG)
    if options.ask:
        parameters_in(config, env, yaml_parse(pathlib.Path("template.yaml").read_text()))
        return 0
    for option in ("--guided", "-g", "--parameter-overrides"):
        if option in {argument.split("=")[0] for argument in rest}:
            raise answers.Refused(f"{option} would bypass {answers.FOLDER}/{env}.toml. Write parameters to this file instead.")
    sam = os.environ.get("SAM", str(pathlib.Path(sys.executable).with_name("sam")))
    # Without a terminal SAM would fail at its question: https://github.com/aws/aws-sam-cli/issues/2180
    if not sys.stdin.isatty() and not {"--confirm-changeset", "--no-confirm-changeset"} & set(rest):
        rest = [*rest, "--no-confirm-changeset"]
    template = yaml_parse((BUILD / "template.yaml").read_text())
    parameters = parameters_in(config, env, template)
    release = release_of(parameters, BUILD, commit())
    parameters = defaults(parameters, template) | parameters
    section = config[env]["deploy"]["parameters"]
    section.update({name: value for name in ("region", "profile") if (value := release_state.chosen(rest, {}, name))})
    chosen = settings(config, env)
    aws, stack = release_state.session(rest, chosen), stack_name(rest, chosen, env)
    state, found = upgrade.prepare(aws, stack, parameters, release)
    parameters |= {"Release": release}
    how = sam_arguments(config, env, parameters | found)
    doctor = os.environ.get("DOCTOR", "").split()

    def deploy():
        subprocess.run([sam, "deploy", *how, *rest], check=True)

    if state and state.moved:
        new = upgrade.variables(parameters, state, aws.region_name)
        deploy_past_codedeploy(deploy, state, doctor, lambda: examine(doctor, chosen, [], new))
    else:
        deploy()
    # CodeDeploy runs preflight for every version except the first, so doctor checks the deployed stack.
    if not doctor:
        return 0
    return examine(doctor, chosen, ["--stack", stack], {})


def run(arguments):
    """Returns the exit status, or a message to print before exiting with 1."""
    try:
        return main(arguments)
    except answers.Refused as refused:
        return str(refused)
    except (release_state.Refused, BotoCoreError, ClientError, OSError) as wrong:
        return f"deploy: {wrong}"
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
