import pathlib
import tempfile
import unittest

import mutate
import yaml

KINDS = {"boolean", "character", "item", "line", "number", "opposite", "sibling"}


class Mutations(unittest.TestCase):
    def test_each_change_is_to_one_line_and_parses(self):
        for path, kinds in {"infra/edge.yaml": KINDS | {"sub"}, ".github/SECURITY.md": KINDS}.items():
            text = (mutate.ROOT / path).read_text()
            lines = text.splitlines()
            picked = mutate.chosen(path, text, 1, 2 * len(kinds))
            self.assertEqual({change.kind for change in picked}, kinds)
            self.assertEqual(len({change.line for change in picked}), 2 * len(kinds))
            for change in picked:
                with self.subTest(change.shown(path, text)):
                    changed = change.apply(text).splitlines()
                    if change.kind == "line":
                        self.assertEqual(changed, lines[: change.line - 1] + lines[change.line :])
                    else:
                        self.assertEqual([at + 1 for at, pair in enumerate(zip(lines, changed, strict=True)) if pair[0] != pair[1]], [change.line])
                    if path.endswith(".yaml"):
                        yaml.compose(change.apply(text), Loader=yaml.CSafeLoader)

    def test_the_seed_decides(self):
        text = (mutate.ROOT / "infra/edge.yaml").read_text()
        self.assertEqual(mutate.chosen("infra/edge.yaml", text, 1, 9), mutate.chosen("infra/edge.yaml", text, 1, 9))
        self.assertNotEqual(mutate.chosen("infra/edge.yaml", text, 1, 9), mutate.chosen("infra/edge.yaml", text, 2, 9))

    def test_the_changes_of_a_file(self):
        template = "A:\n  # 5 is a comment\n  Limit: 5 # of 7\n  Sizes: [1, 2]\n  Deep:\n    Name: !Sub '${Stack}-all'\n    On: true\n"
        document = "# Title\n\n1. At most 3 of `one-thing`, `another-thing`.\n\nNot a list: https://example.com/1?limit=2\n"
        self.assertEqual(made("a.yaml", template, "number"), ["  Limit: 6 # of 7", "  Limit: 4 # of 7", "  Limit: 50 # of 7"]
            + [f"  Sizes: [{a}]" for a in ("2, 2", "0, 2", "10, 2", "1, 3", "1, 1", "1, 20")])
        self.assertEqual(made("a.yaml", template, "item"), ["  Sizes: [2]"])
        self.assertEqual(made("a.yaml", template, "sub"), ["    Name: '${Stack}-all'"])
        self.assertEqual(made("a.yaml", template, "boolean"), ["    On: false"])
        self.assertEqual([change.line for change in mutate.changes("a.yaml", template) if change.kind == "line"], [3, 4, 6, 7])
        self.assertEqual(made("a.md", document, "number"), [f"1. At most {n} of `one-thing`, `another-thing`." for n in (4, 2, 30)])
        self.assertEqual(made("a.md", document, "sibling"), ["1. At most 3 of `another-thing`, `another-thing`.", "1. At most 3 of `one-thing`, `one-thing`."])
        self.assertEqual(made("a.md", document, "opposite"), [])
        self.assertIn("1. At most 3 of `oe-thing`, `another-thing`.", made("a.md", document, "character"))
        self.assertEqual([change.line for change in mutate.changes("a.md", document) if change.kind == "line"], [1, 3])

    def test_survivors_are_changes_that_no_test_notices(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "a.yaml"
            file.write_text("noticed: 5\nunnoticed: 7\n")
            picked = mutate.chosen("a.yaml", file.read_text(), 1, 2)
            alive = list(mutate.survivors(pathlib.Path(folder), "a.yaml", picked, "grep -qx 'noticed: 5' a.yaml"))
            self.assertEqual([change.line for change in picked if change not in alive], [1])
            self.assertEqual([change.line for change in alive], [2])
            self.assertEqual(file.read_text(), "noticed: 5\nunnoticed: 7\n")
            with self.assertRaises(SystemExit):
                list(mutate.survivors(pathlib.Path(folder), "a.yaml", picked, "false"))

    def test_the_tests_that_read_a_file_are_found(self):
        self.assertIn("-run '^(TestTemplateAgrees)$'", mutate.command("template.yaml", mutate.ROOT))
        self.assertTrue(list((mutate.ROOT / mutate.CHECKS).glob("*_test.go")))
        self.assertIn(f"go test -failfast ./{mutate.CHECKS}", mutate.command("README.md", mutate.ROOT).split(" && "))
        templates = {str(p.relative_to(mutate.ROOT)) for p in (mutate.ROOT / "infra").glob("*.yaml")} | {"template.yaml"}
        self.assertEqual({path for path in mutate.READERS if path.endswith(".yaml")}, templates)
        sources = [
            'func document(t *testing.T) string {\n\treturn read("../infra/edge.yaml")\n}\n',
            "func TestOfIt(t *testing.T) {\n\tdocument(t)\n}\n\nfunc TestOfAnother(t *testing.T) {\n\tread(t)\n}\n",
        ]
        self.assertEqual(mutate.readers("infra/edge.yaml", sources), ["TestOfIt"])
        self.assertEqual(mutate.readers("README.md", sources), [])
        for modules in mutate.READERS.values():
            for name in modules.split():
                self.assertTrue((mutate.ROOT / f".ci/template/test_{name}.py").exists(), name)


def made(path, text, kind):
    return [change.apply(text).splitlines()[change.line - 1] for change in mutate.changes(path, text) if change.kind == kind]
