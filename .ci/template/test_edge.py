"""CloudFront and WAF in front of the portal, and the client certificate that the API requires."""

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
from translated import EDGE, ROOT, edge


class Parameters(unittest.TestCase):
    def setUp(self):
        self.stack = edge()

    def test_certificates_are_of_us_east_1(self):
        parameters = self.stack.template["Parameters"]
        for name in ("CertificateArn", "ClientCertificateArn"):
            pattern = parameters[name]["AllowedPattern"]
            self.assertRegex(EDGE[name], pattern)
            self.assertNotRegex(EDGE[name].replace("us-east-1", "eu-west-1"), pattern)

    def test_every_parameter_is_explained(self):
        template = self.stack.template
        grouped = [name for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"] for name in group["Parameters"]]
        self.assertEqual(sorted(grouped), sorted(template["Parameters"]))
        for name, parameter in template["Parameters"].items():
            self.assertTrue({"Description", "ConstraintDescription"} <= set(parameter), name)
            self.assertTrue({"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter), name)

    def test_the_recipe_sets_every_parameter_without_a_default(self):
        command = re.search(r"--template-file infra/edge\.yaml((?:.*\\\n)*.*)", (ROOT / "infra/RATE-LIMITS.md").read_text())[1]
        given = set(re.findall(r"(\w+)=", command))
        parameters = self.stack.template["Parameters"]
        self.assertLessEqual(given, set(parameters))
        self.assertGreaterEqual(given, {name for name, p in parameters.items() if "Default" not in p})

    def test_one_address_takes_a_tenth_of_what_the_api_lets_through(self):
        parameters = translated.read("template.yaml")["Parameters"]
        self.assertLessEqual(self.stack.values["RequestsPerMinute"] / 60, parameters["ThrottlingRateLimit"]["Default"] / 10)


class Certificates(unittest.TestCase):
    """The certificates that the recipe creates, at a server that requires client certificates like the API."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        text = (ROOT / "infra/RATE-LIMITS.md").read_text()
        commands = re.findall(r"^ +(openssl (?:.*\\\n)*.*)", text, re.MULTILINE)
        assert len(commands) == 2, commands
        for name in ("first", "second", "stranger"):
            (cls.folder / name).mkdir()
            for command in commands:
                subprocess.run(["bash", "-euc", command], cwd=cls.folder / name, check=True, capture_output=True)
        server = ["-keyout", "server-key.pem", "-out", "server.pem", "-subj", "/CN=origin.example.com", "-addext", "subjectAltName=DNS:origin.example.com"]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *server], cwd=cls.folder, check=True, capture_output=True)

    def connect(self, client, trusted):
        """Reports whether a client gets an answer from a server that trusts these authorities."""
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
