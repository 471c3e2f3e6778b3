"""The check targets of the Makefile run all their commands, and fail if one of them fails. The scripts for packages and vulnerabilities too."""

import re
import unittest

import translated
from fake_tools import Folder

MAKEFILE = (translated.ROOT / "Makefile").read_text()
# Saves the call, and fails if it contains the planted text.
TOOL = 'called="$(echo $(basename "$0") $*)"; echo "$called" >>"$HERE/called"; case "$called" in *"${PLANTED:-nothing planted}"*) echo "found something"; exit ${STATUS:-1};; esac'

TEMPLATES = "template.yaml infra/deployer.yaml infra/edge.yaml infra/observability.yaml"
# The commands of each check, without its builds.
CHECKS = {
    "check-go": [
        "gofmt -l functions local .ci", "go mod tidy -diff", "go -C .ci/terraform mod tidy -diff", "go vet -race -tags integration,frameworks ./...",
        "golangci-lint run --build-tags integration,frameworks ./...",
    ],
    "check-template": [
        "debian-packages DEBIAN", "debian-packages openssl:openssl", f"cfn-lint {TEMPLATES}", "sam validate --lint --region us-east-1",
        "python -B -m unittest discover -s .ci/template -t .ci/template",
    ],
    "check-policies": ["python -B .ci/template/translated.py .cache/template", "checkov --config-file .ci/template/checkov.yaml --directory .cache/template"],
    "check-stack": ["debian-packages DEBIAN", "emulated here/.tools/venv/bin/python here/.tools/ministack/bin/ministack here/.cache/emulated here/.tools/npm"],
    "check-sam-local": ["debian-packages dockerd:docker.io busybox:busybox-static curl:curl", "samlocal here/.tools/venv/bin/sam here/.tools/venv/bin/python"],
    "check-frameworks": ["debian-packages DEBIAN", "frameworks here/.tools/frameworks"],
    "check-openapi": ["run here/.tools/venv/bin/schemathesis"],
    "check-reproducible": ["sam build", "sbom here/.tools/bin/cyclonedx-gomod", "release .aws-sam/build .cache/licenses .cache/release", "reproducible"],
    "check-types": ["debian-packages DEBIAN", "go run .ci/button.go .cache/button", "run .cache/types here/.tools/types"],
    "check-vulnerabilities": ["vulnerabilities here/.tools/bin/govulncheck ./..."],
    "check-tests": [
        "debian-packages DEBIAN", "go run .ci/gotest.go -race -count=1 -tags integration ./local/internal/operator ./local/e2e/... ./...",
        "go run .ci/gotest.go -run TestHistories ./functions/internal/customers -histories 10000",
    ],
}  # fmt: skip


def variable(name):
    return re.search(rf"^{name} *:= *(.*)$", MAKEFILE, re.MULTILINE)[1]


class Targets(unittest.TestCase):
    def folder(self):
        """Returns a checkout in which fakes of all tools are installed."""
        folder = Folder(self, "Makefile")
        for name in ("go", "gofmt"):
            folder.tool(f"bin/{name}", TOOL)
        for name in ("debian-packages", "emulated", "frameworks", "samlocal", "openapi/run", "types/run", "reproducible", "vulnerabilities", "sbom", "release"):
            folder.tool(f".ci/{name}", TOOL)
        for name in ("venv/bin/python", "venv/bin/sam", "venv/bin/cfn-lint", "checkov/bin/checkov", f"bin/golangci-lint-{variable('GOLANGCI_LINT')}"):
            folder.tool(f".tools/{name}", TOOL)
        versions = {name: variable(name) for name in ("SAM_CLI", "CFN_LINT", "SCHEMATHESIS", "CHECKOV", "MINISTACK", "DYNAMODB_LOCAL", "GECKODRIVER", "GOVULNCHECK", "CYCLONEDX")}
        markers = (
            ".venv-{SAM_CLI}-{CFN_LINT}-{SCHEMATHESIS}", ".checkov-{CHECKOV}", ".ministack-{MINISTACK}", "dynamodb-local/.{DYNAMODB_LOCAL}", "geckodriver/.{GECKODRIVER}",
            "npm/.installed", "types/.installed", "bin/govulncheck-{GOVULNCHECK}", "bin/cyclonedx-gomod-{CYCLONEDX}",
        )  # fmt: skip
        folder.write({".ci/npm/package-lock.json": "", ".ci/types/package-lock.json": "", ".ci/dynamodb-local.xml": ""})
        folder.write({f".tools/{marker.format(**versions)}": "" for marker in markers})
        return folder

    def make(self, folder, target, **planted):
        (folder.path / "called").unlink(missing_ok=True)
        status, said = folder.run("make", "--no-print-directory", target, **planted)
        called = (folder.path / "called").read_text().replace(str(folder.path), "here").replace(variable("DEBIAN"), "DEBIAN")
        return status, said, [re.sub(r"(?<=[a-z])-v[0-9.]+", "", line) for line in called.splitlines()]

    def test_a_check_fails_with_any_of_its_commands(self):
        folder = self.folder()
        for target, commands in CHECKS.items():
            with self.subTest(target):
                status, said, called = self.make(folder, target)
                self.assertEqual((status, called), (0, commands), said)
                for at, command in enumerate(commands):
                    part = command.replace("DEBIAN", variable("DEBIAN")).split(" here/")[0]
                    part = part.replace("golangci-lint run", "run")
                    status, said, called = self.make(folder, target, PLANTED=part)
                    self.assertEqual((status, called), (2, commands[: at + 1]), f"{command}: {said}")

    def test_unformatted_files_fail(self):
        status, said, called = self.make(self.folder(), "check-go", PLANTED="gofmt -l", STATUS="0")
        self.assertEqual((status, called), (2, CHECKS["check-go"][:1]))
        self.assertIn("Run gofmt -w on these files:\nfound something\n", said)

    def test_make_check_has_every_check(self):
        """Except for two: one is too slow for every change, and one needs a Docker daemon."""
        needed = set(re.search(r"^check: (.*?) ##", MAKEFILE, re.MULTILINE)[1].split())
        targets = set(re.findall(r"^(check-[\w-]+):", MAKEFILE, re.MULTILINE))
        self.assertEqual(needed, {"tools"} | targets - {"check-frameworks", "check-sam-local"})
        self.assertEqual(set(CHECKS), targets - {"check-size"})  # which test_builds.py runs

    def test_every_template_is_read_by_a_linter(self):
        paths = {"template.yaml", *(f"infra/{path.name}" for path in (translated.ROOT / "infra").glob("*.yaml"))}
        self.assertEqual(set(TEMPLATES.split()), {path for path in paths if "Resources" in translated.read(path)})

    def test_checkov_skips_only_the_listed_checks(self):
        settings = translated.yaml_parse((translated.ROOT / ".ci/template/checkov.yaml").read_text())
        skipped = settings.pop("skip-check")
        self.assertEqual(settings, {"framework": ["cloudformation"], "quiet": True, "compact": True, "skip-download": True})
        self.assertEqual(sorted(skipped), [f"CKV_AWS_{n}" for n in ("111", "115", "116", "173", "192", "27", "86")])


class Installed(unittest.TestCase):
    """Tools have the versions in the Makefile. Packages of Python and Node also have the hashes in the lock files."""

    def test_a_version_that_is_not_in_the_lock_is_not_installed(self):
        for name, lock in (("SCHEMATHESIS", "tools"), ("CHECKOV", "checkov"), ("MINISTACK", "ministack")):
            folder = Folder(self, "Makefile", *(f".ci/python/{n}.txt" for n in ("tools", "checkov", "ministack")))
            folder.tool(".ci/debian-packages", "exit")
            folder.tools(python3='mkdir -p "$3/bin"; cp "$HERE/pip" "$3/bin/pip"')
            folder.tool("pip", 'echo "$@" >>"$HERE/called"')
            made = (name, f".tools/.venv-{variable('SAM_CLI')}-{variable('CFN_LINT')}-" if lock == "tools" else f".tools/.{lock}-")
            for version in (variable(name), "0.0.1"):
                target = f"{folder.path}/{made[1]}{version}"
                status, said = folder.run("make", target, f"{name}={version}")
                self.assertEqual(status, 2 if version == "0.0.1" else 0, said)
            [line] = (folder.path / "called").read_text().splitlines()
            self.assertEqual(line, f"install --quiet --disable-pip-version-check --no-deps --require-hashes -r .ci/python/{lock}.txt")

    def test_node_packages_run_no_scripts(self):
        folder = Folder(self, "Makefile", ".ci/npm/package.json", ".ci/npm/package-lock.json")
        folder.tool(".ci/debian-packages", "exit")
        folder.tools(npm='echo "$@" >"$HERE/called"; exit ${FAILS:-0}')
        for fails, status in (("0", 0), ("1", 2)):
            self.assertEqual(folder.run("make", f"{folder.path}/.tools/npm/.installed", FAILS=fails, MAKEFLAGS="--always-make")[0], status)
            self.assertEqual((folder.path / "called").read_text(), f"ci --prefix {folder.path}/.tools/npm --no-audit --no-fund --ignore-scripts --loglevel=error\n")


class Packages(unittest.TestCase):
    def packages(self, *pairs, user="0", **more):
        folder = Folder(self, ".ci/debian-packages")
        folder.tools(there="exit", id=f"echo {user}", python3="exit ${VENV:-0}", **{"apt-get": 'echo "$@" >>"$HERE/called"; exit ${APT:-0}'})
        status, said = folder.run(".ci/debian-packages", *pairs, **more)
        called = folder.path / "called"
        return status, said, called.read_text().splitlines() if called.exists() else []

    def test_missing_packages_are_installed_or_named(self):
        install = ["update -qq", "install -qq -y --no-install-recommends this that"]
        pairs = ("there:other", "no-such-command:this", "nor-this-one:that")
        self.assertEqual(self.packages("there:other"), (0, "", []))
        self.assertEqual(self.packages(*pairs), (0, "Installing this that\n", install))
        self.assertEqual(self.packages(*pairs, user="1000"), (1, "Install these Debian packages: this that\n", []))
        self.assertEqual(self.packages(*pairs, APT="100")[0], 100)
        self.assertEqual(self.packages("python3:python3-venv"), (0, "", []))
        self.assertEqual(self.packages("python3:python3-venv", user="1000", VENV="1")[:2], (1, "Install these Debian packages: python3-venv\n"))

    def test_a_failed_update_fails(self):
        self.assertEqual(self.packages("no-such-command:this", APT="1"), (1, "Installing this\n", ["update -qq"]))


class Vulnerabilities(unittest.TestCase):
    def look(self, said, status, *packages):
        folder = Folder(self, ".ci/vulnerabilities")
        folder.tool("govulncheck", f"echo '{said}'; echo \"of $@\" >&2; exit {status}")
        return folder.run(".ci/vulnerabilities", "./govulncheck", *packages)

    def test_a_vulnerability_fails(self):
        self.assertEqual(self.look("No vulnerabilities found.", 0, "./..."), (0, "No vulnerabilities found.\nof ./...\n"))
        for found in ("Your code is affected by 1 vulnerability.", "=== Symbol Results ===\nVulnerability #1: fetching vulnerabilities: never ends"):
            self.assertEqual(self.look(found, 3)[0], 3, found)
        for broken in ("govulncheck: loading packages: no vulnerabilities looked for", ""):
            self.assertEqual(self.look(broken, 1)[0], 1, broken)

    def test_without_the_database_a_warning_is_printed(self):
        status, said = self.look("govulncheck: fetching vulnerabilities: Get \"https://…\": no route to host", 1)
        self.assertEqual(status, 0)
        self.assertTrue(said.endswith("NOT CHECKED for known vulnerabilities: the vulnerability database cannot be reached from here.\n"))


if __name__ == "__main__":
    unittest.main()
