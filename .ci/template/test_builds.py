"""The contents of a release, and its checks: each check finds a planted mistake."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import types
import unittest
import zipfile

import translated
from fake_tools import Folder

FUNCTIONS = [n for n, r in translated.parsed("template.yaml")["Resources"].items() if r["Type"] == "AWS::Serverless::Function"]

VERSION = re.search(r"^## v(\S+)$", (translated.ROOT / ".github/CHANGELOG.md").read_text(), re.MULTILINE)[1]
PACKAGE = f"manage-billing-button-{VERSION}.tgz"


def built(folder, content="code"):
    folder.write({f"build/{name}/bootstrap": f"{content} of {name}" for name in FUNCTIONS} | {"licenses/portal.txt": "MIT"})


class Release(unittest.TestCase):
    def test_the_template_names_the_zip_files_of_the_release(self):
        folder = Folder(self)
        built(folder)
        here = folder.path
        done = subprocess.run([".ci/release", here / "build", here / "licenses", here / "release"], cwd=translated.ROOT, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        template = translated.yaml_parse((here / "release/template/template.yaml").read_text())
        own = translated.read("template.yaml")
        for name in FUNCTIONS:
            code = template["Resources"][name]["Properties"].pop("CodeUri")
            with zipfile.ZipFile(here / "release/template" / code) as file:
                [entry] = file.infolist()
                self.assertEqual((entry.filename, file.read(entry).decode()), ("bootstrap", f"code of {name}"))
            self.assertEqual(own["Resources"][name]["Properties"].pop("CodeUri"), ".")
        self.assertEqual(template, own)
        files = {"LICENSE", "CHANGELOG.md", "licenses/portal.txt", "template.yaml", *(f"{name}.zip" for name in FUNCTIONS)}
        files |= {f"infra/{path.name}" for path in (translated.ROOT / "infra").glob("*.yaml")}
        self.assertEqual({str(p.relative_to(here / "release/template")) for p in here.glob("release/template/**/*") if p.is_file()}, files)
        with zipfile.ZipFile(here / "release/billing-portal.zip") as whole:
            self.assertEqual(whole.namelist(), sorted(files))
        self.assertEqual({p.name for p in (here / "release").iterdir()}, {"template", "billing-portal.zip", PACKAGE})

    def test_without_built_functions_there_is_no_release(self):
        folder = Folder(self)
        here = folder.path
        done = subprocess.run([".ci/release", here / "build", here / "licenses", here / "release"], cwd=translated.ROOT, capture_output=True, check=False)
        self.assertEqual(done.returncode, 1)


class Package(unittest.TestCase):
    def test_the_package_has_each_module_and_the_types(self):
        folder = Folder(self)
        done = subprocess.run(["go", "run", ".ci/button.go", folder.path], cwd=translated.ROOT, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, f"{folder.path / PACKAGE}\n"))
        sources = translated.ROOT / "functions/internal/button"
        want = {"LICENSE": (translated.ROOT / "LICENSE").read_bytes()}
        want |= {name: (sources / name).read_bytes() for name in ("README.md", "button.d.ts")}
        want |= {path.name.removesuffix(".gz"): gzip.decompress(path.read_bytes()) for path in sources.glob("*.js.gz")}
        with tarfile.open(folder.path / PACKAGE) as archive:
            self.assertEqual({(e.mode, e.uid, e.mtime, e.isfile()) for e in archive}, {(0o644, 0, 499162500, True)})
            got = {entry.name.removeprefix("package/"): archive.extractfile(entry).read() for entry in archive}
        about = json.loads(got.pop("package.json"))
        self.assertEqual(got, want)
        entries = {"./package.json": "./package.json", ".": {"types": "./button.d.ts", "default": "./en.js"}}
        entries |= {f"./{tag}": {"types": "./button.d.ts", "default": f"./{tag}.js"} for tag in ("de", "en", "es", "fr", "it", "ja", "nl", "pt-BR")}
        self.assertEqual(about.pop("exports"), entries)
        self.assertRegex(about.pop("description"), "Stripe")
        self.assertEqual(about, {
            "name": "manage-billing-button", "version": VERSION, "license": "MIT", "type": "module", "main": "./en.js", "types": "./button.d.ts", "sideEffects": True,
        })  # fmt: skip


class Zip(unittest.TestCase):
    def test_the_bytes_depend_only_on_names_and_contents(self):
        folder = Folder(self)
        made = []
        for place, umask, when in (("a", 0o022, 0), ("b", 0o077, 10**9)):
            before = os.umask(umask)
            folder.write({f"{place}/z.txt": "z", f"{place}/in/bootstrap": "program", f"{place}/bootstrap": "program"})
            os.umask(before)
            for file in (folder.path / place).rglob("*"):
                os.utime(file, (when, when))
            self.assertEqual(self.zip(folder, f"{place}.zip", place), (0, ""))
            made.append((folder.path / f"{place}.zip").read_bytes())
        self.assertEqual(made[0], made[1])
        with zipfile.ZipFile(folder.path / "a.zip") as file:
            self.assertEqual([(e.filename, oct(e.external_attr >> 16), e.date_time) for e in file.infolist()], [
                ("bootstrap", "0o100755", (1980, 1, 1, 0, 0, 0)), ("in/bootstrap", "0o100755", (1980, 1, 1, 0, 0, 0)), ("z.txt", "0o100644", (1980, 1, 1, 0, 0, 0)),
            ])  # fmt: skip

    def test_a_folder_that_cannot_be_read_fails(self):
        folder = Folder(self)
        for arguments in (["a.zip", "nothing"], ["a.zip"], ["nowhere/a.zip", "."]):
            status, said = self.zip(folder, *arguments)
            self.assertEqual(status, 1, arguments)
            self.assertRegex(said, "no such file or directory|usage")

    def zip(self, folder, *arguments):
        return folder.run("go", "run", translated.ROOT / ".ci/zip.go", *arguments)


class Reproducible(unittest.TestCase):
    """A repository with one function, and fakes of its build and release."""

    def reproduce(self, build="cp source", release="cat", spoil=None):
        folder = Folder(self, ".ci/reproducible")
        folder.write({
            "Makefile": f"build-PortalFunction:\n\t@{build} > $(ARTIFACTS_DIR)/bootstrap\n",
            "source": "program",
            ".gitignore": ".aws-sam\n.cache\n/bin\n",
            ".cache/licenses/portal.txt": "MIT",
        })  # fmt: skip
        folder.tool(".ci/release", f'mkdir -p "$3/template" && {release} <"$1/PortalFunction/bootstrap" >"$3/template/PortalFunction.zip" && cat "$2"/* "$3"/template/* >"$3/all.zip" && cp "$3/all.zip" "$3/all.tgz"')
        function = folder.path / ".aws-sam/build/PortalFunction"
        function.mkdir(parents=True)
        for command in (["git", "init", "--quiet"], ["git", "add", "."], ["make", "build-PortalFunction", f"ARTIFACTS_DIR={function}"], [".ci/release", ".aws-sam/build", ".cache/licenses", ".cache/release"]):
            status, said = folder.run(*command)
            self.assertEqual(status, 0, said)
        if spoil:
            (folder.path / spoil).write_text("spoilt")
        return folder.run(".ci/reproducible")

    def test_identical_builds_pass(self):
        status, said = self.reproduce(build="cat source")
        self.assertEqual(status, 0, said)
        self.assertEqual(re.findall(r"^(\S+): [0-9a-f]{64}, identical in both builds$", said, re.MULTILINE), ["all.zip", "all.tgz", "template/PortalFunction.zip"])

    def test_each_difference_fails(self):
        planted = {
            "the place": ({"build": "pwd"}, "bootstrap"),
            "the home": ({"build": "echo $$HOME"}, "bootstrap"),
            "the umask": ({"build": "umask"}, "bootstrap"),
            "the cache": ({"build": "echo $$GOCACHE"}, "bootstrap"),
            "the time, in a zip file": ({"build": "cat source", "release": "(cat; date +%N)"}, r"all\.zip"),
            "another binary": ({"build": "cat source", "spoil": ".aws-sam/build/PortalFunction/bootstrap"}, "bootstrap"),
            "another zip file": ({"build": "cat source", "spoil": ".cache/release/all.zip"}, r"all\.zip"),
            "another package": ({"build": "cat source", "spoil": ".cache/release/all.tgz"}, r"all\.tgz"),
            "another zip file of the template": ({"build": "cat source", "spoil": ".cache/release/template/PortalFunction.zip"}, r"template/PortalFunction\.zip"),
        }
        for what, (plants, file) in planted.items():
            with self.subTest(what):
                status, said = self.reproduce(**plants)
                self.assertEqual(status, 1, said)
                self.assertRegex(said, rf"{file} \S+ differ")


# A module with one function and two local modules, so that the list and the licences need no network.
MODULES = {
    "go.mod": "module billingportal\n\ngo 1.26\n\nrequire (\n\texample.com/one v1.0.0\n\texample.com/two v1.0.0\n)\n\nreplace (\n\texample.com/one => ./one\n\texample.com/two => ./two\n)\n",
    "functions/portal/main.go": 'package main\n\nimport (\n\t_ "example.com/one/inner"\n\t_ "example.com/two"\n)\n\nfunc main() {}\n',
    "one/go.mod": "module example.com/one\n\ngo 1.26\n",
    "one/LICENCE.md": "the licence of one",
    "one/NOTICE": "the notice of one",
    "one/inner/COPYING": "the licence of a copied package",
    "one/inner/inner.go": "package inner\n",
    "two/go.mod": "module example.com/two\n\ngo 1.26\n",
    "two/LICENSE": "the licence of two\n",
    "two/license.go": "package two\n",
}  # fmt: skip


class Contents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Folder(types.SimpleNamespace(addCleanup=cls.addClassCleanup), ".ci/sbom", ".ci/licenses.go")
        cls.folder.write(MODULES)
        status, said = cls.folder.run("go", "build", "-trimpath", "-tags", "portal", "-o", ".aws-sam/build/PortalFunction/bootstrap", "./functions/portal")
        assert status == 0, said
        version = cls.folder.run("go", "env", "GOVERSION")[1].strip()
        cls.all = [("std", version), ("example.com/one", "v1.0.0"), ("example.com/two", "v1.0.0")]
        cls.folder.tool("cyclonedx", 'echo "its progress" >&2; [ -z "$FAILS" ] || exit 3; while [ "$1" != -output ]; do shift; done; cp listed.json "$2"')
        # The modules of go.mod, except a planted one.
        cls.folder.tools(git="echo v1.0.0", go=f'if [ "$1 $2" = "list -m" ]; then {shutil.which("go")} "$@" | grep -v "${{UNKNOWN:-^$}}"; else exec {shutil.which("go")} "$@"; fi')

    def sbom(self, listed, **variables):
        """Runs the script with a fake list of modules."""
        components = [{"name": n, "version": v, "purl": f"pkg:golang/{n}@{v}?type=module"} for n, v in listed]
        self.folder.write({"listed.json": json.dumps({"components": components}, indent=1)})
        return self.folder.run(".ci/sbom", self.folder.path / "cyclonedx", **variables)

    def test_the_right_list_passes_with_all_licences(self):
        status, said = self.sbom(self.all)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"^portal: 2 modules, \d+ bytes of licences\n$")
        licences = (self.folder.path / ".cache/licenses/portal.txt").read_text()
        for modules, text in (("one@v1.0.0", "the licence of one"), ("one@v1.0.0", "the notice of one"), ("one@v1.0.0", "the licence of a copied package"), ("two@v1.0.0", "the licence of two")):
            self.assertEqual(licences.count(f"example.com/{modules}\n\n{text}\n\n"), 1)
        self.assertIn("Copyright 2009 The Go Authors.", licences)
        self.assertIn("Additional IP Rights Grant (Patents)", licences)
        self.assertNotIn("package two", licences)

    def test_a_wrong_list_fails(self):
        another = ("example.com/three", "v1.0.0")
        planted = {"one less": self.all[:-1], "one more": [*self.all, another], "another version": [*self.all[:-1], ("example.com/two", "v1.0.1")]}
        for what, listed in planted.items():
            with self.subTest(what):
                status, said = self.sbom(listed)
                self.assertEqual(status, 1)
                self.assertRegex(said, r"^[<>] example\.com/(two|three)@v1\.0\.[01]$|differs from the modules in the binary")
                self.assertTrue(said.endswith("portal: the list (<) differs from the modules in the binary (>)\n"), said)

    def test_a_module_that_nothing_requires_fails(self):
        self.assertEqual(self.sbom(self.all, UNKNOWN="two"), (1, "portal: go.mod does not have example.com/two@v1.0.0\n"))

    def test_a_tool_that_fails_says_why(self):
        status, said = self.sbom(self.all, FAILS="yes")
        self.assertNotEqual(status, 0)
        self.assertIn("its progress", said)

    def licenses(self, listed):
        self.folder.write({"listed.json": json.dumps({"components": [{"name": n, "version": v} for n, v in listed]})})
        return self.folder.run("go", "run", ".ci/licenses.go", ".aws-sam/build/PortalFunction/bootstrap", "listed.json")

    def test_licences_are_those_of_the_list(self):
        self.assertEqual(self.licenses(self.all[1:])[0], 1, "Go's own library is not listed")
        status, said = self.licenses(self.all[:-1])
        self.assertIn("listed.json does not list example.com/two@v1.0.0", said)
        self.assertEqual(status, 1)
        status, said = self.licenses([*self.all, ("example.com/three", "v1.0.0")])
        self.assertIn("listed.json lists example.com/three@v1.0.0, which is not in .aws-sam", said)
        self.assertEqual(status, 1)

    def test_a_module_without_a_licence_fails(self):
        """A source file may be called license.go."""
        hidden = self.folder.path / "two/LICENSE"
        hidden.unlink()
        self.addCleanup(hidden.write_text, MODULES["two/LICENSE"])
        status, said = self.licenses(self.all)
        self.assertIn("example.com/two@v1.0.0 has no licence", said)
        self.assertEqual(status, 1)


LIMITS = {n.title(): int(v) for n, v in re.findall(r"^([A-Z]+)_LIMIT *:= *(\d+)$", (translated.ROOT / "Makefile").read_text(), re.MULTILINE)}


class Size(unittest.TestCase):
    def check(self, sizes):
        folder = Folder(self, "Makefile")
        folder.write({".tools/venv/bin/python": ""})
        folder.tool("sam", f"exec {sys.executable} -S sizes.py")
        folder.write({"sizes.py": f"import pathlib\nfor name, size in {sizes}.items():\n p = pathlib.Path(f'.aws-sam/build/{{name}}Function/bootstrap')\n p.parent.mkdir(parents=True)\n p.touch()\n import os; os.truncate(p, size)\n"})
        return folder.run("make", "--no-print-directory", "check-size", "SAM=./sam", "VENV_FILE=sizes.py")

    def test_a_binary_above_its_limit_fails(self):
        self.assertEqual({f"{name}Function" for name in LIMITS}, set(FUNCTIONS))
        status, said = self.check(LIMITS)
        self.assertEqual(status, 0, said)
        for name, limit in LIMITS.items():
            status, said = self.check(LIMITS | {name: limit + 1})
            self.assertEqual(status, 2)
            self.assertIn(f"{name} (arm64): {limit + 1} bytes, limit {limit}\n", said)

    def test_a_binary_that_is_missing_fails(self):
        self.assertEqual(self.check(dict(list(LIMITS.items())[:-1]))[0], 2)


if __name__ == "__main__":
    unittest.main()
