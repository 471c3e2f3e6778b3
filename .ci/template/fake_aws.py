"""A fake HTTP server for CloudFormation, Lambda, CodeDeploy and DynamoDB with one stack, for tests of deploy.py and rollback.py."""

import functools
import http.server
import json
import re
import threading
import urllib.parse
from xml.sax.saxutils import escape

import boto3
import botocore.session

# All sessions share the loader of the service models, because a client spends most of its start on loading.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
SESSION = boto3.Session(region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")


class FakeAWS:
    def __init__(self, case):
        self.stack = "portal"
        self.status = "UPDATE_COMPLETE"  # None without a stack
        self.parameters = {}
        self.resources = {}  # logical ID: (type, physical ID, status)
        self.aliases = {}  # function: configuration of its alias
        self.versions = {}  # function: numbers
        self.variables = {}  # (function, qualifier): variables
        self.items = {}  # table: number of items, or None if reading is denied
        self.deployments = {}  # ID: group, status and creator
        self.calls = []
        self.signed = set()  # access keys and Regions that signed the calls
        self.after = {}  # operation: a function that runs after it
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                fake.serve(self)

            do_GET = do_PUT = do_POST

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        case.addCleanup(server.server_close)
        case.addCleanup(server.shutdown)
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-west-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def deployed(self, parameters, **versions):
        """Adds a stack with its functions. Each keyword is a function, with the version of the stack and the version of the alias."""
        self.parameters = parameters
        for title, (version, live) in versions.items():
            logical, name = f"{title.title()}Function", f"portal-{title.title()}Function-1"
            arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"
            self.resources[logical] = ("AWS::Lambda::Function", name, "UPDATE_COMPLETE")
            self.resources[f"{logical}Versionabcdef012{version}"] = ("AWS::Lambda::Version", f"{arn}:{version}", "CREATE_COMPLETE")
            self.resources[f"{logical}Version{'0' * 10}"] = ("AWS::Lambda::Version", f"{arn}:99", "DELETE_SKIPPED")
            self.versions[name] = list(range(1, version + 1))
            if live:
                self.aliases[name] = {"Name": "live", "FunctionVersion": str(live), "RevisionId": "r1"}
        return self

    def serve(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0)).decode()
        url = urllib.parse.urlsplit(request.path)
        target = request.headers.get("X-Amz-Target", "")
        self.signed.add(re.search(r" Credential=(\w+)/\d+/([\w-]+)/", request.headers["Authorization"]).groups())
        if url.path.startswith("/2015-03-31/functions/"):
            status, answer = self.aws_lambda(request.command, url, body)
        elif target:
            operation = target.split(".")[-1]
            self.record(operation, json.loads(body))
            status, answer = getattr(self, f"do_{operation.lower()}")(json.loads(body))
        else:
            query = dict(urllib.parse.parse_qsl(body))
            self.record(query["Action"], query)
            status, answer = getattr(self, f"do_{query['Action'].lower()}")(query)
        payload = answer if isinstance(answer, str) else json.dumps(answer)
        request.send_response(status)
        if status >= 400 and not isinstance(answer, str):
            request.send_header("X-Amzn-Errortype", answer["__type"])
        request.end_headers()
        request.wfile.write(payload.encode())
        for name in [n for n in self.after if self.calls[-1][0] == n]:
            self.after[name]()

    def record(self, operation, what):
        self.calls.append((operation, what))

    def made(self, operation):
        return [what for name, what in self.calls if name == operation]

    def do_describestacks(self, _):
        if self.status is None:
            message = f"Stack with id {self.stack} does not exist"
            return 400, f"<ErrorResponse><Error><Code>ValidationError</Code><Message>{message}</Message></Error></ErrorResponse>"
        pairs = "".join(
            f"<member><ParameterKey>{n}</ParameterKey><ParameterValue>{escape(v)}</ParameterValue></member>" for n, v in self.parameters.items()
        )
        inner = f"<StackName>{self.stack}</StackName><StackStatus>{self.status}</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime>"
        return 200, xml("DescribeStacks", f"<Stacks><member>{inner}<Parameters>{pairs}</Parameters></member></Stacks>")

    def do_liststackresources(self, _):
        members = "".join(
            f"<member><LogicalResourceId>{n}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId><ResourceType>{kind}"
            f"</ResourceType><ResourceStatus>{status}</ResourceStatus><LastUpdatedTimestamp>2026-01-01T00:00:00Z</LastUpdatedTimestamp></member>"
            for n, (kind, physical, status) in self.resources.items()
        )
        return 200, xml("ListStackResources", f"<StackResourceSummaries>{members}</StackResourceSummaries>")

    def do_cancelupdatestack(self, _):
        if self.status != "UPDATE_IN_PROGRESS":
            message = "CancelUpdateStack cannot be called from current stack status"
            return 400, f"<ErrorResponse><Error><Code>ValidationError</Code><Message>{message}</Message></Error></ErrorResponse>"
        return 200, xml("CancelUpdateStack", "")

    def aws_lambda(self, method, url, body):
        name, what, *rest = url.path.removeprefix("/2015-03-31/functions/").split("/")
        if what == "aliases":
            if name not in self.aliases:
                return 404, {"__type": "ResourceNotFoundException", "Message": "Cannot find alias"}
            if method == "PUT":
                change = json.loads(body)
                self.record("UpdateAlias", {"FunctionName": name, **change})
                if change.get("RevisionId") != self.aliases[name]["RevisionId"]:
                    return 412, {"__type": "PreconditionFailedException", "Message": "The revision has changed"}
                self.aliases[name] |= change
            return 200, self.aliases[name]
        if what == "configuration":
            qualifier = dict(urllib.parse.parse_qsl(url.query)).get("Qualifier")
            return 200, {"FunctionName": name, "Environment": {"Variables": self.variables.get((name, qualifier), {})}}
        return 200, {"Versions": [{"Version": "$LATEST"}, *({"Version": str(n)} for n in self.versions[name])]}

    def do_listdeployments(self, query):
        wanted = query["includeOnlyStatuses"]
        return 200, {
            "deployments": [i for i, d in self.deployments.items() if d["group"] == query["deploymentGroupName"] and d["status"] in wanted]
        }

    def do_getdeployment(self, query):
        return 200, {"deploymentInfo": {"creator": self.deployments[query["deploymentId"]]["creator"]}}

    def do_stopdeployment(self, query):
        if self.deployments[query["deploymentId"]]["status"] == "Succeeded":
            return 400, {"__type": "DeploymentAlreadyCompletedException", "message": "It has ended"}
        return 200, {"status": "Pending"}

    def do_scan(self, query):
        count = self.items.get(query["TableName"])
        if count is None:
            return 400, {"__type": "AccessDeniedException", "message": "You may not"}
        return 200, {"Count": count, "ScannedCount": count}


def xml(operation, inner):
    return f"<{operation}Response><{operation}Result>{inner}</{operation}Result></{operation}Response>"
