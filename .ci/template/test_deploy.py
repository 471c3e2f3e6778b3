"""A change of one value alone is published, however it is written, and nothing else is."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import deploy
import tomlkit
import translated

STRINGS = " ".join(f'{name}="{value}"' for name, value in translated.REQUIRED.items())
LIST = [f"{name}={value}" for name, value in translated.REQUIRED.items()]

# In the place of `sam`: it keeps what it is called with.
FAKE_SAM = """#!/bin/sh
echo "$@" > called
"""

FAKE_DOCTOR = """#!/bin/sh
echo "$@ $AWS_REGION" > examined
exit 3
"""


class Folder:
    """A checkout with something built in it."""

    def __init__(self, case, env):
        folder = tempfile.TemporaryDirectory()
        case.addCleanup(folder.cleanup)
        self.path, self.env = pathlib.Path(folder.name), env
        build = self.path / deploy.BUILD
        (build / "PortalFunction").mkdir(parents=True)
        (build / "PortalFunction" / "bootstrap").write_text("code")
        shutil.copy(translated.ROOT / "template.yaml", build)
        for name, text in (("sam", FAKE_SAM), ("doctor", FAKE_DOCTOR)):
            (self.path / name).write_text(text)
            (self.path / name).chmod(0o755)

    def deploy(self, overrides, doctor="", **more):
        section = {"global": {"parameters": {"stack_name": "portal"}}, "deploy": {"parameters": {"parameter_overrides": overrides, **more}}}
        (self.path / "samconfig.toml").write_text(tomlkit.dumps({"version": 0.1, self.env: section}))
        script = translated.ROOT / ".ci/template/deploy.py"
        environment = {"SAM": str(self.path / "sam"), "DOCTOR": doctor, "PATH": "/usr/bin:/bin", "AWS_REGION": "eu-north-1"}
        command = [sys.executable, "-B", script, "--config-env", self.env]
        self.status = subprocess.run(command, cwd=self.path, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode
        return (self.path / "called").read_text().split()

    def parameters(self, overrides):
        """What SAM would deploy with."""
        called = self.deploy(overrides)
        config = tomlkit.loads(pathlib.Path(called[called.index("--config-file") + 1]).read_text())
        section = config[self.env]["deploy"]["parameters"]["parameter_overrides"]
        return deploy.CfnParameterOverridesType().convert(section, None, None)

    def versions(self, overrides):
        return {name for name, r in translated.translate(self.parameters(overrides))["Resources"].items() if r["Type"] == "AWS::Lambda::Version"}


class Deploy(unittest.TestCase):
    def test_one_value_alone_makes_another_version(self):
        for env, overrides, changed in (
            ("default", STRINGS, STRINGS.replace("app.example.com/account", "app.example.com/billing")),
            ("prod", LIST, [*LIST[:-1], "DefaultReturnUrl=https://app.example.com/billing"]),
            ("prod", LIST, [*LIST, "LogLevel=debug"]),
        ):
            folder = Folder(self, env)
            before = folder.versions(overrides)
            self.assertEqual(len(before), 2)
            self.assertEqual(before, folder.versions(overrides), "the same values made another version")
            self.assertFalse(before & folder.versions(changed), "a changed value made no other version")

    def test_other_code_makes_another_version(self):
        folder = Folder(self, "prod")
        before = folder.versions(LIST)
        (folder.path / deploy.BUILD / "PortalFunction" / "bootstrap").write_text("c0de")
        self.assertFalse(before & folder.versions(LIST))

    def test_all_parameters_are_carried_along(self):
        odd = {"JwtJwks": '{"keys":[{"kty":"RSA"}]}', "CustomersSortKey": "sk=BILLING {user}"}
        quoted = " ".join('{}="{}"'.format(n, v.replace('"', '\\"')) for n, v in odd.items())
        parameters = Folder(self, "prod").parameters(f"{STRINGS} {quoted}")
        self.assertRegex(parameters.pop("Release"), "^[0-9a-f]{10}")
        self.assertEqual(parameters, parameters | translated.REQUIRED | odd)

    def test_what_is_not_named_is_the_default_again(self):
        defaults = {n: str(p["Default"]) for n, p in translated.read("template.yaml")["Parameters"].items() if "Default" in p and n != "Release"}
        for overrides in (STRINGS, LIST):
            parameters = Folder(self, "prod").parameters(overrides)
            parameters.pop("Release")
            self.assertEqual(parameters, translated.REQUIRED | defaults)

    def test_an_earlier_release_counts_for_nothing(self):
        folder = Folder(self, "prod")
        self.assertEqual(folder.versions(STRINGS), folder.versions(STRINGS + ' Release="anything"'))

    def test_the_deployed_stack_is_examined(self):
        folder = Folder(self, "prod")
        folder.deploy(LIST, doctor="./doctor", region="eu-west-1")
        self.assertEqual((folder.path / "examined").read_text(), "--stack portal eu-west-1\n")
        self.assertEqual(folder.status, 3)

    def test_samconfig_has_an_environment_for_each_stage(self):
        config = tomlkit.loads((translated.ROOT / "samconfig.toml").read_text())
        known = set(translated.read("template.yaml")["Parameters"])
        for env in ("dev", "staging", "prod"):
            section = deploy.settings(config, env)
            self.assertEqual(section["stack_name"], section["s3_prefix"], "infra/deployer.yaml lets nobody write elsewhere")
            self.assertLessEqual(set(deploy.parameters_of(section["parameter_overrides"])), known)


if __name__ == "__main__":
    unittest.main()
