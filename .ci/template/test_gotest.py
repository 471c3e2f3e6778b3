"""CI fails if a test was skipped, failed or did not build, and says why."""

import re
import unittest

import translated
import yaml
from fake_tools import Folder

MODULE = {"go.mod": "module planted\n\ngo 1.26\n"}
PASSES = {"passes/a_test.go": 'package passes\n\nimport "testing"\n\nfunc TestPasses(t *testing.T) { t.Log("quiet") }\n'}
SKIPS = {"skips/a_test.go": '//go:build parts\n\npackage skips\n\nimport "testing"\n\nfunc TestSkips(t *testing.T) { t.Run("within", func(t *testing.T) { t.Skip("lacks a part") }) }\n'}
FAILS = {"fails/a_test.go": 'package fails\n\nimport "testing"\n\nfunc TestFails(t *testing.T) { t.Error("one is not two") }\n'}
BREAKS = {"breaks/a_test.go": 'package breaks\n\nimport "testing"\n\nfunc TestBreaks(t *testing.T) { unknown() }\n'}
EXITS = {"exits/a_test.go": 'package exits\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestExits(t *testing.T) { t.Log("its last words"); os.Exit(3) }\n'}
WITHOUT = {"without/a.go": "package without\n"}


class GoTest(unittest.TestCase):
    def gotest(self, *files):
        folder = Folder(self)
        for of in (MODULE, *files):
            folder.write(of)
        return folder.run("go", "run", translated.ROOT / ".ci/gotest.go", "-tags", "parts", "./...", GOFLAGS="-vet=off")

    def test_a_skipped_test_fails(self):
        status, said = self.gotest(PASSES, SKIPS)
        self.assertEqual(status, 1)
        self.assertIn("gotest: skipped: planted/skips.TestSkips/within\n", said)
        self.assertIn("lacks a part", said)
        self.assertNotIn("quiet", said)

    def test_failed_tests_are_shown(self):
        status, said = self.gotest(FAILS, BREAKS, EXITS)
        self.assertEqual(status, 1)
        for words in ("one is not two", "undefined: unknown", "its last words", "FAIL\tplanted/fails", "FAIL\tplanted/breaks [build failed]", "FAIL\tplanted/exits"):
            self.assertIn(words, said)

    def test_good_tests_pass(self):
        status, said = self.gotest(PASSES, WITHOUT)
        self.assertEqual(status, 0, said)
        self.assertEqual(sorted(re.sub(r"\t(\d|\().*", "", said).splitlines()), ["?   \tplanted/without\t[no test files]", "ok  \tplanted/passes"])


class Run(unittest.TestCase):
    def run_ci(self, go, tools, check):
        folder = Folder(self, ".ci/run")
        said = 'echo "$(basename "$0") $@, CI=$CI, in $PWD" >>$HERE/called'
        folder.tools(go=f"{said}; exit {go}", make=f'{said}; case "$1" in tools) exit {tools};; *) exit {check};; esac')
        status, _ = folder.run(folder.path / ".ci/run", CI="")
        return status, (folder.path / "called").read_text().replace(str(folder.path), "here").splitlines()

    def test_everything_is_run_until_something_fails(self):
        commands = ("go run .ci/gotest.go ./...", "make tools", "make --jobs=2 --output-sync=target check")
        called = [f"{command}, CI=true, in here" for command in commands]
        self.assertEqual(self.run_ci(0, 0, 0), (0, called))
        self.assertEqual(self.run_ci(1, 0, 0), (1, called[:1]))
        self.assertEqual(self.run_ci(0, 2, 0), (2, called[:2]))
        self.assertEqual(self.run_ci(0, 0, 2), (2, called))

    def test_the_workflows_run_all_checks(self):
        steps = {name: self.steps(name) for name in ("ci", "release")}
        self.assertIn(".ci/run", steps["ci"])
        self.assertIn("make check-reproducible", steps["release"])
        for step in (*steps["ci"], *steps["release"]):
            self.assertFalse(re.search(r"\|\|", step), step)

    def steps(self, name):
        """Returns the commands of a workflow, without those that may fail without consequences."""
        workflow = yaml.safe_load((translated.ROOT / f".github/workflows/{name}.yml").read_text())
        jobs = [job for job in workflow["jobs"].values() if not {"if", "continue-on-error"} & set(job)]
        return [step["run"] for job in jobs for step in job["steps"] if "run" in step and not {"if", "continue-on-error"} & set(step)]


if __name__ == "__main__":
    unittest.main()
