"""The operator's values: asked for on a terminal, read from the file, refused by name, and passed to SAM unchanged."""

import fcntl
import http.server
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
import urllib.parse

import answers
import deploy
import tomlkit
import translated
from fake_aws import FakeAWS
from test_deploy import run_in

TEMPLATE = translated.read("template.yaml")
QUESTIONS = answers.questions(TEMPLATE)
VALUES = {"Region": "eu-west-1"} | translated.REQUIRED
ENTERED = [f"{value}\n" for value in VALUES.values()]

CTRL_C = "\x03"

# Replaces `sam`, and saves its arguments.
FAKE_SAM = """#!/bin/sh
echo "$@" >> called
"""


def lines(values):
    return tomlkit.dumps(values)


def is_running(process):
    """Reports whether a process is running. It is not if it sleeps, for example in a read."""
    return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "R"


def own_terminal():
    """Lets Ctrl-C reach the process even if the tests run as a background job of a shell, for which shells ignore Ctrl-C."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Checkout:
    """A checkout with a finished build."""

    def __init__(self, case, given=None):
        folder = tempfile.TemporaryDirectory()
        case.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        aws = FakeAWS(case)
        aws.status = None
        self.aws = {name: value for name, value in aws.environment.items() if name != "AWS_REGION"}
        self.file = self.path / ".deploy/prod.toml"
        for name in ("samconfig.toml", "Makefile"):
            shutil.copy(translated.ROOT / name, self.path)
        (self.path / deploy.BUILD / "PortalFunction").mkdir(parents=True)
        (self.path / deploy.BUILD / "PortalFunction/bootstrap").write_text("code")
        for template in (self.path / "template.yaml", self.path / deploy.BUILD / "template.yaml"):
            template.write_text(json.dumps({"Parameters": TEMPLATE["Parameters"]}))  # only this part is read, and it is read faster
        (self.path / "sam").write_text(FAKE_SAM)
        (self.path / "sam").chmod(0o755)
        if given is not None:
            self.file.parent.mkdir()
            self.file.write_text(given)

    def environment(self, more):
        return {"PATH": f"{self.path}:/usr/bin:/bin", "HOME": str(self.path), "SAM": str(self.path / "sam")} | self.aws | more

    def deploy(self, *options, typed=None, **environment):
        """Returns the status and output of deploy.py. If typed is a list, it runs on a terminal, and each prompt gets the next text."""
        arguments, environment = ["--config-env", "prod", *options], self.environment(environment)
        if typed is not None:
            return self.on_terminal([sys.executable, "-B", translated.ROOT / ".ci/template/deploy.py", *arguments], typed, environment)
        return run_in(self.path, environment, arguments)

    def make(self, *arguments):
        done = subprocess.run(
            ["make", *arguments], cwd=self.path, env=self.environment({}), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def on_terminal(self, command, typed, environment):
        terminal, side = pty.openpty()
        ends = {"stdin": side, "stdout": side, "stderr": side}
        process = subprocess.Popen(command, cwd=self.path, env=environment, start_new_session=True, preexec_fn=own_terminal, **ends)
        os.close(side)
        shown, prompts, last = b"", iter(typed), time.monotonic() + 60
        while select.select([terminal], [], [], last - time.monotonic())[0]:
            try:
                shown += os.read(terminal, 1 << 16)
            except OSError:  # Linux raises EIO when the other side is closed
                break
            if shown.endswith(b": "):
                while is_running(process.pid):  # a Ctrl-C between the prompt and the read would not end the read
                    time.sleep(0.01)
                os.write(terminal, next(prompts).encode())
        else:
            os.killpg(process.pid, signal.SIGKILL)
        os.close(terminal)
        return process.wait(), shown.decode().replace("\r\n", "\n")

    def called(self):
        """Returns the arguments of each call of `sam`."""
        calls = self.path / "called"
        return [line.split() for line in calls.read_text().splitlines()] if calls.exists() else []

    def parameters(self):
        """Returns the parameters and the Region of the SAM deployment."""
        call = self.called()[-1]
        config = tomlkit.loads(pathlib.Path(call[call.index("--config-file") + 1]).read_text())
        section = config["prod"]["deploy"]["parameters"]
        parameters = deploy.CfnParameterOverridesType().convert(section["parameter_overrides"], None, None)
        return {"Region": section["region"]} | parameters


class Asking(unittest.TestCase):
    def test_the_values_without_a_default_are_asked_for(self):
        checkout = Checkout(self)
        config = (checkout.path / "samconfig.toml").read_bytes()
        status, shown = checkout.deploy(typed=ENTERED)
        self.assertEqual(status, 0, shown)
        self.assertEqual(re.findall(r"^(\d/\d)  (\w+)$", shown, re.M), [(f"{i}/7", name) for i, name in enumerate(VALUES, 1)])
        told = " ".join(shown.split())
        for name in VALUES:
            self.assertIn(QUESTIONS[name]["Description"], told)
        self.assertEqual(tomlkit.loads(checkout.file.read_text()), VALUES)
        [call] = checkout.called()
        self.assertEqual([call[0], *call[3:]], ["deploy", "--config-env", "prod"], "SAM confirms the change set as samconfig.toml says")
        self.assertEqual(checkout.parameters(), checkout.parameters() | VALUES)
        self.assertEqual((checkout.path / "samconfig.toml").read_bytes(), config, "samconfig.toml was changed, which would conflict with an upgrade")
        status, shown = checkout.deploy(typed=[])
        self.assertEqual((status, re.findall("^\\d/\\d.*", shown, re.M)), (0, []))

    def test_a_wrong_answer_is_asked_for_again(self):
        checkout = Checkout(self)
        wrong = {
            "Region": ["", "Frankfurt"],
            "StripeSecretId": ["my secret"],
            "StripeLivemode": ["yes"],
            "JwtIssuer": ["acme.com"],
            "JwtAudience": ["a, b"],
            "AllowedOrigins": ["https://app.example.com/"],
            "DefaultReturnUrl": ["http://app.example.com", "https://other.example.com/"],
        }
        typed = [f"{value}\n" for name, right in VALUES.items() for value in (*wrong[name], right)]
        status, shown = checkout.deploy(typed=typed)
        self.assertEqual(status, 0, shown)
        for name, values in wrong.items():
            self.assertEqual(len(re.findall(f"^  {name} must be", shown, re.M)), len(values), shown)
        self.assertEqual(tomlkit.loads(checkout.file.read_text()), VALUES)

    def test_a_known_value_is_proposed_as_the_answer(self):
        checkout = Checkout(self)
        typed = ["\n" if name in ("Region", "StripeLivemode") else f"{value}\n" for name, value in VALUES.items()]
        status, shown = checkout.deploy(typed=typed, AWS_REGION="eu-north-1")
        self.assertEqual(status, 0, shown)
        self.assertIn("Region [eu-north-1]: ", shown)
        self.assertIn("StripeLivemode [true]: ", shown)
        self.assertEqual(checkout.parameters()["Region"], "eu-north-1")

    def test_an_interrupted_run_continues(self):
        checkout = Checkout(self, '# ours\nMemorySize = 256 # enough\nRegion = "eu-west-1"\n')
        for ended, typed in ((1, "\x04"), (130, CTRL_C)):
            status, shown = checkout.deploy(typed=["billing-portal/stripe\n"] * (ended == 1) + [typed])
            self.assertEqual((status, checkout.called()), (ended, []), shown)
            self.assertNotIn("Traceback", shown)
        status, shown = checkout.deploy(typed=[f"{v}\n" for n, v in VALUES.items() if n not in ("Region", "StripeSecretId")])
        self.assertEqual((status, len(re.findall(r"^\d/5  ", shown, re.M))), (0, 5), shown)
        self.assertEqual(tomlkit.loads(checkout.file.read_text()), VALUES | {"MemorySize": 256})
        self.assertTrue(checkout.file.read_text().startswith("# ours\nMemorySize = 256 # enough\n"))

    def test_only_values_without_a_default_are_asked_for(self):
        self.assertEqual([n for n, p in QUESTIONS.items() if "Default" not in p], list(VALUES))
        for name, parameter in QUESTIONS.items():
            self.assertTrue(parameter["ConstraintDescription"].startswith("must be "), name)


class WithoutATerminal(unittest.TestCase):
    def test_missing_values_are_listed_with_lines_for_the_file(self):
        checkout = Checkout(self)
        status, shown = checkout.deploy()
        self.assertEqual((status, checkout.called()), (1, []))
        self.assertIn(".deploy/prod.toml", shown)
        missing = set(VALUES) - {"StripeLivemode"}  # is in samconfig.toml
        self.assertEqual(set(re.findall('^(\\w+) = ""$', shown, re.M)), missing)
        checkout.file.parent.mkdir()
        checkout.file.write_text(re.sub('^(\\w+) = ""$', lambda m: f'{m[1]} = "{VALUES[m[1]]}"', shown[shown.index("# ") :], flags=re.M))
        self.assertEqual(checkout.deploy()[0], 0, "the listed lines do not work in the file")
        self.assertEqual(checkout.parameters(), checkout.parameters() | VALUES)

    def test_sam_asks_no_question(self):
        checkout = Checkout(self, lines(translated.REQUIRED))
        self.assertEqual(checkout.deploy(AWS_REGION="eu-north-1")[0], 0)
        self.assertEqual(checkout.called()[0][-1], "--no-confirm-changeset")
        self.assertEqual(checkout.parameters()["Region"], "eu-north-1")
        release = checkout.parameters()["Release"]
        checkout.file.write_text(lines(translated.REQUIRED | {"MemorySize": 256}))
        self.assertEqual(checkout.deploy("--confirm-changeset", AWS_REGION="eu-north-1")[0], 0)
        self.assertEqual(checkout.called()[1][-1], "--confirm-changeset")
        self.assertNotEqual(checkout.parameters()["Release"][:10], release[:10], "the changed value would not be served")

    def test_nothing_is_built_before_all_values_are_known(self):
        for given, status, calls in ((None, 2, []), (lines(VALUES), 0, ["build", "deploy"])):
            checkout = Checkout(self, given)
            for name in (".ci", ".tools"):
                (checkout.path / name).symlink_to(translated.ROOT / name)
            done = checkout.make("deploy", "ENV=prod", f"SAM={checkout.path}/sam", "DOCTOR=")
            self.assertEqual((done[0], [call[0] for call in checkout.called()]), (status, calls), done[1])


class File(unittest.TestCase):
    def test_values_reach_sam_unchanged(self):
        odd = {
            "JwtJwks": '{"keys": [{"kty": "RSA",\n "x": "a\\\\b\\" \'"}]}',
            "CustomersSortKey": "sk=BILLING {user}\\",
            "CustomersKeyFormat": '"\'{user}\' "',
            "JwtRequiredClaim": "role=billing team|owner",
            "LogRetentionDays": "7",
            "MemorySize": "256",
        }
        given = VALUES | odd | {"MemorySize": 256, "StripeLivemode": False}
        checkout = Checkout(self, "\ufeff" + lines(given).replace("\n", "\r\n"))
        self.assertEqual(checkout.deploy()[0], 0)
        parameters = checkout.parameters()
        self.assertEqual(parameters, parameters | VALUES | odd | {"StripeLivemode": "false"})

    def test_a_wrong_value_is_refused_by_its_name(self):
        for line, name, why in (
            ('JwtIsuer = "https://a.example"', "JwtIsuer", "Did you mean JwtIssuer?"),
            ('Relaese = "x"', "Relaese", "not a parameter"),
            ('Release = "0123456789"', "Release", "make deploy"),
            ('AllowedOrigins = "https://app.example.com/"', "AllowedOrigins", "must be https origins"),
            ('AllowedOrigins = "https://app.example.com\\n"', "AllowedOrigins", "must be https origins"),
            ('AllowedOrigins = ["https://app.example.com"]', "AllowedOrigins", "on one line"),
            ('StripeLivemode = "yes"', "StripeLivemode", "must be true or false"),
            ('StripeSecretId = ""', "StripeSecretId", "must be the name"),
            ("LogRetentionDays = 31", "LogRetentionDays", "must be a retention period"),
            ("MemorySize = 64", "MemorySize", "must be from 128"),
            ('MemorySize = "512 MB"', "MemorySize", "must be from 128"),
            ("MemorySize = 1e400", "MemorySize", "must be from 128"),
            ("MemorySize = 20480", "MemorySize", "must be from 128"),
            ('Region = "eu-west"', "Region", "must be the code"),
            (f'JwtJwks = "{{{"x" * 4096}}}"', "JwtJwks", "4096 bytes"),
            (f'DefaultReturnUrl = "https://app.example.com/{"x" * 2048}"', "DefaultReturnUrl", "must be an https URL"),
            ('DomainName = "a.example"\nDomainName = "b.example"', "DomainName", "already exists"),
            ("[JwtIssuer]", "JwtIssuer", "on one line"),
            ("JwtIssuer = https://a.example", "prod.toml", "line 1"),
        ):
            checkout = Checkout(self, line)
            with self.assertRaises(answers.Refused, msg=line) as refused:
                answers.read(checkout.file, QUESTIONS)
            self.assertIn(name, str(refused.exception))
            self.assertIn(why, str(refused.exception))

    def test_every_wrong_value_is_named_and_nothing_is_deployed(self):
        given = lines(VALUES | {"MemorySize": 1, "Colour": "red"})
        checkout = Checkout(self, given)
        status, shown = checkout.deploy(typed=[])
        self.assertEqual((status, checkout.called(), checkout.file.read_text()), (1, [], given))
        self.assertIn("MemorySize must be from 128 to 10240", shown)
        self.assertIn("Colour is not a parameter", shown)

    def test_values_that_contradict_each_other_are_refused(self):
        def refused(**values):
            return [line.split()[0] for line in answers.disagreements(VALUES | values)]

        self.assertEqual(refused(), [])
        self.assertEqual(refused(DefaultReturnUrl="https://APP.example.com:443/x?y#z"), [])
        self.assertEqual(refused(AllowedOrigins="https://a.example,http://[::1]:3000", DefaultReturnUrl="http://[::1]:3000/"), [])
        for url in ("https://app.example.com:8443/", "https://app.example.com.evil.example/", "https://app.example.com:99999/"):
            self.assertEqual(refused(DefaultReturnUrl=url), ["DefaultReturnUrl"])
        for issuer in ("acme.com", "http://issuer.example/", "https://issuer.example/?x", "https://"):
            self.assertEqual(refused(JwtIssuer=issuer), ["JwtIssuer"])
            self.assertEqual(refused(JwtIssuer=issuer, JwtJwksUrl="https://issuer.example/keys"), [])
        for issuer in ("http://localhost:8080", "http://127.0.0.1/"):
            self.assertEqual(refused(JwtIssuer=issuer), [])
        checkout = Checkout(self, lines(VALUES | {"DefaultReturnUrl": "https://other.example/"}))
        status, shown = checkout.deploy()
        self.assertEqual((status, checkout.called()), (1, []))
        self.assertIn("DefaultReturnUrl must be on one of AllowedOrigins", shown)

    def test_git_ignores_the_file(self):
        ignored = subprocess.run(["git", "check-ignore", ".deploy/prod.toml"], cwd=translated.ROOT, capture_output=True, check=False)
        self.assertEqual(ignored.returncode, 0)


class Options(unittest.TestCase):
    def test_options_that_bypass_the_file_are_refused(self):
        for options in (["--guided"], ["--parameter-overrides=MemorySize=256"]):
            checkout = Checkout(self, lines(VALUES))
            status, shown = checkout.deploy(*options)
            self.assertEqual((status, checkout.called()), (1, []))
            self.assertIn(".deploy/prod.toml", shown)

    def test_an_unknown_environment_is_refused(self):
        checkout = Checkout(self)
        status, shown = checkout.deploy("--config-env", "qa")
        self.assertEqual((status, checkout.called()), (1, []))
        self.assertIn("default, dev, staging, prod", shown)


class CloudFormation(http.server.BaseHTTPRequestHandler):
    """Fakes of CloudFormation and S3 for SAM, until a change set is executed.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
    """

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        self.server.calls.append(form)
        action = form["Action"]
        if action == "DescribeStacks" and form["StackName"] == "aws-sam-cli-managed-default":
            output = "<OutputKey>SourceBucket</OutputKey><OutputValue>bucket</OutputValue>"
            tag = "<Key>ManagedStackSource</Key><Value>AwsSamCli</Value>"
            self.result(
                action,
                "<Stacks><member><StackName>aws-sam-cli-managed-default</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>"
                f"<StackStatus>CREATE_COMPLETE</StackStatus><Tags><member>{tag}</member></Tags>"
                f"<Outputs><member>{output}</member></Outputs></member></Stacks>",
            )
        elif action == "CreateChangeSet":
            self.result(action, "<Id>arn:aws:cloudformation:eu-west-1:123456789012:changeSet/x/1</Id><StackId>x</StackId>")
        elif action == "DescribeChangeSet":
            change = "<Action>Add</Action><LogicalResourceId>PortalFunction</LogicalResourceId><ResourceType>AWS::Lambda::Function</ResourceType>"
            change = f"<Changes><member><Type>Resource</Type><ResourceChange>{change}</ResourceChange></member></Changes>"
            self.result(action, f"<Status>CREATE_COMPLETE</Status>{change}")
        elif action == "DescribeStackEvents":
            self.result(action, "<StackEvents><member><Timestamp>2026-01-01T00:00:00Z</Timestamp></member></StackEvents>")
        else:
            message = f"Stack with id {form['StackName']} does not exist"
            self.answer(400, f"<ErrorResponse><Error><Code>ValidationError</Code><Message>{message}</Message></Error></ErrorResponse>")

    def do_HEAD(self):
        self.answer(404, "")

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, "", ETag='"x"')

    def result(self, action, content):
        self.answer(200, f"<{action}Response><{action}Result>{content}</{action}Result></{action}Response>")

    def answer(self, status, content, **headers):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_):
        pass


class RealSam(unittest.TestCase):
    def test_sam_asks_only_whether_to_deploy_the_change_set(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), CloudFormation)
        server.calls = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        odd = {"JwtJwks": '{"keys": [{"kty": "RSA", "x": "a\\\\b\\" "}]}', "CustomersSortKey": "sk=BILLING {user}\\", "MemorySize": "256"}
        checkout = Checkout(self, lines(odd))
        # One function is enough and faster: SAM sees all its routes.
        event = {"Type": "HttpApi", "Properties": {"Path": "/billing/portal", "Method": "POST"}}
        function = {"CodeUri": "PortalFunction", "Handler": "bootstrap", "Runtime": "provided.al2023", "Events": {"Post": event}}
        resources = {"PortalFunction": {"Type": "AWS::Serverless::Function", "Properties": function}}
        template = {"Transform": TEMPLATE["Transform"], "Parameters": TEMPLATE["Parameters"], "Resources": resources}
        (checkout.path / deploy.BUILD / "template.yaml").write_text(json.dumps(template))
        environment = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}", "SAM_CLI_TELEMETRY": "0"}
        environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "SAM": str(pathlib.Path(sys.executable).with_name("sam"))}
        _, shown = checkout.deploy(typed=[*ENTERED, "y\n"], **environment)
        self.assertEqual(re.findall(r".*\[[yY]/[nN]\]", shown), ["Deploy this changeset? [y/N]"], shown)
        self.assertRegex(shown, r"\+ Add +PortalFunction")
        [created] = [call for call in server.calls if call["Action"] == "CreateChangeSet"]
        given = {v: created[n.replace("ParameterKey", "ParameterValue")] for n, v in created.items() if n.endswith(".ParameterKey")}
        chosen = {n: v for n, v in (VALUES | odd).items() if n != "Region"}
        self.assertEqual(given, given | chosen)
        self.assertEqual(set(given), set(TEMPLATE["Parameters"]))
        self.assertEqual([call["StackName"] for call in server.calls if call["Action"] == "ExecuteChangeSet"], ["billing-portal"])


if __name__ == "__main__":
    unittest.main()
