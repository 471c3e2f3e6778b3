"""A change of a single value is published, in whatever way it is written. Without a change nothing is published."""

import contextlib
import io
import json
import os
import pathlib
import tempfile
import unittest
from unittest import mock

import answers
import deploy
import rollback
import tomlkit
import translated
import upgrade
from fake_aws import FakeAWS

STRINGS = " ".join(f'{name}="{value}"' for name, value in translated.REQUIRED.items())
LIST = [f"{name}={value}" for name, value in translated.REQUIRED.items()]

# Replaces `sam`, and saves its arguments.
FAKE_SAM = """#!/bin/sh
echo "$@" > called
echo sam >> order
test ! -e fail
"""

# Replaces doctor. It finds a problem in the stack, and in a release that is not deployed yet only if a file says so.
FAKE_DOCTOR = """#!/bin/sh
echo "$@ $AWS_REGION" > examined
echo "doctor $1 $CUSTOMERS_TABLE $STRIPE_SECRET_ID" >> order
test "$1" = --stack && exit 3
test ! -e problem
"""


def run_in(folder, environment, arguments):
    """Returns the status and output of deploy.py without a terminal. It runs in this process, because a new one needs a second to start."""
    said = io.StringIO()
    with contextlib.ExitStack() as here:
        here.enter_context(contextlib.chdir(folder))
        here.enter_context(mock.patch.dict(os.environ, environment, clear=True))
        here.enter_context(mock.patch("sys.stdin", io.StringIO()))
        here.enter_context(contextlib.redirect_stdout(said))
        status = deploy.run(arguments)
    return (1, f"{said.getvalue()}{status}") if isinstance(status, str) else (status, said.getvalue())


class Folder:
    """A checkout with a finished build."""

    def __init__(self, case, env):
        folder = tempfile.TemporaryDirectory()
        case.addCleanup(folder.cleanup)
        self.path, self.env = pathlib.Path(folder.name), env
        self.aws = FakeAWS(case)
        self.aws.status = None
        build = self.path / deploy.BUILD
        (build / "PortalFunction").mkdir(parents=True)
        (build / "PortalFunction" / "bootstrap").write_text("code")
        template = {"Parameters": translated.read("template.yaml")["Parameters"]}
        (build / "template.yaml").write_text(json.dumps(template))  # only this part is read, and it is read faster
        for name, text in (("sam", FAKE_SAM), ("doctor", FAKE_DOCTOR)):
            (self.path / name).write_text(text)
            (self.path / name).chmod(0o755)

    def deploy(self, overrides, doctor="", options=(), others=None, **more):
        section = {"global": {"parameters": {"stack_name": "portal"}}, "deploy": {"parameters": {"parameter_overrides": overrides, **more}}}
        (self.path / "samconfig.toml").write_text(tomlkit.dumps({"version": 0.1, self.env: section} | (others or {})))
        environment = {"SAM": str(self.path / "sam"), "DOCTOR": doctor, "PATH": "/usr/bin:/bin"} | self.aws.environment
        for file in ("called", "order"):
            (self.path / file).unlink(missing_ok=True)
        self.status, self.said = run_in(self.path, environment, ["--config-env", self.env, *options])
        return (self.path / "called").read_text().split() if (self.path / "called").exists() else None

    def order(self):
        """Returns the calls in their order."""
        return (self.path / "order").read_text().splitlines() if (self.path / "order").exists() else []

    def parameters(self, overrides):
        """Returns the parameters of the SAM deployment."""
        return self.given(self.deploy(overrides))

    def given(self, called):
        config = tomlkit.loads(pathlib.Path(called[called.index("--config-file") + 1]).read_text())
        section = config[self.env]["deploy"]["parameters"]["parameter_overrides"]
        return deploy.CfnParameterOverridesType().convert(section, None, None)

    def versions(self, overrides):
        return {name for name, r in translated.translate(self.parameters(overrides))["Resources"].items() if r["Type"] == "AWS::Lambda::Version"}


class Deploy(unittest.TestCase):
    def test_a_changed_value_publishes_a_version(self):
        for env, overrides, changed in (
            ("default", STRINGS, STRINGS.replace("app.example.com/account", "app.example.com/billing")),
            ("prod", LIST, [*LIST[:-1], "DefaultReturnUrl=https://app.example.com/billing"]),
            ("prod", LIST, [*LIST, "LogLevel=debug"]),
        ):
            folder = Folder(self, env)
            before = folder.versions(overrides)
            self.assertEqual(len(before), 2)
            self.assertEqual(before, folder.versions(overrides), "the same values published another version")
            self.assertFalse(before & folder.versions(changed), "a changed value published no version")

    def test_changed_code_publishes_a_version(self):
        folder = Folder(self, "prod")
        before = folder.versions(LIST)
        (folder.path / deploy.BUILD / "PortalFunction" / "bootstrap").write_text("c0de")
        self.assertFalse(before & folder.versions(LIST))

    def test_sam_gets_all_parameters(self):
        odd = {"JwtJwks": '{"keys":[{"kty":"RSA"}]}', "CustomersSortKey": "sk=BILLING {user}"}
        quoted = " ".join('{}="{}"'.format(n, v.replace('"', '\\"')) for n, v in odd.items())
        parameters = Folder(self, "prod").parameters(f"{STRINGS} {quoted}")
        self.assertRegex(parameters.pop("Release"), "^[0-9a-f]{10}")
        self.assertEqual(parameters, parameters | translated.REQUIRED | odd)

    def test_a_removed_value_gets_its_default_again(self):
        defaults = {n: str(p["Default"]) for n, p in translated.read("template.yaml")["Parameters"].items() if "Default" in p and n != "Release"}
        for overrides in (STRINGS, LIST):
            parameters = Folder(self, "prod").parameters(overrides)
            parameters.pop("Release")
            self.assertEqual(parameters, translated.REQUIRED | defaults)

    def test_without_env_the_values_of_another_environment_of_the_stack_are_not_reset(self):
        for env, values, stack, message in (
            ("default", "prod", "portal", "The values of this stack are in .deploy/prod.toml. Run make deploy ENV=prod."),
            ("default", "prod", "another", "The environment default has no values for"),
            ("second", "prod", "portal", "The environment second has no values for"),  # for example in another Region
            ("default", "unknown", "portal", "The environment default has no values for"),
        ):
            with self.subTest(env=env, values=values, stack=stack):
                folder = Folder(self, env)
                (folder.path / answers.FOLDER).mkdir()
                (folder.path / answers.FOLDER / f"{values}.toml").write_text('JwtAudience = "api"\n')
                other = {"prod": {"global": {"parameters": {"stack_name": stack}}}}
                self.assertIsNone(folder.deploy([], others=other))
                self.assertIn(message, folder.said)

    def test_release_in_samconfig_is_ignored(self):
        folder = Folder(self, "prod")
        self.assertEqual(folder.versions(STRINGS), folder.versions(STRINGS + ' Release="anything"'))

    def test_doctor_checks_the_deployed_stack(self):
        folder = Folder(self, "prod")
        folder.deploy(LIST, doctor="./doctor", region="eu-west-1")
        self.assertEqual((folder.path / "examined").read_text(), "--stack portal eu-west-1\n")
        self.assertEqual(folder.status, 3)

    def rolled_back(self, **parameters):
        """A stack on version 5 whose alias is on 4."""
        folder = Folder(self, "prod")
        folder.aws.status = "UPDATE_COMPLETE"
        folder.aws.deployed(translated.REQUIRED | {"Release": "0123456789", "CustomersKey": "user_id"} | parameters, portal=(5, 4))
        folder.aws.resources["Customers"] = ("AWS::DynamoDB::Table", "the-table", "CREATE_COMPLETE")
        folder.aws.variables[("portal-PortalFunction-1", "live")] = {"CUSTOMERS_TABLE": "the-table", "CUSTOMERS_KEY": "user_id"}
        return folder

    def test_after_a_rollback_one_release_is_deployed_without_codedeploy(self):
        folder = self.rolled_back()
        parameters = folder.given(folder.deploy([*LIST, "SafeDeployment=true"], doctor="./doctor"))
        self.assertEqual((parameters["SafeDeployment"], parameters["PreviousPortalVersion"]), ("false", "4"))
        self.assertEqual(folder.order(), ["doctor  the-table billing-portal/stripe", "sam", "doctor --stack  "])
        self.assertEqual(folder.aws.made("UpdateAlias"), [])
        self.assertIn("SafeDeployment=false", folder.said)
        # The release is named after the operator's values, so the next `make deploy` uses CodeDeploy again and publishes nothing.
        folder.aws.deployed(folder.aws.parameters | parameters, portal=(6, 6))
        del folder.aws.resources["PortalFunctionVersionabcdef0125"]
        again = folder.parameters([*LIST, "SafeDeployment=true"])
        self.assertEqual(again, parameters | {"SafeDeployment": "true"})

    def test_after_a_rollback_a_release_with_a_problem_is_not_deployed(self):
        folder = self.rolled_back()
        (folder.path / "problem").touch()
        self.assertIsNone(folder.deploy(LIST, doctor="./doctor"))
        self.assertEqual(folder.status, 1)
        self.assertIn("doctor found a problem", folder.said)

    def test_after_a_rollback_a_failed_deployment_says_to_roll_back_again(self):
        folder = self.rolled_back()
        (folder.path / "fail").touch()
        folder.deploy(LIST)
        self.assertEqual(folder.status, 1)
        self.assertIn("run `make rollback` again", folder.said)

    def test_a_refused_deployment_calls_nothing(self):
        folder = self.rolled_back()
        folder.aws.aliases["portal-PortalFunction-1"]["RoutingConfig"] = {"AdditionalVersionWeights": {"5": 0.5}}
        self.assertIsNone(folder.deploy(LIST))
        self.assertEqual((folder.status, folder.order()), (1, []))
        self.assertRegex(folder.said, "^deploy: .*divides traffic")

    def test_a_release_that_was_rolled_back_can_be_deployed_again(self):
        folder = self.rolled_back()
        folder.aws.aliases["portal-PortalFunction-1"]["FunctionVersion"] = "5"
        first = folder.parameters(LIST)
        folder.aws.versions["portal-PortalFunction-1"].append(6)
        folder.aws.variables[("portal-PortalFunction-1", "6")] = {"RELEASE": first["Release"]}
        second = folder.parameters(LIST)
        self.assertNotEqual(first["Release"][:10], second["Release"][:10])
        self.assertIn(second["Release"], folder.said)

    def test_names_of_the_previous_version_do_not_change_the_release(self):
        folder = self.rolled_back()
        before = folder.parameters(LIST)
        after = folder.parameters([*LIST, "PreviousStripeSecretId=x", "PreviousPortalVersion=7"])
        self.assertEqual(before["Release"], after["Release"])
        self.assertEqual(after["PreviousPortalVersion"], "4")
        self.assertLessEqual(set(upgrade.PREVIOUS), set(translated.read("template.yaml")["Parameters"]))

    def test_a_value_with_quotes_reaches_sam_unchanged(self):
        folder = self.rolled_back(CustomersKeyFormat='"a b" {user}', CustomersTable="the-table")
        folder.aws.items = {"the-table": 1}
        self.assertEqual(folder.parameters([*LIST, "CustomersTable=the-table"])["PreviousCustomersKeyFormat"], '"a b" {user}')

    def test_doctor_gets_the_options_of_the_command_line(self):
        folder = Folder(self, "prod")
        folder.deploy(LIST, "./doctor", ["--region", "us-east-1", "--stack-name=other"], region="eu-west-1")
        self.assertEqual((folder.path / "examined").read_text(), "--stack other us-east-1\n")
        self.assertIn("in us-east-1", folder.said)

    def test_without_git_a_release_has_no_commit(self):
        folder = Folder(self, "prod")
        with mock.patch.object(deploy.subprocess, "run", side_effect=FileNotFoundError("git")):
            self.assertEqual(deploy.commit(), "")
        self.assertRegex(folder.parameters(LIST)["Release"], "^[0-9a-f]{10}$")  # no repository

    def test_a_file_that_cannot_be_read_is_named_in_one_line(self):
        """This includes `make rollback`, which is used in emergencies."""
        good = '[prod.deploy.parameters]\nstack_name = "portal"\n'
        for file, text, expected in (
            ("samconfig.toml", "[", "samconfig.toml is not TOML"),
            ("samconfig.toml", None, "samconfig.toml"),
            ("samconfig.toml", "[prod.deploy.parameters]\n", "samconfig.toml has no stack_name for prod"),
            ("samconfig.toml", "version = 0.1\nprod = 1\n[dev.deploy]\n[test.deploy]\n", "has no environment prod. Its environments are dev, test."),
            (".deploy/prod.toml", "x = [", ".deploy/prod.toml is not TOML"),
            (".deploy/prod.toml", b"x = '\xff'", ".deploy/prod.toml is not TOML"),
            (".deploy/prod.toml", "Region = 5", "Region must be the code of a Region"),
        ):
            folder = Folder(self, "prod")
            values = tomlkit.dumps({"Region": "eu-west-1"} | translated.REQUIRED)
            for name, content in {"samconfig.toml": good, ".deploy/prod.toml": values, file: text}.items():
                if content is not None:
                    (folder.path / name).parent.mkdir(exist_ok=True)
                    (folder.path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
            with contextlib.chdir(folder.path), mock.patch.dict(os.environ, folder.aws.environment):
                for command in (deploy, rollback):
                    self.assertIn(expected, command.run(["--config-env", "prod"]))
            self.assertEqual(folder.aws.calls, [])

    def test_overrides_that_sam_refuses_are_refused(self):
        for wrong in ("StripeLivemode", 5):
            folder = Folder(self, "prod")
            folder.deploy(wrong)
            self.assertIn("Wrong value in parameter_overrides of samconfig.toml", folder.said)

    def test_samconfig_has_an_environment_for_each_stage(self):
        config = tomlkit.loads((translated.ROOT / "samconfig.toml").read_text()).unwrap()
        stages = {
            "default": ("billing-portal", True, {}),
            "dev": ("billing-portal-dev", False, {"StripeLivemode": "false", "DeploymentPreference": "AllAtOnce", "LogLevel": "debug", "LogRetentionDays": "7"}),
            "staging": ("billing-portal-staging", True, {"StripeLivemode": "false"}),
            "prod": ("billing-portal", True, {"StripeLivemode": "true", "LogRetentionDays": "90"}),
        }
        self.assertEqual(sorted(config), sorted([*stages, "version"]))
        known = answers.questions(translated.read("template.yaml"))
        for env, (stack, asks, parameters) in stages.items():
            section = deploy.settings(config, env)
            found = deploy.parameters_of(section.pop("parameter_overrides", []))
            self.assertEqual((found, list(answers.problems(found, known))), (parameters, []), env)
            # infra/deployer.yaml allows writing only to the prefix with the stack's name.
            wanted = {"stack_name": stack, "s3_prefix": stack, "resolve_s3": True, "capabilities": "CAPABILITY_IAM"}
            self.assertEqual(section, wanted | {"confirm_changeset": asks, "fail_on_empty_changeset": False}, env)
        # SAM's cache could deploy stale code.
        self.assertEqual(config["default"]["build"]["parameters"], {"build_in_source": True, "cached": False, "parallel": True})


class Profiles(unittest.TestCase):
    """A profile decides in which account the stack is."""

    def setUp(self):
        self.folder = Folder(self, "prod")
        keys = "".join(f"[profile {n}]\naws_access_key_id = {n}\naws_secret_access_key = test\nregion = eu-{n}-1\n" for n in ("west", "north"))
        (self.folder.path / "config").write_text(keys)
        (self.folder.path / "doctor").write_text('#!/bin/sh\necho "$AWS_PROFILE $AWS_REGION" > examined\n')
        self.folder.aws.environment["AWS_CONFIG_FILE"] = str(self.folder.path / "config")
        del self.folder.aws.environment["AWS_REGION"]

    def test_a_deployment_and_doctor_use_it(self):
        for given, options, used in (
            ({"profile": "north"}, (), ("north", "eu-north-1")),
            ({"profile": "north", "region": "eu-central-1"}, (), ("north", "eu-central-1")),
            ({"profile": "west"}, ("--profile", "north"), ("north", "eu-west-1")),
            ({"region": "eu-west-2"}, ("--profile=west", "--region=eu-south-1"), ("west", "eu-south-1")),
        ):
            self.folder.aws.signed.clear()
            called = self.folder.deploy(LIST, doctor="./doctor", options=options, **given)
            self.assertIsNotNone(called, self.folder.said)
            self.assertEqual(self.folder.aws.signed, {used})
            self.assertEqual((self.folder.path / "examined").read_text().split(), list(used))
            self.assertEqual(called[-len(options) - 1 : -1] if options else [], list(options))

    def test_a_rollback_uses_it(self):
        self.folder.deploy(LIST, profile="north")
        for options, used in ([], ("north", "eu-north-1")), (["--profile", "west", "--region", "eu-west-3"], ("west", "eu-west-3")):
            self.folder.aws.signed.clear()
            with contextlib.chdir(self.folder.path), mock.patch.dict(os.environ, self.folder.aws.environment, clear=True):
                self.assertIn("There is no stack portal", rollback.run(["--config-env", "prod", *options]))
            self.assertEqual(self.folder.aws.signed, {used})

    def test_a_profile_that_does_not_exist_deploys_nothing(self):
        for given, options in ({"profile": "south"}, ()), ({"region": "eu-west-1"}, ("--profile", "south")):
            self.assertIsNone(self.folder.deploy(LIST, options=options, **given))
            self.assertIn("south", self.folder.said)


if __name__ == "__main__":
    unittest.main()
