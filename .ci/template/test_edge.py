"""CloudFront and WAF in front of the portal, and the certificate that the API requires of its clients."""

import pathlib
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import socket
import unittest

import translated
from translated import EDGE, EVERYTHING, REQUIRED, ROOT, deployed, edge

# Of AWS's pages of managed policies.
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
CACHED_ERRORS = {400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}


def asserted(stack, rule):
    """Whether the assertions of a rule of the template hold."""
    return all(stack.resolve(a["Assert"]) for a in stack.template["Rules"][rule]["Assertions"])


class Distribution(unittest.TestCase):
    def setUp(self):
        self.stack = edge()
        self.config = self.stack.resources["Distribution"]["Properties"]["DistributionConfig"]

    def test_everything_passes_and_nothing_is_kept(self):
        behaviour = self.config["DefaultCacheBehavior"]
        self.assertNotIn("CacheBehaviors", self.config)
        self.assertEqual(behaviour["CachePolicyId"], CACHING_DISABLED)
        self.assertEqual(behaviour["OriginRequestPolicyId"], ALL_VIEWER_EXCEPT_HOST_HEADER)
        self.assertEqual(set(behaviour["AllowedMethods"]), {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"})
        self.assertEqual(behaviour["ViewerProtocolPolicy"], "https-only")
        self.assertFalse(behaviour["Compress"])
        errors = {e["ErrorCode"]: e for e in self.config["CustomErrorResponses"]}
        self.assertEqual(set(errors), CACHED_ERRORS)
        for code, error in errors.items():
            self.assertEqual(error, {"ErrorCode": code, "ErrorCachingMinTTL": 0}, "one user's error would be another's")

    def test_the_origin_is_the_portals_domain_and_knows_cloudfront(self):
        [origin] = self.config["Origins"]
        self.assertEqual((origin["Id"], origin["DomainName"]), (self.config["DefaultCacheBehavior"]["TargetOriginId"], "origin.example.com"))
        custom = origin["CustomOriginConfig"]
        self.assertEqual(custom["OriginMtlsConfig"], {"ClientCertificateArn": EDGE["ClientCertificateArn"]})
        self.assertEqual((custom["OriginProtocolPolicy"], custom["OriginSSLProtocols"]), ("https-only", ["TLSv1.2"]))
        self.assertEqual((custom["IpAddressType"], custom["OriginReadTimeout"]), ("dualstack", 30))
        self.assertTrue(asserted(self.stack, "NamesDiffer"))
        self.assertFalse(asserted(edge(OriginDomainName=EDGE["DomainName"]), "NamesDiffer"))

    def test_viewers_have_ipv6_and_tls(self):
        self.assertTrue(self.config["IPV6Enabled"])
        self.assertEqual(self.config["ViewerCertificate"]["MinimumProtocolVersion"], "TLSv1.2_2021")
        self.assertEqual(self.config["Aliases"], [EDGE["DomainName"]])
        self.assertEqual([r["Type"] for r in self.stack.resources["Records"]["Properties"]["RecordSets"]], ["A", "AAAA"])
        self.assertNotIn("Records", edge(HostedZoneId="").resources)

    def test_certificates_are_of_us_east_1(self):
        parameters = self.stack.template["Parameters"]
        for name in ("CertificateArn", "ClientCertificateArn"):
            pattern = parameters[name]["AllowedPattern"]
            self.assertRegex(EDGE[name], pattern)
            self.assertNotRegex(EDGE[name].replace("us-east-1", "eu-west-1"), pattern)

    def test_the_addresses_are_those_of_the_edge(self):
        outputs = {name: self.stack.resolve(o["Value"]) for name, o in self.stack.template["Outputs"].items() if "Endpoint" in name}
        self.assertEqual(
            outputs,
            {
                "PortalEndpoint": "https://billing.example.com/api/v1/billing/portal",
                "WebhookEndpoint": "https://billing.example.com/api/v1/stripe/webhook",
            },
        )

    def test_every_parameter_is_explained(self):
        template = self.stack.template
        grouped = [name for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"] for name in group["Parameters"]]
        self.assertEqual(sorted(grouped), sorted(template["Parameters"]))
        for name, parameter in template["Parameters"].items():
            self.assertTrue({"Description", "ConstraintDescription"} <= set(parameter), name)
            self.assertTrue({"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter), name)

    def test_the_recipe_gives_what_has_no_default(self):
        command = re.search(r"--template-file infra/edge\.yaml((?:.*\\\n)*.*)", (ROOT / "infra/README.md").read_text())[1]
        given = set(re.findall(r"(\w+)=", command))
        parameters = self.stack.template["Parameters"]
        self.assertLessEqual(given, set(parameters))
        self.assertGreaterEqual(given, {name for name, p in parameters.items() if "Default" not in p})

    def test_the_log_holds_nothing_of_a_callers_making(self):
        delivery = self.stack.resources["LogDelivery"]
        fields = delivery["Properties"]["RecordFields"]
        self.assertTrue({"c-ip", "sc-status", "x-edge-result-type"} <= set(fields))
        self.assertEqual([f for f in fields if re.search(r"uri|\(|host|forwarded", f)], [])
        self.assertNotIn("Logging", self.config)
        group = self.stack.resources["LogGroup"]["Properties"]
        self.assertEqual((group["RetentionInDays"], group["KmsKeyId"]), (30, EDGE["LogsKmsKeyArn"]))


class Limits(unittest.TestCase):
    def setUp(self):
        self.acl = edge().resources["WebAcl"]["Properties"]
        self.rules = {r["Name"]: r for r in self.acl["Rules"]}

    def test_the_distribution_has_the_acl(self):
        self.assertEqual(self.acl["Scope"], "CLOUDFRONT")
        self.assertEqual(edge().resources["Distribution"]["Properties"]["DistributionConfig"]["WebACLId"], "<WebAcl.Arn>")

    def test_each_address_has_limits_of_its_own(self):
        statements = {name: rule["Statement"]["RateBasedStatement"] for name, rule in self.rules.items()}
        for name, limit in (("requests", 300), ("events", 1200)):
            statement = statements[name]
            self.assertEqual((statement["AggregateKeyType"], statement["EvaluationWindowSec"], statement["Limit"]), ("IP", 60, limit))
            block = self.rules[name]["Action"]["Block"]["CustomResponse"]
            self.assertEqual(block, {"ResponseCode": 429, "ResponseHeaders": [{"Name": "retry-after", "Value": "60"}]})
        webhook = statements["events"]["ScopeDownStatement"]
        self.assertEqual(webhook["ByteMatchStatement"]["SearchString"], "/api/v1/stripe/webhook")
        self.assertEqual(webhook["ByteMatchStatement"]["PositionalConstraint"], "EXACTLY")
        self.assertEqual(statements["requests"]["ScopeDownStatement"], {"NotStatement": {"Statement": webhook}}, "a request without a limit")

    def test_one_address_takes_a_tenth_of_what_the_api_lets_through(self):
        parameters = translated.read("template.yaml")["Parameters"]
        self.assertLessEqual(self.rules["requests"]["Statement"]["RateBasedStatement"]["Limit"] / 60, parameters["ThrottlingRateLimit"]["Default"] / 10)

    def test_no_header_is_sampled(self):
        self.assertFalse(any(r["VisibilityConfig"]["SampledRequestsEnabled"] for r in [self.acl, *self.rules.values()]))


class Portal(unittest.TestCase):
    """The portal's own stack, behind it."""

    def test_ipv6_is_served_with_a_domain_and_without(self):
        for parameters in (REQUIRED, EVERYTHING):
            [server] = deployed(parameters).resources["PortalApi"]["Properties"]["Body"]["servers"]
            self.assertEqual(server["x-amazon-apigateway-endpoint-configuration"]["ipAddressType"], "dualstack")
        [domain] = deployed(EVERYTHING).resources["PortalDomain"]["Properties"]["DomainNameConfigurations"]
        self.assertEqual(domain["IpAddressType"], "dualstack")

    def test_with_a_truststore_only_its_clients_connect(self):
        stack = deployed(EVERYTHING)
        trusted = {"TruststoreUri": EVERYTHING["TruststoreUri"], "TruststoreVersion": EVERYTHING["TruststoreVersion"]}
        self.assertEqual(stack.resources["PortalDomain"]["Properties"]["MutualTlsAuthentication"], trusted)
        # Its own address would be a way around it.
        [server] = stack.resources["PortalApi"]["Properties"]["Body"]["servers"]
        self.assertTrue(server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"])
        without = deployed(EVERYTHING | {"TruststoreUri": "", "TruststoreVersion": ""})
        self.assertNotIn("MutualTlsAuthentication", without.resources["PortalDomain"]["Properties"])

    def test_a_truststore_needs_a_domain_and_a_version(self):
        rule = "TruststoreHasADomainAndAVersion"
        domain = {"DomainName": "", "CertificateArn": "", "HostedZoneId": ""}
        for parameters, holds in (
            (EVERYTHING, True),
            (REQUIRED, True),
            (EVERYTHING | {"TruststoreVersion": ""}, False),
            (EVERYTHING | {"TruststoreUri": ""}, False),
            (EVERYTHING | domain, False),
        ):
            self.assertEqual(asserted(deployed(parameters), rule), holds, parameters)


class Certificates(unittest.TestCase):
    """What the recipe's own commands make, at a server that asks for certificates as the API does."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        text = (ROOT / "infra/README.md").read_text()
        commands = re.findall(r"^ +(openssl (?:.*\\\n)*.*)", text, re.MULTILINE)
        assert len(commands) == 2, commands
        for name in ("first", "second", "stranger"):
            (cls.folder / name).mkdir()
            for command in commands:
                subprocess.run(["bash", "-euc", command], cwd=cls.folder / name, check=True, capture_output=True)
        server = ["-keyout", "server-key.pem", "-out", "server.pem", "-subj", "/CN=origin.example.com", "-addext", "subjectAltName=DNS:origin.example.com"]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *server], cwd=cls.folder, check=True, capture_output=True)

    def connect(self, client, trusted):
        """Whether a client gets an answer from a server that trusts the certificates of some authorities."""
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(self.folder / "server.pem", self.folder / "server-key.pem")
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_verify_locations(cadata="".join((self.folder / name / "edge-ca.pem").read_text() for name in trusted))
        context = ssl.create_default_context(cafile=self.folder / "server.pem")
        if client:
            context.load_cert_chain(self.folder / client / "edge.pem", self.folder / client / "edge-key.pem")
        ours, theirs = socket.socketpair()

        def serve():
            try:
                with server.wrap_socket(theirs, server_side=True) as connection:
                    connection.sendall(b"hello")
            except ssl.SSLError:
                theirs.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with context.wrap_socket(ours, server_hostname="origin.example.com") as connection:
                return connection.recv(5) == b"hello"
        except OSError:
            return False
        finally:
            ours.close()
            thread.join()

    def test_only_cloudfront_connects(self):
        self.assertTrue(self.connect("first", ["first"]))
        self.assertFalse(self.connect(None, ["first"]))
        self.assertFalse(self.connect("stranger", ["first"]))

    def test_two_are_trusted_while_one_replaces_the_other(self):
        both = ["first", "second"]
        self.assertTrue(self.connect("first", both) and self.connect("second", both))
        self.assertFalse(self.connect("first", ["second"]))

    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/origin-certificate-management-certificate-manager.html
    def test_cloudfront_accepts_them(self):
        show = ["openssl", "x509", "-in", "edge.pem", "-noout", "-text"]
        shown = subprocess.run(show, cwd=self.folder / "first", check=True, capture_output=True, text=True).stdout
        for part in ("Version: 3 (0x2)", "ecdsa-with-SHA256", "ASN1 OID: prime256v1", "TLS Web Client Authentication"):
            self.assertIn(part, shown)
        self.assertNotIn("TLS Web Server Authentication", shown)


if __name__ == "__main__":
    unittest.main()
