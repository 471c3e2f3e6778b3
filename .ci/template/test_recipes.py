"""The recipes of infra/README.md, run as written. After a changed value or another template, a new version is served."""

import functools
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import awscli
import deploy
import tomlkit
import translated

README = (translated.ROOT / "infra/README.md").read_text()
NODE_MODULES = pathlib.Path(os.environ.get("NODE_MODULES", translated.ROOT / ".tools/npm/node_modules"))

# Changes of the recipes: a value and another one, a template and another one.
CHANGED = ("https://app.example.com/account", "https://app.example.com/billing")
NEWER = ("v1.0.0", "v1.0.1")

# Replaces `aws`: saves its arguments, with the contents of files, and prints a word.
FAKE_AWS = """#!/usr/bin/env python3
import json, os, pathlib, sys
files = {a: pathlib.Path(a.removeprefix("file://")).read_text() for a in sys.argv if a.startswith("file://")}
with open(os.environ["AWS_CALLS"], "a") as calls:
    print(json.dumps([files.get(a, a) for a in sys.argv[1:]]), file=calls)
print("answer")
"""

# https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/cloudformation_stack
ARGUMENTS = {
    "name", "template_body", "template_url", "capabilities", "disable_rollback", "notification_arns", "on_failure", "parameters",
    "policy_body", "policy_url", "tags", "iam_role_arn", "timeout_in_minutes", "region", "timeouts",
}  # fmt: skip


def blocks(heading):
    """Returns the code blocks below a heading, by language."""
    section = re.search(rf"^#+ {heading}\n(.*?)(?=^#)", README + "\n#", re.MULTILINE | re.DOTALL)[1]
    return dict(re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


def edited(text, edit):
    assert edit is None or edit[0] in text, f"{edit[0]} is not in the recipe"
    return text.replace(*edit) if edit else text


def run(files, command):
    """Runs a command in a folder with these files. Returns its output, its calls of the AWS CLI, and the templates that it writes."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for file, text in files.items():
            (folder / file).write_text(text)
        (folder / "aws").write_text(FAKE_AWS)
        (folder / "aws").chmod(0o755)
        (folder / "node_modules").symlink_to(NODE_MODULES)
        environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "AWS_CALLS": str(folder / "calls"), "AWS_REGION": "eu-west-1"}
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise AssertionError(ran.stderr)
        calls = (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []
        made = [json.loads(path.read_text()) for path in sorted(folder.glob("out*/*.template.json"))]
        return ran.stdout, [json.loads(line) for line in calls], made


def arguments(called):
    """Returns the parameters that a command of the AWS CLI sends to the API."""
    command = awscli.Command(["aws", *called])
    assert command.problems == [], command.problems
    return {command.members[o]: awscli.argument(command.shape(o), v) for o, v in command.options.items() if o in command.members}


# Each recipe returns its deployments: unchanged, unchanged again, with another value, and with another template.
EDITS = (None, None, CHANGED, NEWER)


def edits(text):
    for edit in EDITS:
        assert edit is None or edit[0] in text, f"{edit[0]} is not in the recipe"
        yield text.replace(*edit) if edit else text


def plain(parameters, script, operation="create"):
    """Returns one deployment with the AWS CLI."""
    _, (deploys, waits), _ = run({"parameters.json": parameters, "deploy.sh": script}, ["sh", "deploy.sh", operation])
    assert waits == ["cloudformation", "wait", f"stack-{operation}-complete", "--stack-name", "billing-portal"], waits
    given = arguments(deploys)
    values = {p["ParameterKey"]: p["ParameterValue"] for p in given["Parameters"]}
    return {"url": given["TemplateURL"], "parameters": values, "capabilities": given["Capabilities"]}


@functools.cache
def cloudformation():
    recipe = blocks("CloudFormation")
    whole = recipe["json"] + "---" + recipe["sh"]
    return [plain(*text.split("---")) for text in edits(whole)]


@functools.cache
def cdk():
    files = {f"{i}.mjs": text for i, text in enumerate(edits(blocks("CDK")["ts"]))}
    files["all.mjs"] = """for (const i of [0, 1, 2, 3]) { process.env.CDK_OUTDIR = `out${i}`; await import(`./${i}.mjs`); }"""
    _, _, made = run(files, ["node", "all.mjs"])
    stacks = [template["Resources"]["Portal"]["Properties"] for template in made]
    return [{"url": s["TemplateURL"], "parameters": s["Parameters"]} for s in stacks]


@functools.cache
def terraform():
    files = {f"{i}.tf": text for i, text in enumerate(edits(blocks("Terraform")["hcl"]))}
    printed, _, _ = run(files, ["sh", "-c", f'go -C "{translated.ROOT}/.ci/terraform" run . "$PWD"/*.tf'])
    stacks = [json.loads(line)["aws_cloudformation_stack.billing_portal"] for line in printed.splitlines()]
    assert all(set(s) <= ARGUMENTS for s in stacks), stacks
    return [{"url": s["template_url"], **{n: s[n] for n in ("parameters", "capabilities", "timeouts")}} for s in stacks]


RECIPES = (cloudformation, cdk, terraform)


def versions(parameters):
    stack = translated.deployed(parameters)
    return {r["Properties"]["FunctionVersion"] for r in stack.of_type("AWS::Lambda::Alias").values()}


class Environments(unittest.TestCase):
    def test_the_table_has_the_values_of_samconfig(self):
        config = tomlkit.loads((translated.ROOT / "samconfig.toml").read_text()).unwrap()
        want = {}
        for env in set(config) - {"version", "default"}:
            settings = deploy.settings(config, env)
            want[env] = (settings["stack_name"], deploy.parameters_of(settings["parameter_overrides"]))
        rows = re.findall(r"^\| `([a-z]+)` \| `([\w-]+)` \| (`.*`) \|$", README, re.MULTILINE)
        self.assertEqual({env: (stack, dict(re.findall(r"`(\w+)=(\w+)`", values))) for env, stack, values in rows}, want)


class Recipes(unittest.TestCase):
    def test_parameters_are_the_templates(self):
        known = translated.read("template.yaml")["Parameters"]
        for recipe in RECIPES:
            with self.subTest(recipe.__name__):
                given = recipe()[0]["parameters"]
                self.assertEqual([name for name in given if name not in known], [])
                self.assertEqual([name for name, p in known.items() if "Default" not in p and name not in given], [])
                for name, value in given.items():
                    self.assertIsInstance(value, str)
                    self.assertRegex(value, known[name].get("AllowedPattern", "^"), name)
                    self.assertIn(value, known[name].get("AllowedValues", [value]), name)

    def test_a_single_change_is_served_after_the_second_deployment(self):
        for recipe in RECIPES:
            with self.subTest(recipe.__name__):
                first, again, changed, newer = recipe()
                self.assertEqual(first, again, "the same recipe deployed something else")
                self.assertEqual(changed["parameters"]["DefaultReturnUrl"], CHANGED[1])
                self.assertIn(NEWER[1], newer["url"])
                self.assertTrue(versions(first["parameters"]))
                for second in (changed, newer):
                    self.assertFalse(versions(first["parameters"]) & versions(second["parameters"]), "the alias stays")

    def test_an_update_gets_the_same_parameters_as_the_creation(self):
        recipe = blocks("CloudFormation")
        self.assertEqual(plain(recipe["json"], recipe["sh"], "update"), cloudformation()[0])

    def test_templates_are_read_from_s3_and_capabilities_acknowledged(self):
        for recipe in RECIPES:
            for made in recipe():
                self.assertRegex(made["url"], r"^https://my-bucket\.s3\.eu-central-1\.amazonaws\.com/billing-portal/v[0-9.]+/template\.yaml$")
                self.assertEqual(made.get("capabilities", ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]), ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])

    def test_terraform_waits_for_the_slowest_deployment(self):
        """CodeDeploy waits an hour for a hook, and then shifts traffic in the steps that the name of the configuration says."""
        slowest = 60
        for preference in translated.read("template.yaml")["Parameters"]["DeploymentPreference"]["AllowedValues"]:
            if shift := re.fullmatch(r"(Canary|Linear)(\d+)Percent(?:Every)?(\d+)Minutes?", preference):
                steps = 1 if shift[1] == "Canary" else 100 // int(shift[2])
                slowest = max(slowest, 60 + steps * int(shift[3]))
        self.assertEqual(slowest, 160)
        self.assertGreater(int(re.fullmatch(r"(\d+)h", terraform()[0]["timeouts"]["update"])[1]) * 60, slowest)

    def test_files_that_terraform_cannot_read_fail(self):
        for wrong, why in ('resource "a" "b" {', "Unclosed configuration block"), ('resource "a" "b" {\n  c = nothing("d")\n}\n', "unknown function"), ("locals {\n  a = local.b\n}\n", "Unknown variable"):
            with self.assertRaisesRegex(AssertionError, why):
                run({"a.tf": wrong}, ["sh", "-c", f'go -C "{translated.ROOT}/.ci/terraform" run . "$PWD"/*.tf'])

    def test_cdk_cannot_include_the_template(self):
        """If a later version of the CDK can, the recipe should say so."""
        app = f"""import {{ App, Stack }} from 'aws-cdk-lib';
            import {{ CfnInclude }} from 'aws-cdk-lib/cloudformation-include';
            new CfnInclude(new Stack(new App(), 'Billing'), 'Portal', {{ templateFile: '{translated.ROOT}/template.yaml' }});"""
        with self.assertRaisesRegex(AssertionError, r"(\.Version|\.Alias|Aliaslive)' (was )?not found"):
            run({"app.mjs": app}, ["node", "app.mjs"])


if __name__ == "__main__":
    unittest.main()
