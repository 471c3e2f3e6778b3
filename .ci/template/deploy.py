"""make deploy: what is built, with the parameters of an environment, as a release of its own.

The transform publishes a version where Release has another value (template.yaml says why), so Release is made of the code and of
every parameter. `sam deploy --parameter-overrides` would take the place of samconfig.toml's, and leave those that are not named at
what the stack has: so SAM is given a copy of samconfig.toml with every parameter: the operator's (answers.py), the environment's, Release,
and the defaults of all others, so that a line that was taken out is the default again.

SAM is never called with --guided: it would ask for every parameter, and for each route whether it may be public. Without it, SAM
shows the change set and asks no more than whether to deploy it (confirm_changeset).
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
import tomlkit
from botocore.exceptions import ProfileNotFound
from botocore.session import Session
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
    """Parameters as SAM itself reads them. Those of an earlier release are not among them."""
    parameters = CfnParameterOverridesType().convert(overrides or "", None, None)
    return {name: value for name, value in parameters.items() if name != "Release"}


def release_of(parameters, build, commit):
    """The first ten characters, which are all that the transform uses, are of the code and the parameters."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for file in sorted(p for p in build.rglob("*") if p.is_file()):
        digest.update(f"\0{file.relative_to(build)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    name = digest.hexdigest()[:10]
    return f"{name}-{re.sub('[^A-Za-z0-9._+-]', '-', commit)}"[:LONGEST] if commit else name


def as_sam_reads(value):
    """SAM takes quotes away around a value, and backslashes before spaces and quotes within."""
    return '"' + re.sub(r"([ '\"])", r"\\\1", value) + '"'


def defaults(parameters, template):
    return {name: str(p["Default"]) for name, p in template["Parameters"].items() if "Default" in p and name not in parameters}


def parameters_in(config, env, template):
    """The parameters that were chosen for an environment. The Region goes to where SAM reads it, and settings() afterwards."""
    if env not in config:
        raise answers.Refused(f"{CONFIG} has no environment {env}. It has {', '.join(name for name in config if name != 'version')}.")
    section = settings(config, env)
    known = parameters_of(section.get("parameter_overrides"))
    if region := section.get("region") or os.environ.get("AWS_REGION") or region_of(section.get("profile")):
        known["Region"] = region
    parameters = answers.collect(env, template, known)
    config.setdefault(env, {}).setdefault("deploy", {}).setdefault("parameters", {})["region"] = parameters.pop("Region")
    return parameters


def region_of(profile):
    """That of AWS_DEFAULT_REGION or of a profile, as SAM itself finds it."""
    try:
        return Session(profile=profile).get_config_variable("region")
    except ProfileNotFound as wrong:
        raise answers.Refused(str(wrong)) from wrong


def commit():
    described = subprocess.run(["git", "describe", "--always", "--dirty", "--tags"], capture_output=True, text=True, check=False)
    return described.stdout.strip()


def sam_arguments(config, env):
    """How to call `sam deploy`."""
    template = yaml_parse((BUILD / "template.yaml").read_text())
    parameters = parameters_in(config, env, template)
    release = release_of(parameters, BUILD, commit())
    parameters = defaults(parameters, template) | parameters | {"Release": release}
    section = config[env]["deploy"]["parameters"]
    section["parameter_overrides"] = [{name: as_sam_reads(value) for name, value in parameters.items()}]
    COPY.write_text(tomlkit.dumps(config))
    print(f"Release {release} in {section['region']}", flush=True)
    return ["--config-file", str(COPY.resolve()), "--config-env", env]


def main(arguments):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--config-env", required=True)
    parser.add_argument("--ask", action="store_true", help="ask for values that are missing, and deploy nothing")
    options, rest = parser.parse_known_args(arguments)
    env, config = options.config_env, tomlkit.loads(CONFIG.read_text())
    if options.ask:
        parameters_in(config, env, yaml_parse(pathlib.Path("template.yaml").read_text()))
        return 0
    for option in ("--guided", "-g", "--parameter-overrides"):
        if option in {argument.split("=")[0] for argument in rest}:
            raise answers.Refused(f"{option} would go past {answers.FOLDER}/{env}.toml. Write parameters into that file.")
    sam = os.environ.get("SAM", str(pathlib.Path(sys.executable).with_name("sam")))
    # Without a terminal SAM could only give up: https://github.com/aws/aws-sam-cli/issues/2180
    if not sys.stdin.isatty() and not {"--confirm-changeset", "--no-confirm-changeset"} & set(rest):
        rest = [*rest, "--no-confirm-changeset"]
    subprocess.run([sam, "deploy", *sam_arguments(config, env), *rest], check=True)
    # CodeDeploy asks preflight about every version but the first, since nothing had traffic before it.
    doctor = os.environ.get("DOCTOR", "").split()
    if not doctor:
        return 0
    deployed = settings(config, env)
    chosen = {"AWS_REGION": deployed.get("region"), "AWS_PROFILE": deployed.get("profile")}
    environment = os.environ | {name: str(value) for name, value in chosen.items() if value}
    return subprocess.run([*doctor, "--stack", str(deployed["stack_name"])], env=environment, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except answers.Refused as refused:
        sys.exit(str(refused))
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)
