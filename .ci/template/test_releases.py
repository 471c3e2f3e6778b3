"""What a release says: its notes, and the upgrade that they describe."""

import json
import re
import subprocess
import unittest

import test_recipes
import translated

CHANGELOG = (translated.ROOT / ".github/CHANGELOG.md").read_text()


def notes(version):
    return subprocess.run([translated.ROOT / ".ci/notes", version], capture_output=True, text=True, check=False)


class Releases(unittest.TestCase):
    def test_each_version_has_its_notes_alone(self):
        versions = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
        self.assertTrue(versions)
        for version in versions:
            self.assertRegex(version, r"^v\d+\.\d+\.\d+$")
            printed = notes(version)
            self.assertEqual(printed.returncode, 0)
            self.assertIn(printed.stdout, CHANGELOG)
            self.assertGreater(len(printed.stdout.strip()), 100)
            self.assertNotIn("\n## ", printed.stdout)
        for unknown in ("v0.0.0", versions[0][:-2], ""):
            self.assertEqual(notes(unknown).returncode, 1, unknown)

    def test_notes_name_parameters_that_exist(self):
        known = set(translated.read("template.yaml")["Parameters"])
        named = set(re.findall(r"`((?:Allowed|Stripe|Webhook|Deployment|Customers)\w+)`", CHANGELOG))
        self.assertTrue(named)
        self.assertLessEqual(named, known)

    def test_the_api_moves_to_the_alias_before_it_is_permitted(self):
        """So the upgrade has a moment of 500s, unless a permission is made as the notes say."""
        resources = translated.translate(translated.REQUIRED)["Resources"]
        self.assertIn("PortalFunctionAliaslive", json.dumps(resources["PortalApi"]["Properties"]["Body"]))
        permissions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::Permission" and "Condition" not in r]
        self.assertGreater(len(permissions), 5)
        for permission in permissions:
            self.assertEqual(permission["FunctionName"], {"Ref": "PortalFunctionAliaslive"})
            self.assertIn({"Ref": "PortalApi"}, permission["SourceArn"]["Fn::Sub"][1].values())

    def test_the_upgrade_permits_the_same(self):
        scripts = re.findall(r"^```sh\n(.*?)^```$", CHANGELOG, re.MULTILINE | re.DOTALL)
        _, calls, _ = test_recipes.run({"upgrade.sh": "".join(scripts)}, ["sh", "-eu", "upgrade.sh"])
        operations = [call[1] for call in calls]
        self.assertEqual(operations, ["describe-stacks", "describe-stack-resource", "get-caller-identity", "add-permission", "remove-permission"])
        given = [test_recipes.arguments(call) for call in calls]
        self.assertIn(given[1]["LogicalResourceId"], translated.read("template.yaml")["Resources"])
        [output] = re.findall(r"OutputKey=='(\w+)'", scripts[0])
        self.assertIn(output, translated.read("template.yaml")["Outputs"])
        permission = next(r["Properties"] for r in translated.deployed(translated.REQUIRED).of_type("AWS::Lambda::Permission").values())
        self.assertEqual({n: given[3][n] for n in ("Action", "Principal")}, {n: permission[n] for n in ("Action", "Principal")})
        self.assertEqual(given[3]["SourceArn"], "arn:aws:execute-api:eu-west-1:answer:answer/*")
        self.assertEqual({n: given[4][n] for n in ("FunctionName", "Qualifier", "StatementId")}, {"FunctionName": "answer", "Qualifier": "live", "StatementId": "upgrade"})
        self.assertEqual(given[3]["StatementId"], given[4]["StatementId"])


if __name__ == "__main__":
    unittest.main()
