"""`make rollback` and the `make deploy` that follows, in the emulator with a real alias.

The emulator has no CodeDeploy and no transform. So a fake `sam` saves its parameters, and this script deploys them.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import tomlkit
import translated
from deploy import COPY, CfnParameterOverridesType
from upgrade import PREVIOUS

TOOLS = pathlib.Path(__file__).parent


class Checkout:
    """A folder with samconfig.toml and a finished build."""

    def __init__(self, folder, emulator, parameters, doctor):
        self.folder, self.doctor = pathlib.Path(folder), doctor
        build = self.folder / ".aws-sam/build"
        build.mkdir(parents=True)
        # Only the parameters of the template are read. Their patterns are removed, because they refuse the stand-ins' http addresses.
        made = translated.read("template.yaml")["Parameters"]
        for parameter in made.values():
            parameter.pop("AllowedPattern", None)
        (build / "template.yaml").write_text(json.dumps({"Parameters": made}))
        (self.folder / "sam").write_text("#!/bin/sh\nexit 0\n")
        (self.folder / "sam").chmod(0o755)
        self.emulator = {"AWS_ENDPOINT_URL": emulator, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
        self.write(parameters)

    def write(self, parameters):
        overrides = [f'{name}="{value}"' for name, value in parameters.items()]
        section = {"stack_name": "portal", "region": "us-east-1", "parameter_overrides": overrides}
        (self.folder / "samconfig.toml").write_text(tomlkit.dumps({"version": 0.1, "emulated": {"deploy": {"parameters": section}}}))

    def run(self, command):
        """Runs make deploy or make rollback, prints its output, and returns its exit status."""
        environment = os.environ | self.emulator | {"SAM": str(self.folder / "sam"), "DOCTOR": self.doctor}
        call = [sys.executable, "-B", str(TOOLS / f"{command}.py"), "--config-env", "emulated"]
        done = subprocess.run(call, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        for line in (done.stdout + done.stderr).splitlines():
            print("   ", line)
        return done.returncode

    def given(self):
        """Returns the parameters that `sam` got."""
        section = tomlkit.loads((self.folder / COPY).read_text())["emulated"]["deploy"]["parameters"]
        return CfnParameterOverridesType().convert(section["parameter_overrides"], None, None)


def check(deployment, expect, serves, aws_lambda, emulator, parameters, doctor):
    """serves returns the status of a request that only the first release allows."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(folder, emulator, parameters | {"SafeDeployment": "true"}, doctor)
        expect("a rollback", (checkout.run("rollback"), deployment.version(), deployment.version("Webhook"), serves()), (0, "1", "1", 303))
        expect("a second one", (checkout.run("rollback"), deployment.version()), (0, "1"))
        expect("the next release", (checkout.run("deploy"), deployment.version()), (0, "1"))
        given = checkout.given()
        expect("without CodeDeploy, from version", (given["SafeDeployment"], given["PreviousPortalVersion"]), ("false", "1"))
        # The emulator's template has no patterns for these parameters, so their values are not changed.
        deployed = parameters | {n: v for n, v in given.items() if n in (*PREVIOUS, "Release", "SafeDeployment")}
        deployment.deploy("update", deployed)
        expect("CloudFormation has moved the alias", (deployment.version(), deployment.version("Webhook"), serves()), ("3", "3", 403))
        function = deployment.outputs["PortalFunctionName"]
        half = {"AdditionalVersionWeights": {"1": 0.5}}
        aws_lambda.update_alias(FunctionName=function, Name="live", FunctionVersion="3", RoutingConfig=half)
        expect("with weights nothing is deployed", checkout.run("deploy"), 1)
        # Version 2 was rolled back, so it is not the previous version.
        expect("a rollback clears them", (checkout.run("rollback"), deployment.version(), serves()), (0, "1", 303))
        expect("weights", aws_lambda.get_alias(FunctionName=function, Name="live").get("RoutingConfig"), None)
        checkout.write(parameters | {"CustomersKey": "pk"})
        expect("a key that replaces the table is refused", checkout.run("deploy"), 1)
