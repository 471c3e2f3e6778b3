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

import tomlkit
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


def with_more(overrides, more):
    """The same parameters, in the same form, and more."""
    pairs = [f'{name}="{value}"' for name, value in more.items()]
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


def sam_arguments(config, env):
    """How to call `sam deploy`: asking, where parameters are missing, else with the release."""
    deploy = settings(config, env)
    overrides = deploy.get("parameter_overrides")
    parameters = parameters_of(overrides)
    template = yaml_parse((BUILD / "template.yaml").read_text())
    if lacking := missing(parameters, template):
        print(f"{CONFIG} does not have {', '.join(lacking)} of {env}:")
        return ["--guided", "--config-env", env]
    release = release_of(parameters, BUILD, commit())
    sections = config.setdefault(env, {}).setdefault("deploy", {}).setdefault("parameters", {})
    sections["parameter_overrides"] = with_more(overrides, defaults(parameters, template) | {"Release": release})
    COPY.write_text(tomlkit.dumps(config))
    print(f"Release {release}", flush=True)
    return ["--config-file", str(COPY.resolve()), "--config-env", env]


def main(arguments):
    env = arguments[arguments.index("--config-env") + 1]
    rest = [a for i, a in enumerate(arguments) if a != "--config-env" and arguments[i - 1] != "--config-env"]
    sam = os.environ.get("SAM", str(pathlib.Path(sys.executable).with_name("sam")))
    subprocess.run([sam, "deploy", *sam_arguments(tomlkit.loads(CONFIG.read_text()), env), *rest], check=True)
    # CodeDeploy asks preflight about every version but the first, since nothing had traffic before it.
    doctor = os.environ.get("DOCTOR", "").split()
    if not doctor:
        return 0
    deployed = settings(tomlkit.loads(CONFIG.read_text()), env)  # now with the answers
    chosen = {"AWS_REGION": deployed.get("region"), "AWS_PROFILE": deployed.get("profile")}
    environment = os.environ | {name: str(value) for name, value in chosen.items() if value}
    return subprocess.run([*doctor, "--stack", str(deployed["stack_name"])], env=environment, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)
