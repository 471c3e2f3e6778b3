"""Deploys the translated template, with the built functions, to an emulator of AWS, and calls it through the emulator's API Gateway.

.ci/emulated runs this. It starts and stops the emulator (ministack), the development server (as Stripe) and an OpenID provider. The
emulator differs from AWS, so this script compensates: it creates routes from the OpenAPI body, which the emulator does not import; it
leaves out CodeDeploy, saved queries and the expressions of alarms; it evaluates conditions first, because the emulator does not support
!Split in them; and it removes patterns, which would refuse the stand-ins' http addresses.
"""

import base64
import copy
import functools
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3
import emulated_rollback
import test_recipes
import translated
from botocore.exceptions import WaiterError

EMULATOR, DEVSERVER, BINARIES, ISSUER = sys.argv[1:5]
# The provider chooses the signature algorithm by the path of the API.
AUDIENCE = "https://billing.example/RS256"
ACCOUNT = "000000000000"
PSEUDO = {"AWS::Region": "us-east-1", "AWS::AccountId": ACCOUNT}
FUNCTIONS = ("PortalFunction", "WebhookFunction", "PreflightFunction")


def client(service, endpoint=EMULATOR):
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


PARAMETERS = translated.REQUIRED | {
    "StripeLivemode": "false",
    "StripeApiBase": f"{DEVSERVER}/stripe",
    "PortalHosts": DEVSERVER.removeprefix("http://"),
    "JwtIssuer": ISSUER,
    "JwtAudience": AUDIENCE,
    "AllowedOrigins": DEVSERVER,
    "DefaultReturnUrl": f"{DEVSERVER}/",
    "SafeDeployment": "false",
    "AwsEndpointUrlDynamodb": EMULATOR,
    "AwsEndpointUrlSecretsManager": EMULATOR,
}
ENDPOINT = {"WebhookSecretId": "billing-portal/webhook", "EventsExpectedWithin": "24"}
BUS = {"StripeEventSource": "aws.partner/stripe.com/ed_61DemoBus"}


@functools.cache
def packaged():
    """Uploads a release as `make package` does. Returns its template, in which all paths are replaced by URLs."""
    client("s3").create_bucket(Bucket="code")
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    environment = os.environ | credentials | {"AWS_ENDPOINT_URL_S3": EMULATOR, "SAM_CLI_TELEMETRY": "0"}
    sam = pathlib.Path(sys.executable).with_name("sam")
    command = [translated.ROOT / ".ci/package", sam, f"{BINARIES}/release/template", "code", "billing-portal/v1.0.0"]
    runs = [subprocess.run(command, env=environment, capture_output=True, text=True, check=False) for _ in range(2)]
    if any(ran.returncode for ran in runs):
        raise SystemExit("".join(ran.stderr for ran in runs))
    addresses = [ran.stdout.strip() for ran in runs]
    expect("packaged twice, the address of the template", len(set(addresses)), 1)
    return translated.yaml_parse(object_at(addresses[0]).decode())


def object_at(address):
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read()


def code_of(function):
    """Returns the bucket and key of the zip file of a function."""
    bucket, key = packaged()["Resources"][function]["Properties"]["CodeUri"].removeprefix("s3://").split("/", 1)
    return {"S3Bucket": bucket, "S3Key": key}


def uploaded(stack, parameters):
    """Uploads the translated template, which is too long for a request, and returns its URL."""
    within = translated.yaml_parse(object_at(packaged()["Resources"]["Observability"]["Properties"]["TemplateURL"]).decode())
    within["Resources"] = known(within["Resources"])
    s3 = client("s3")
    s3.put_object(Bucket="code", Key="observability.json", Body=json.dumps(within).encode())
    s3.put_object(Bucket="code", Key="template.json", Body=json.dumps(emulated(stack, parameters)).encode())
    return f"{EMULATOR}/code/template.json"


class CodeDeploy(http.server.BaseHTTPRequestHandler):
    """A fake of CodeDeploy that saves reports."""

    reports = []
    server = None

    @classmethod
    def address(cls):
        if cls.server is None:
            cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), cls)
            threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{cls.server.server_address[1]}"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.reports.append((self.headers["X-Amz-Target"].split(".")[-1], json.loads(body)["status"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def known(resources):
    """Returns the resources that the emulator supports. An alarm with an expression watches its first metric, because the dashboard names all alarms."""
    kept = {n: r for n, r in resources.items() if r["Type"] != "AWS::Logs::QueryDefinition"}
    for resource in kept.values():
        properties = resource.get("Properties", {})
        if "Metrics" in properties:
            metric = next(m["MetricStat"] for m in properties.pop("Metrics") if "MetricStat" in m)
            properties |= metric["Metric"] | {"Period": metric["Period"], "Statistic": "Sum"}
    # In an update, the emulator does not know the ARN of an alarm.
    named = lambda found: f'{{"Fn::Sub": "arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:${{{found[1]}}}"}}' if is_alarm(resources, found[1]) else found[0]
    return json.loads(re.sub(r'\{"Fn::GetAtt": \["(\w+)", "Arn"\]\}', named, json.dumps(kept)))


def is_alarm(resources, name):
    return resources[name]["Type"] == "AWS::CloudWatch::Alarm"


def emulated(name, parameters):
    template = translated.translate(parameters)
    stack = translated.Stack(template, parameters, PSEUDO | {"AWS::StackName": name})
    template = json.loads(json.dumps(template))
    for parameter in template["Parameters"].values():
        parameter.pop("AllowedPattern", None)
    template["Conditions"] = {name: {"Fn::Equals": ["yes", "yes" if stack.holds(name) else "no"]} for name in template["Conditions"]}
    template.pop("Rules", None)
    template["Resources"] = known(template["Resources"])
    for function in FUNCTIONS:
        template["Resources"][function]["Properties"]["Code"] = code_of(function)
    variables = template["Resources"]["PreflightFunction"]["Properties"]["Environment"]["Variables"]
    variables |= {"AWS_ENDPOINT_URL_LAMBDA": EMULATOR, "AWS_ENDPOINT_URL_CODEDEPLOY": CodeDeploy.address()}
    template["Resources"]["Observability"]["Properties"]["TemplateURL"] = f"{EMULATOR}/code/observability.json"
    template["Resources"] |= routes(template["Resources"]["PortalApi"]["Properties"], stack)
    return template


def routes(api, stack):
    body = api.pop("Body")
    api.pop("FailOnWarnings", None)
    api |= {"Name": "portal", "ProtocolType": "HTTP"}
    made = {}
    for path, methods in stack.resolve(body["paths"]).items():
        for method in methods:
            name = f"Route{len(made)}"
            integration = json.dumps(methods[method]["x-amazon-apigateway-integration"])
            [function] = [f for f in FUNCTIONS if f in integration]  # the function in the template
            made[f"{name}Integration"] = {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": {"Ref": "PortalApi"},
                    "IntegrationType": "AWS_PROXY",
                    "IntegrationUri": {"Ref": f"{function}Aliaslive"},
                    "PayloadFormatVersion": "2.0",
                },
            }
            verb = "ANY" if method.startswith("x-amazon") else method.upper()
            made[name] = {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": "PortalApi"},
                    "RouteKey": f"{verb} {path}",
                    "Target": {"Fn::Join": ["/", ["integrations", {"Ref": f"{name}Integration"}]]},
                },
            }
    return made


def store_secrets():
    stand_ins = client("secretsmanager", f"{DEVSERVER}/aws/secretsmanager")
    for name in ("billing-portal/stripe", "billing-portal/webhook"):
        value = stand_ins.get_secret_value(SecretId=name)["SecretString"]
        client("secretsmanager").create_secret(Name=name, SecretString=value)


class Deployment:
    """A stack, as callers and CodeDeploy see it."""

    def __init__(self, name, parameters):
        self.name = name
        self.cloudformation = client("cloudformation")
        self.deploy("create", parameters)
        described = self.cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="PortalApi")
        self.api = described["StackResourceDetail"]["PhysicalResourceId"]

    def deploy(self, operation, parameters):
        call = getattr(self.cloudformation, f"{operation}_stack")
        values = [{"ParameterKey": n, "ParameterValue": v} for n, v in parameters.items()]
        call(StackName=self.name, TemplateURL=uploaded(self.name, parameters), Parameters=values, Capabilities=["CAPABILITY_IAM"])
        try:
            waiter = self.cloudformation.get_waiter(f"stack_{operation}_complete")
            waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        except WaiterError:
            for event in self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]:
                if "FAILED" in event["ResourceStatus"]:
                    print(event["LogicalResourceId"], event.get("ResourceStatusReason"))
            raise
        [stack] = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}

    def version(self, function="Portal"):
        return client("lambda").get_alias(FunctionName=self.outputs[f"{function}FunctionName"], Name="live")["FunctionVersion"]

    def customer(self, user, endpoint, table):
        item = client("dynamodb", endpoint).get_item(TableName=table, Key={"user_id": {"S": user}}).get("Item", {})
        return item.get("customer_id", {}).get("S")

    def map(self, user):
        customer = self.customer(user, f"{DEVSERVER}/aws/dynamodb", "billing-customers")
        item = {"user_id": {"S": user}, "customer_id": {"S": customer}}
        client("dynamodb").put_item(TableName=self.outputs["CustomersTableName"], Item=item)

    def get(self, path, **headers):
        return self.send("GET", path, None, headers)

    def post(self, path, body=b"", **headers):
        return self.send("POST", path, body, headers)

    def send(self, method, path, body, headers):
        request = urllib.request.Request(f"{EMULATOR}{path}", data=body, method=method)
        request.add_header("Host", f"{self.api}.execute-api.localhost")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        opener = urllib.request.build_opener(NoRedirect)
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.headers
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def token(user):
    """Returns an access token of the provider for a user (OpenID Connect CIBA, which needs no browser)."""

    def ask(path, **form):
        request = urllib.request.Request(f"{ISSUER}{path}", data=urllib.parse.urlencode(form | {"resource": AUDIENCE}).encode())
        request.add_header("Authorization", "Basic " + base64.b64encode(b"machine:secret").decode())
        return json.load(urllib.request.urlopen(request, timeout=10))

    begun = ask("/backchannel", login_hint=user, scope="openid billing")
    return ask("/token", grant_type="urn:openid:params:grant-type:ciba", auth_req_id=begun["auth_req_id"])["access_token"]


def devserver(*arguments):
    return subprocess.run([f"{BINARIES}/devserver", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def expect(what, got, want):
    print(f"{'ok' if got == want else 'NOT'}  {what}: {got}")
    if got != want:
        raise SystemExit(f"want {want}")


def hook(deployment):
    """Invokes preflight, prints the problems that it found, and returns its reports to CodeDeploy."""
    CodeDeploy.reports.clear()
    event = json.dumps({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"})
    client("lambda").invoke(FunctionName=deployment.outputs["PreflightFunctionName"], Payload=event)
    events = client("logs").filter_log_events(logGroupName=f"/aws/lambda/{deployment.name}/preflight")["events"]
    for line in [e["message"] for e in events][-40:]:
        if '"status":"problem"' in line:
            print("   ", line.strip())
    return CodeDeploy.reports


def change(deployment, token, parameters):
    """A changed value is served only if the release changed too."""
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    ask = lambda: deployment.post("/billing/portal", b"flow_data[type]=payment_method_update", **token, **form)[0]
    expect("a flow", (ask(), deployment.version()), (303, "1"))
    changed = parameters | {"AllowedFlows": "subscription_cancel"}
    deployment.deploy("update", changed)
    expect("the flow is forbidden, without a release", (ask(), deployment.version()), (303, "1"))
    release = test_recipes.cloudformation()[test_recipes.EDITS.index(test_recipes.CHANGED)]["parameters"]["Release"]
    deployment.deploy("update", changed | {"Release": release})
    expect("the flow is forbidden, with a release", (ask(), deployment.version()), (403, "2"))
    emulated_rollback.check(deployment, expect, ask, client("lambda"), EMULATOR, changed, f"{BINARIES}/devserver doctor")


def bus_alone():
    """A stack that gets events only from a bus can be deployed and updated: preflight approves."""
    parameters = PARAMETERS | BUS
    deployment = Deployment("bus", parameters)
    event = json.load(open("events/eventbridge.json"))
    approved = [("PutLifecycleEventHookExecutionStatus", "Succeeded")]
    expect("preflight, with only a bus", hook(deployment), approved)
    expect("the webhook's route, with only a bus", deployment.post("/stripe/webhook", json.dumps(event["detail"]).encode())[0], 404)
    deployment.deploy("update", parameters | {"Release": "0123456789-next"})
    expect("preflight of the update", (hook(deployment), deployment.version("Webhook")), (approved, "2"))
    event["source"] = parameters["StripeEventSource"]
    customer = event["detail"]["data"]["object"]
    answer = client("lambda").invoke(FunctionName=deployment.outputs["WebhookFunctionName"], Qualifier="live", Payload=json.dumps(event))
    expect("an event of the bus", answer.get("FunctionError"), None)
    table = deployment.outputs["CustomersTableName"]
    expect("the table afterwards", deployment.customer(customer["metadata"]["user_id"], EMULATOR, table), customer["id"])


def webhook_later():
    """A stack without a webhook outputs the URL for Stripe, and can get a webhook later."""
    deployment = Deployment("later", PARAMETERS)
    expect("the URL for Stripe, without a webhook", deployment.outputs["WebhookEndpoint"].endswith("/stripe/webhook"), True)
    expect("functions, without a webhook", "WebhookFunctionName" in deployment.outputs, False)
    expect("the webhook's route, without one", deployment.post("/stripe/webhook")[0], 404)
    expect("preflight, without a webhook", hook(deployment), [("PutLifecycleEventHookExecutionStatus", "Succeeded")])
    deployment.deploy("update", PARAMETERS | ENDPOINT | {"Release": "0123456789-webhook"})
    expect("preflight, with the webhook", hook(deployment), [("PutLifecycleEventHookExecutionStatus", "Succeeded")])
    take_events(deployment)


def take_events(deployment):
    event = json.loads(devserver("events", "customer.created"))
    signature = next(v for n, v in event["headers"].items() if n.lower() == "stripe-signature")
    customer = json.loads(event["body"])["data"]["object"]
    table = deployment.outputs["CustomersTableName"]
    expect("an event that is not signed", deployment.post("/stripe/webhook", event["body"].encode())[0], 400)
    expect("a signed event", deployment.post("/stripe/webhook", event["body"].encode(), Stripe_Signature=signature)[0], 200)
    expect("the table afterwards", deployment.customer(customer["metadata"]["user_id"], EMULATOR, table), customer["id"])
    return event["body"]


def check_package():
    """The uploaded template contains no paths, and each uploaded zip file equals the file of the release."""
    template = copy.deepcopy(packaged())
    for function in FUNCTIONS:
        stored = client("s3").get_object(Bucket=code_of(function)["S3Bucket"], Key=code_of(function)["S3Key"])["Body"].read()
        made = pathlib.Path(f"{BINARIES}/release/template/{function}.zip").read_bytes()
        expect(f"{function}.zip is stored as it was made", stored == made, True)
    own = translated.read("template.yaml")
    for part in (template, own):
        for resource in part["Resources"].values():
            resource.pop("Metadata", None)  # SAM adds its own
            for path in ("CodeUri", "TemplateURL"):
                resource["Properties"].pop(path, None)
    changed = [name for name in own if json.dumps(template[name], sort_keys=True) != json.dumps(own[name], sort_keys=True)]
    expect("sections that differ from the repository, except paths", changed, [])


def main():
    store_secrets()
    check_package()
    bus_alone()
    webhook_later()
    parameters = PARAMETERS | ENDPOINT
    deployment = Deployment("portal", parameters)
    for user in ("alice", "carol", "dave", "erin"):
        deployment.map(user)
    bearer = {user: {"Authorization": f"Bearer {token(user)}"} for user in ("alice", "bob", "carol", "dave")}
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    status, headers = deployment.post("/billing/portal", **bearer["alice"])
    expect("alice", (status, headers.get("Location", "").startswith(DEVSERVER)), (303, True))
    expect("no token", deployment.post("/billing/portal")[0], 401)
    expect("bob, who has no account", deployment.post("/billing/portal", **bearer["bob"])[0], 404)
    expect("carol, whose customer is deleted", deployment.post("/billing/portal", **bearer["carol"])[0], 404)
    for user, path, want in (("alice", "", 200), ("bob", "", 200), ("carol", "?include=subscriptions", 200), ("dave", "?x=1", 400)):
        status, headers = deployment.get(f"/billing/status{path}", **bearer[user])
        expect(f"the status of {user}", (status, headers["Cache-Control"]), (want, "private, max-age=60" if want == 200 else "no-store"))
    expect("a status without a token", deployment.get("/billing/status")[0], 401)
    cancel = b"flow_data[type]=subscription_cancel"
    expect("dave, who has two subscriptions", deployment.post("/billing/portal", cancel, **bearer["dave"], **form)[0], 409)
    expect("preflight", hook(deployment), [("PutLifecycleEventHookExecutionStatus", "Succeeded")])
    change(deployment, bearer["dave"], parameters)
    event = take_events(deployment)
    provoke(deployment, event, bearer["alice"], parameters)
    check_alarms(deployment, parameters)


def provoke(deployment, event, token, parameters):
    """Provokes the events that the alarms on the functions' log lines watch."""
    secrets = client("secretsmanager")
    value = re.search("whsec_[A-Za-z0-9_]+", secrets.get_secret_value(SecretId="billing-portal/webhook")["SecretString"])[0]
    expect("an invalid token", deployment.post("/billing/portal", Authorization="Bearer a.b.c")[0], 401)
    another = json.loads(event)
    another["id"] += "2"
    another["data"]["object"]["id"] += "2"
    body = json.dumps(another).encode()
    expect("another customer of the same user", deployment.post("/stripe/webhook", body, Stripe_Signature=signed(value, body))[0], 200)
    for secret in ("billing-portal/stripe", "billing-portal/webhook"):
        secrets.put_secret_value(SecretId=secret, SecretString="no key")
    deployment.deploy("update", parameters | {"Release": "1123456789-cold"})  # cached keys would still serve
    expect("an invalid Stripe key", deployment.post("/billing/portal", **token)[0], 500)
    expect("preflight", hook(deployment), [("PutLifecycleEventHookExecutionStatus", "Failed")])
    expect("an invalid signing secret", deployment.post("/stripe/webhook", body, Stripe_Signature=signed(value, body))[0], 500)


def signed(secret, body):
    """https://docs.stripe.com/webhooks#verify-manually"""
    now = str(int(time.time()))
    return f"t={now},v1={hmac.new(secret.encode(), f'{now}.'.encode() + body, hashlib.sha256).hexdigest()}"


def check_alarms(deployment, parameters):
    """Each alarm watches a metric that the functions have written, with the names and versions of this deployment."""
    written = set()
    for group in ("PortalLogGroupName", "WebhookLogGroupName"):
        for event in client("logs").filter_log_events(logGroupName=deployment.outputs[group])["events"]:
            written |= metrics_of(event["message"])
    pseudo = PSEUDO | {"AWS::StackName": deployment.name}
    stack = translated.deployed(parameters, pseudo)
    names = {f"<{f}>": deployment.outputs[f"{f}Name"] for f in ("PortalFunction", "WebhookFunction")}
    versions = {"Portal": deployment.version("Portal"), "Webhook": deployment.version("Webhook")}
    alarms = stack.of_type("AWS::CloudWatch::Alarm") | translated.observability(stack, pseudo).of_type("AWS::CloudWatch::Alarm")
    for name, alarm in alarms.items():
        for metric in translated.metrics_of(alarm):
            if metric["Namespace"] != "BillingPortal":
                continue
            dimensions = {d["Name"]: names.get(d["Value"], d["Value"]) for d in metric["Dimensions"]}
            if "version" in dimensions:
                dimensions["version"] = versions[name.split("Version")[0]]
            expect(f"{name}, {metric['MetricName']} of {dimensions}", (metric["MetricName"], frozenset(dimensions.items())) in written, True)
    described = client("cloudwatch").describe_alarms(AlarmNamePrefix="portal-")["MetricAlarms"]
    expect("alarms", len(described), len(alarms))
    dashboard = json.loads(client("cloudwatch").get_dashboard(DashboardName="portal")["DashboardBody"])
    missing = {alarm["AlarmArn"] for alarm in described} ^ set(dashboard["widgets"][0]["properties"]["alarms"])
    expect("alarms that are missing in the dashboard or do not exist", missing, set())


def metrics_of(line):
    """Returns (name, dimensions) of each metric that CloudWatch extracts from a line."""
    if '"_aws"' not in line:
        return set()
    members = json.loads(line[line.index("{") :])
    return {
        (metric["Name"], frozenset((d, members[d]) for d in dimensions))
        for directive in members["_aws"]["CloudWatchMetrics"]
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
        if members[metric["Name"]] is not None
    }


if __name__ == "__main__":
    main()
