"""Schemathesis reports every kind of wrong answer, and its hooks drop only the failures that they should."""

import http.server
import importlib.util
import json
import os
import pathlib
import re
import sys
import threading
import tomllib
import types
import unittest
from unittest import mock

import translated
from fake_tools import Folder

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
BODY = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}}, "additionalProperties": False}
URL = {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}}
OK = {"description": "ok", "content": {JSON: {"schema": URL}}}
HEADER = OK | {"headers": {"Cache-Control": {"required": True, "schema": {"const": "no-store"}}}}
BEARER = {"type": "http", "scheme": "bearer"}


def post(*statuses, kind=JSON):
    return {"post": {"requestBody": {"required": True, "content": {kind: {"schema": BODY}}}, "responses": {"200": OK} | {s: {"description": s} for s in statuses}}}


def get(responses=None, **more):
    return {"get": {"responses": responses or {"200": OK}} | more}


# Schemathesis cannot sign events, so refused events are not reported.
WEBHOOK = {"/stripe/webhook": post("400")}
# The document of each operation. The server below follows it, except for the deviation in the path's name.
PATHS = {
    "/right": post("400"),
    "/redirect": get({"303": {"description": "elsewhere"}}),
    "/status": get(),
    "/body": get(),
    "/type": get(),
    "/header": get({"200": HEADER}),
    "/error": get({"200": OK, "500": {"description": "error"}}),
    "/accepts": post("400"),
    "/refuses": post("400"),
    "/method": get(),
    "/auth": get({"200": OK, "401": {"description": "who?"}}, security=[{"bearer": []}]),
    "/required": get({"200": OK, "400": {"description": "lacks it"}}, parameters=[{"name": "X-Needed", "in": "header", "required": True, "schema": {"type": "string", "minLength": 1}}]),
} | WEBHOOK  # fmt: skip
PATHS["/right"]["post"]["requestBody"]["content"][JSON]["examples"] = {"one": {"value": {"n": 1}}}
REPORTED = {
    "GET /status": {"ST103 Undocumented status code"},
    "GET /body": {"ST108 Response violates schema"},
    "GET /type": {"ST105 Undocumented Content-Type"},
    "GET /header": {"ST107 Missing required response headers"},
    "GET /error": {"ST101 Server error"},
    "POST /accepts": {"ST201 Schema-violating request accepted"},
    "POST /refuses": {"ST202 Schema-valid request rejected"},
    "PUT /method": {"ST204 Wrong response to undeclared method"},
    "GET /auth": {"ST401 API accepts invalid authentication", "ST203 Missing required header accepted"},
    "GET /required": {"ST203 Missing required header accepted"},
}


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for each answer

    def answer(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            n = json.loads(sent)
            is_right = isinstance(n, dict) and list(n) == ["n"] and isinstance(n["n"], int | float) and n["n"] in range(1, 10) and self.headers.get_content_type() == JSON
        except ValueError:
            is_right = False
        path = self.path.partition("?")[0]
        status = {"/redirect": 303, "/status": 202, "/error": 500, "/refuses": 400, "/stripe/webhook": 400, "/right": 200 if is_right else 400}.get(path, 200)
        if self.command not in {method.upper() for method in PATHS.get(path, get())} and path != "/method":
            status = 405
        text = b"invalid-signature" if path == "/stripe/webhook" else b"{}" if path == "/body" else b'{"url": "https://example.com"}'
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if path == "/type" else JSON)
        self.send_header("Content-Length", str(len(text)))
        if status == 405:
            self.send_header("Allow", "GET")
        if status == 303:
            self.send_header("Location", "/error")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_TRACE = answer

    def log_message(self, *_):
        pass


# Replaces the development server: prints its address, and makes tokens.
DEVSERVER = 'if [ $1 = token ]; then echo "token-of-$5"; exit ${TOKEN:-0}; fi; echo "at $SERVER"; [ -z "$DIES" ] || { echo "why it ended" >&2; exit 1; }; exec /bin/sleep 60'

# Schemathesis itself, with fewer random bodies.
FEWER = f'exec {pathlib.Path(sys.executable).with_name("schemathesis")} "$@" --max-examples 10'


class Run(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        threading.Thread(target=cls.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)

    def address(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def run_on(self, paths, schemathesis, **variables):
        folder = Folder(self, ".ci/openapi/run", ".ci/openapi/hooks.py", ".ci/openapi/schemathesis.toml")
        document = {"openapi": "3.1.0", "info": {"title": "planted", "version": "1"}, "paths": paths, "components": {"securitySchemes": {"bearer": BEARER}}}
        folder.write({"infra/openapi.yaml": json.dumps(document)})
        folder.tool("devserver", DEVSERVER)
        folder.tools(go='while [ "$1" != -o ]; do shift; done; cp "$HERE/devserver" "$2"; exit ${GO:-0}')
        folder.tool("schemathesis", schemathesis)
        self.folder = folder
        return folder.run(".ci/openapi/run", "./schemathesis", SERVER=self.address(), **variables)

    def test_each_wrong_answer_is_reported(self):
        status, said = self.run_on(PATHS, FEWER)
        self.assertEqual(status, 1)
        found = {}
        for block in re.split(r"^_{3,} (?=[A-Z]+ /)", said, flags=re.MULTILINE)[1:]:
            found.setdefault(block.partition(" _")[0], set()).update(re.findall(r"^- (.+)$", block, re.MULTILINE))
        self.assertEqual(found, REPORTED)
        phases = re.findall(r"^  (.)  ?(\w+)(?: \(disabled\))?$", said.partition("Test Phases:")[2], re.MULTILINE)
        self.assertEqual([name for sign, name in phases if sign != "⏭"], ["Examples", "Coverage", "Fuzzing"])

    def test_the_exit_status_is_that_of_schemathesis(self):
        arguments = 'echo "$@" >"$HERE/arguments"; ls >"$HERE/files"; echo "$TOKENS" >"$HERE/tokens"; exit ${FAILS:-0}'
        for fails in ("0", "3"):
            status, said = self.run_on(PATHS, arguments, FAILS=fails)
            self.assertEqual(str(status), fails, said)
        here = self.folder.path
        given = (here / "arguments").read_text().split()
        self.assertEqual(given[:4], ["run", f"{here}/infra/openapi.yaml", "--url", self.address()])
        self.assertEqual(given[4:], "--checks all --phases examples,coverage,fuzzing --max-redirects 0 --continue-on-failure --max-examples 100 --seed 1 --suppress-health-check all".split())
        self.assertLessEqual({"hooks.py", "schemathesis.toml"}, set((here / "files").read_text().split()))
        self.assertEqual(set((here / "tokens").read_text().split()), {f"token-of-{user}" for user in ("alice", "bob", "carol", "dave", "erin")})
        with open(here / ".ci/openapi/schemathesis.toml", "rb") as file:
            settings = tomllib.load(file)
        self.assertEqual(settings.pop("warnings"), {"fail-on": True})
        self.assertEqual([o.pop("include-path") for o in settings["operations"]], ["/stripe/webhook"])
        statuses = {"negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 409, 413, 415]}}
        self.assertEqual(settings, {
            "hooks": "hooks.py", "color": False, "checks": statuses, "operations": [{"warnings": False}],
            "phases": {"coverage": {"unexpected-methods": ["GET", "PUT", "PATCH", "DELETE"]}},
        })  # fmt: skip

    def test_nothing_is_called_without_the_development_server(self):
        for planted, why in ({"GO": "1"}, ""), ({"DIES": "yes"}, "why it ended"), ({"TOKEN": "1"}, ""):
            status, said = self.run_on(PATHS, "echo called", **planted)
            self.assertEqual(status, 1, planted)
            self.assertIn(why, said)
            self.assertNotIn("called", said)


def answered(text="", body="x"):
    return types.SimpleNamespace(text=text, request=types.SimpleNamespace(body=body))


class Hooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        found = importlib.util.spec_from_file_location("hooks", translated.ROOT / ".ci/openapi/hooks.py")
        cls.hooks = importlib.util.module_from_spec(found)
        with mock.patch.dict(os.environ, {"TOKENS": "one two three"}):
            found.loader.exec_module(cls.hooks)

    def case(self, path="/billing/portal", kind=JSON, body=None, method="POST"):
        return types.SimpleNamespace(operation=types.SimpleNamespace(path=path), media_type=kind, body=body, method=method, headers={}, cookies={"session": "x", "other": "y"})

    def test_failures_are_dropped_only_for_rules_outside_the_schema(self):
        accepted, refused, webhook = "ST201", "ST202", "/stripe/webhook"
        for is_kept, code, case, response in (
            (True, refused, self.case(), answered("invalid-parameter")),
            (True, refused, self.case(kind=FORM), answered("no-account")),
            (False, refused, self.case(kind=FORM), answered("invalid-parameter")),
            (True, refused, self.case(webhook), answered("invalid-body")),
            (False, refused, self.case(webhook), answered("invalid-signature")),
            (True, accepted, self.case(body={"a": [1]}), answered()),
            (False, accepted, self.case(body={"a": [{"b": None}]}), answered()),
            (False, accepted, self.case(), answered(body=None)),
            (True, accepted, self.case(webhook, body={"a": 1}), answered("invalid-signature")),
            (False, "ST401", self.case("/billing/status"), answered()),
            *((True, code, self.case("/billing/status"), answered()) for code in ("ST101", "ST103", "ST108", "ST201", "ST202")),
            *((True, code, self.case(path), answered("invalid-signature")) for code in ("ST101", "ST103", "ST108", "ST401") for path in ("/billing/portal", webhook)),
        ):  # fmt: skip
            failure = types.SimpleNamespace(code=code)
            self.assertIs(bool(self.hooks.filter_failure(None, failure, case, response)), is_kept, (code, case, response))

    def test_cases_cover_all_users_and_kinds_of_answer(self):
        seen, forms = set(), set()
        for number in range(200):
            case = self.case(body={"locale": str(number)})
            self.hooks.before_call(None, case, {})
            seen.add((case.headers["Accept"], case.headers["Authorization"]))
            self.assertEqual(case.cookies, {"other": "y"})
            form = self.case(kind=FORM, body={"access_token": str(number)})
            self.hooks.before_call(None, form, {})
            self.assertNotIn("Authorization", form.headers)
            forms.add(form.body["access_token"])
        self.assertEqual(seen, {(kind, f"Bearer {token}") for kind in self.hooks.ACCEPTS for token in ("one", "two", "three")})
        self.assertEqual(forms, {"one", "two", "three"})
        self.assertEqual(len(self.hooks.ACCEPTS), 4)

    def test_only_values_of_lists_are_replaced(self):
        for body, sent in (
            ({"configuration": "x", "locale": "de"}, {"configuration": "bpc_DemoDefault", "locale": "de"}),
            ({"flow_data[x][coupon]": "x"}, {"flow_data[x][coupon]": "STAY20"}),
            ({"a": [{"promotion_code": "x", "coupon": 1, "configuration": ""}]}, {"a": [{"promotion_code": "promo_DemoSpring", "coupon": 1, "configuration": ""}]}),
            ({"return_url": "https://a.example"}, {"return_url": "https://app.example.com/back"}),
            ({"return_url": "ftp://a.example"}, {"return_url": "ftp://a.example"}),
            ({"return_url": "https://" + "a" * 2048}, {"return_url": "https://" + "a" * 2048}),
        ):
            self.assertEqual(self.hooks.listed(body), sent)


if __name__ == "__main__":
    unittest.main()
