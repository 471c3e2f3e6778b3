"""The notes of a release, and the upgrade that they describe."""

import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest

import test_recipes
import translated

CHANGELOG = (translated.ROOT / ".github/CHANGELOG.md").read_text()


def notes(version):
    return subprocess.run([translated.ROOT / ".ci/notes", version], capture_output=True, text=True, check=False)


class Releases(unittest.TestCase):
    def test_each_version_has_only_its_own_notes(self):
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
        """So an upgrade answers 500 for a moment, unless the permission of the notes is added."""
        resources = translated.translate(translated.REQUIRED)["Resources"]
        self.assertIn("PortalFunctionAliaslive", json.dumps(resources["PortalApi"]["Properties"]["Body"]))
        permissions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::Permission" and "Condition" not in r]
        self.assertGreater(len(permissions), 5)
        for permission in permissions:
            self.assertEqual(permission["FunctionName"], {"Ref": "PortalFunctionAliaslive"})
            self.assertIn({"Ref": "PortalApi"}, permission["SourceArn"]["Fn::Sub"][1].values())

    def test_the_permission_in_the_notes_equals_the_templates(self):
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


class S3(http.server.BaseHTTPRequestHandler):
    """A fake of S3 for callers that may not list the bucket."""

    def do_HEAD(self):
        self.send_response(self.server.status)
        if self.server.region:
            self.send_header("x-amz-bucket-region", self.server.region)
        self.end_headers()

    def log_message(self, *_):
        pass


class Package(unittest.TestCase):
    def package(self, status, region):
        """Returns the exit status, the call of `sam`, and the output. AWS_REGION is not the Region of the bucket."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), S3)
        server.status, server.region = status, region
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for tool, script in (("sam", f'echo "$@" >{folder}/called; echo TemplateURL: x >{folder}/package.json.out'), ("python", f'exec {sys.executable} "$@"')):
                (folder / tool).write_text(f"#!/bin/sh\n{script}\n")
                (folder / tool).chmod(0o755)
            credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1"}
            environment = os.environ | credentials | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}"}
            command = [".ci/package", folder / "sam", folder, "bucket", "prefix"]
            done = subprocess.run(command, cwd=translated.ROOT, env=environment, capture_output=True, text=True, check=False)
            called = (folder / "called").read_text() if (folder / "called").exists() else ""
            return done.returncode, called, done.stdout + done.stderr

    def test_the_address_has_the_region_of_the_bucket(self):
        """SAM would use the URL of us-east-1, at which CloudFormation finds no bucket of another Region."""
        for status in (200, 403):
            code, called, said = self.package(status, "eu-central-1")
            self.assertEqual((code, said), (0, "x\n"))
            self.assertIn("--region eu-central-1 ", called)
            self.assertIn(" --s3-bucket bucket --s3-prefix prefix ", called)

    def test_without_a_bucket_nothing_is_uploaded(self):
        code, called, said = self.package(404, None)
        self.assertEqual((code, called), (1, ""))
        self.assertEqual(said, "package: the bucket bucket does not exist, or your credentials are not valid.\n")


if __name__ == "__main__":
    unittest.main()
