"""The commands in the documents, as lists of words."""

import re
import shlex

import translated
from markdown_it import MarkdownIt

MARKDOWN = MarkdownIt("commonmark").enable("table")

# Words that may precede a command: keywords of loops, names of functions, and variables for this command only.
BEFORE = re.compile(r"^(do|then|else|\{|[a-z]+\(\)|[A-Z_]+=.*)$")


def pages():
    """Returns all Markdown files of the repository, by path."""
    hidden = (".tools", ".cache", ".aws-sam", "node_modules", "testdata")
    found = {p.relative_to(translated.ROOT) for p in translated.ROOT.rglob("*.md")}
    return {str(p): (translated.ROOT / p).read_text() for p in sorted(found) if not set(p.parts) & set(hidden)}


def code(text):
    """Yields the lines of code of a page. A command of several lines becomes one: with a backslash, an open quote, or a wrapped code span."""
    for token in MARKDOWN.parse(text):
        if token.type in ("code_block", "fence") and token.info in ("", "sh"):
            yield from whole(re.sub(r"\\\n\s*", "", token.content).splitlines())
        yield from (child.content for child in token.children or [] if child.type == "code_inline")


def whole(lines):
    line = ""
    for part in lines:
        line = f"{line} {part.strip()}".strip()
        try:
            list(commands(line))
        except ValueError:
            continue
        yield line
        line = ""
    if line:
        yield line


def commands(line):
    """Yields the commands of a line: first those within $( ), then those of pipes and lists. An open quote raises ValueError."""
    line, inner = without_substitutions(line)
    for text in inner:
        yield from commands(text)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split, lexer.commenters = True, ""
    command, skip = [], False
    for word in [*lexer, ";"]:
        if set(word) <= set("<>"):
            skip = True  # the name of a file follows
        elif set(word) <= set("|&;"):
            while command and BEFORE.match(command[0]):
                command.pop(0)
            if command:
                yield [w.replace("\0", "$(") for w in command]
            command = []
        elif skip:
            skip = False
        else:
            command.append(word)


def without_substitutions(line):
    """Returns the line with $(one two) replaced by the word \\0one_two), and the texts inside the parentheses."""
    inner = []
    while (start := line.find("$(")) >= 0:
        end, depth = start + 2, 1
        while end < len(line) and depth:
            depth += {"(": 1, ")": -1}.get(line[end], 0)
            end += 1
        within = line[start + 2 : end - 1]
        inner.append(within)
        line = line[:start] + "\0" + re.sub(r"\W+", "_", within) + ")" + line[end:]
    return line, inner
