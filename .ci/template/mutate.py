"""Changes one line at a time in the templates, the OpenAPI document and the documents, and prints each change that no test notices:

    mutate.py [--seed N] [--limit N] [FILE...]

It works in a copy of the tree. Some changes do not matter, so a surviving change is not a failure: check whether a test is missing.
"""

import argparse
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import typing

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The tests of .ci/template that read a file, quick ones first. Go tests are found by the file's name. test_answers, test_deploy and
# test_upgrade are left out for template.yaml, because they are slow and read only the parameters.
READERS = {
    "template.yaml": "template settings rights observability watched edge deployer",
    "infra/observability.yaml": "observability watched settings template",
    "infra/edge.yaml": "settings edge rights template",
    "infra/deployer.yaml": "deployer settings rights template",
    "infra/openapi.yaml": "",
    "README.md": "commands",
    "infra/API.md": "commands",
    "infra/CONFIGURATION.md": "commands",
    "infra/README.md": "commands recipes",
    "infra/COSTS.md": "commands",
    "infra/CUSTOMERS.md": "commands",
    "infra/IDENTITY-PROVIDERS.md": "commands",
    "infra/PORTAL.md": "commands",
    "infra/RATE-LIMITS.md": "commands edge",
    "infra/RUNBOOK.md": "commands template observability watched",
    ".github/CHANGELOG.md": "commands releases",
    ".github/CONTRIBUTING.md": "commands",
    ".github/SECURITY.md": "commands template deployer",
}

# A package whose tests compare files with each other. Most of them get the files' names from tables.
CHECKS = "local/internal/checks"

OPPOSITES = [
    ("GreaterThanOrEqualToThreshold", "LessThanThreshold"),
    ("GreaterThanThreshold", "LessThanThreshold"),
    ("Allow", "Deny"),
    ("Sum", "Average"),
    ("Maximum", "Minimum"),
    ("p99", "p50"),
    ("StringEquals", "StringNotEquals"),
    ("MinValue", "MaxValue"),
    ("MinLength", "MaxLength"),
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("!And", "!Or"),
    ("!Equals", "!Not"),
    ("notBreaching", "breaching"),
    ("at least", "at most"),
    ("more than", "less than"),
]
OPERATORS = [(">=", "<"), (">", "<")]
BOOLEANS = [("true", "false"), ("Enabled", "Disabled"), ("ENABLED", "DISABLED")]

SHAPES = [
    r"[a-z0-9]+:[A-Z]\w+",  # an action of IAM
    r"[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+",
    r"[A-Z]+(?:_[A-Z0-9]+)+",
    r"--[a-z]+(?:-[a-z]+)*",
    r"[a-z0-9]+(?:-[a-z0-9]+)+",
    r"[a-z]+(?:_[a-z0-9]+)+",
]
IDENTIFIER = re.compile(r"(?<![\w/.$-])(?:" + "|".join(f"({shape})" for shape in SHAPES) + r")(?![\w/-])")


class Change(typing.NamedTuple):
    """Replaces the columns start to end of a line. Without a replacement it deletes the line."""

    kind: str
    line: int
    start: int
    end: int
    new: str | None

    def apply(self, text):
        lines = text.splitlines(keepends=True)
        line = lines[self.line - 1]
        lines[self.line - 1] = "" if self.new is None else line[: self.start] + self.new + line[self.end :]
        return "".join(lines)

    def shown(self, path, text):
        line = text.splitlines()[self.line - 1]
        before, after = line[max(0, self.start - 60) : self.start].lstrip(), line[self.end : self.end + 40].rstrip()
        return f"{path}:{self.line}: {self.kind}: {before}[-{line[self.start : self.end].strip()}-]{{+{self.new or ''}+}}{after}"


def swapped(pairs, line):
    for pair in pairs:
        for old, new in (pair, pair[::-1]):
            for found in re.finditer(rf"(?<![\w<>=-]){re.escape(old)}(?![\w<>=-])", line):
                yield *found.span(), new


def numbers(line):
    for found in re.finditer(r"(?<![\w.,#/-])\d{1,9}(?![\d./-])", line):
        value = int(found[0])
        for new in (value + 1, value - 1, value * 10):
            if new != value and new >= 0:
                yield *found.span(), str(new)


def siblings(known, line):
    for found in IDENTIFIER.finditer(line):
        for other in sorted(known[found.lastindex]):
            if other != found[0] and alike(other, found[0]):
                yield *found.span(), other


def words(name):
    return re.findall(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+", name)


def alike(a, b):
    return words(a)[0] == words(b)[0] or words(a)[-1] == words(b)[-1]


def characters(pattern, line):
    for found in re.finditer(pattern, line):
        for at in range(*found.span(1)):
            if line[at] not in " \"'" and line[at : at + 1] != line[at + 1 : at + 2]:
                yield at, at + 1, ""


def items(line):
    """Yields the elements of lists in one line: [a, b], or `a`, `b`."""
    for found in re.finditer(r"\[([^\[\]{}]+, [^\[\]{}]+)\](?!\()", line):
        for item in re.finditer(r"[^,]+, ", found[1]):
            yield found.start(1) + item.start(), found.start(1) + item.end(), ""
    for found in re.finditer(r"`[^`]+`, (?=`)", line):
        yield *found.span(), ""


def tags(line):
    for found in re.finditer(r"!Sub ", line):
        yield *found.span(), ""


def indent(line):
    return len(line) - len(line.lstrip())


def changes(path, text):
    """Yields all changes of a file, in the order of its lines."""
    document = path.endswith(".md")
    known = {shape + 1: set() for shape in range(len(SHAPES))}
    for found in IDENTIFIER.finditer(text):
        known[found.lastindex].add(found[0])
    lines, fenced = text.splitlines(), False
    for at, line in enumerate(lines):
        if document and line.startswith("```"):
            fenced = not fenced
            continue
        code = document and (fenced or line.startswith("    "))
        if not line.strip() or (not document and line.lstrip().startswith("#")):
            continue
        # Skips comments, URLs, which lead out of the repository, and the numbers of lists, which Markdown assigns itself.
        skipped = [found.span() for found in re.finditer(r"https?://[^\s)>]+" + (r"|^\s*\d+\. " if document else r"| # .*"), line)]
        kinds = {
            "number": numbers(line),
            "opposite": swapped(OPPOSITES + ([] if document else OPERATORS), line),
            "boolean": swapped(BOOLEANS, line),
            "sibling": siblings(known, line),
            "item": items(line),
        }
        if not document:
            kinds["character"] = characters(r"(?:: |- )['\"]?([\w/.{}$*:+-]+)['\"]?$", line)
            kinds["sub"] = tags(line)
        elif not code:
            kinds["character"] = characters(r"`([^`]+)`", line)
        else:
            kinds["character"] = characters(r"(?<!\S)((?:--|[\w.]*/)[\w./-]+)", line)
        for kind, found in kinds.items():
            for start, end, new in found:
                if not any(a < end and start < b for a, b in skipped):
                    yield Change(kind, at + 1, start, end, new)
        if document:
            leaf = code or re.match(r"#|\s*[-*] |\|(?!-)|\s*\d+\. ", line)
        else:
            following = next((after for after in lines[at + 1 :] if after.strip()), "")
            leaf = re.match(r"\s*(?:- |[\w$/\"'{].*?:(?: |$)|[|{}\[\]\"])", line) and indent(following) <= indent(line)
        if leaf:
            yield Change("line", at + 1, 0, len(line), None)


def parses(text):
    try:
        yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return False
    return True


def chosen(path, text, seed, limit):
    """Returns changes of different lines, evenly from all kinds. The choice depends only on the seed."""
    source = random.Random(f"{seed} {path}")
    kinds = {}
    for change in changes(path, text):
        kinds.setdefault(change.kind, []).append(change)
    for listed in kinds.values():
        source.shuffle(listed)
    used, picked = set(), []
    while kinds and len(picked) < limit:
        for kind in sorted(kinds):
            while kinds[kind]:
                change = kinds[kind].pop()
                if change.line not in used and (path.endswith(".md") or parses(change.apply(text))):
                    used.add(change.line)
                    picked.append(change)
                    break
            else:
                del kinds[kind]
            if len(picked) == limit:
                break
    return picked


def readers(path, sources):
    """Returns the Go tests that read a file, directly or through other functions of the sources, the test files of a package."""
    place = path if "/" in path else f"../{path}"
    declared = [found for text in sources for found in re.findall(r"^func (\w+)(.*?)^}", text, re.MULTILINE | re.DOTALL)]
    names, before = {name for name, body in declared if place in body}, None
    if path.endswith(".md"):
        names.add("documents")
    while names != before:
        before = set(names)
        names |= {name for name, body in declared if any(re.search(rf"\b{other}\(", body) for other in before)}
    return sorted(name for name in names if name.startswith("Test"))


def command(path, tree):
    """Returns a shell command that runs the tests of a file."""
    commands = []
    if READERS[path]:
        modules = " ".join(f"test_{name}" for name in READERS[path].split())
        commands.append(f"(cd .ci/template && {sys.executable} -B -m unittest --failfast {modules})")
    packages = sorted({test.parent for top in ("local", "functions") for test in tree.glob(f"{top}/**/*_test.go")})
    for package in packages:
        if str(package.relative_to(tree)) == CHECKS:
            commands.append(f"go test -failfast ./{CHECKS}")
            continue
        sources = [test.read_text() for test in sorted(package.glob("*_test.go"))]
        if tests := readers(path, [text for text in sources if "//go:build integration" not in text]):
            commands.append(f"go test -failfast ./{package.relative_to(tree)} -run '^({'|'.join(tests)})$'")
    return " && ".join(commands)


def passes(run, tree):
    return subprocess.run(run, shell=True, cwd=tree, capture_output=True, check=False).returncode == 0


def survivors(tree, path, picked, run):
    """Yields the changes with which the command still succeeds. Then it restores the file."""
    file = tree / path
    text = file.read_text()
    if not passes(run, tree):
        raise SystemExit(f"{path}: its tests fail before any change: {run}")
    try:
        for change in picked:
            file.write_text(change.apply(text))
            if passes(run, tree):
                yield change
    finally:
        file.write_text(text)


def copy(tree):
    """Copies the files that git tracks or would add."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0")[:-1]:
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    (tree / ".tools").symlink_to((ROOT / ".tools").resolve())


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=25, help="changes of each file")
    parser.add_argument("files", nargs="*", metavar="FILE", default=list(READERS))
    options = parser.parse_args(arguments)
    if unknown := set(options.files) - set(READERS):
        parser.error(f"READERS has no tests for {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        copy(tree)
        for path in options.files:
            text = (tree / path).read_text()
            picked = chosen(path, text, options.seed, options.limit)
            alive = 0
            for change in survivors(tree, path, picked, command(path, tree)):
                alive += 1
                print(change.shown(path, text), flush=True)
            print(f"{path}: {len(picked)} changes, {alive} survived ({alive * 100 // max(1, len(picked))} %)", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
