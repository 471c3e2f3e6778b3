"""Finds mistakes in commands of the AWS CLI, by comparing them with botocore's models, from which the CLI creates its commands."""

import functools
import json
import re

import botocore.session
import jmespath
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

SERVICES = {"deploy": "codedeploy", "s3api": "s3"}  # services with another name in the CLI

# https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-options.html
GLOBAL = {"--query", "--output", "--region", "--profile", "--endpoint-url", "--cli-binary-format", "--cli-input-json", "--max-items"}
GLOBAL_FLAGS = {"--no-cli-pager", "--no-paginate", "--no-sign-request"}
OUTPUTS = {"json", "text", "table", "yaml", "yaml-stream", "off"}

# Commands without a model, because the CLI makes several calls for each. The options are those that the documents use.
# https://docs.aws.amazon.com/cli/latest/reference/cloudformation/deploy.html, and package, and s3/cp
FILES = {"--template-file", "--s3-bucket", "--s3-prefix"}
CUSTOM = {
    ("cloudformation", "deploy"): FILES | {"--stack-name", "--parameter-overrides", "--capabilities", "--tags", "--no-fail-on-empty-changeset"},
    ("cloudformation", "package"): FILES | {"--output-template-file"},
    ("s3", "cp"): {"--recursive", "--sse", "--no-progress"},
}

PLACEHOLDER = re.compile(r"[…$]|^<.*>$|^[A-Z][A-Z_-]*$")


@functools.cache
def service(name):
    return botocore.session.Session().get_service_model(SERVICES.get(name, name))


@functools.cache
def waiters(name):
    return botocore.session.Session().get_waiter_model(SERVICES.get(name, name))


def operation(words):
    """Returns the operation's model for `aws SERVICE OPERATION` or `aws SERVICE wait WAITER`, and the words that follow."""
    if words[2] == "wait":
        names = {xform_name(n, "-"): waiters(words[1]).get_waiter(n).operation for n in waiters(words[1]).waiter_names}
        return service(words[1]).operation_model(names[words[3]]), words[4:]
    names = {xform_name(n, "-"): n for n in service(words[1]).operation_names}
    return service(words[1]).operation_model(names[words[2]]), words[3:]


class Command:
    """A command with its options, the words of each option, and its problems."""

    def __init__(self, words):
        self.problems, self.options, self.positional = [], {}, []
        if tuple(words[1:3]) in CUSTOM:
            known = CUSTOM[tuple(words[1:3])] | GLOBAL | GLOBAL_FLAGS
            self.problems = [f"there is no {word}" for word in words[3:] if word.startswith("--") and word not in known]
            return
        if any("$" in word for word in words[1:4]):
            return  # the shell fills in the command
        try:
            self.model, rest = operation(words)
        except (UnknownServiceError, KeyError, IndexError):
            self.problems.append("there is no such command")
            return
        self.members = {f"--{xform_name(n, '-')}": n for n in self.model.input_shape.members} if self.model.input_shape else {}
        self.read(rest)
        self.check()

    def shape(self, option):
        return self.model.input_shape.members[self.members[option]] if option in self.members else None

    def read(self, words):
        words = list(words)
        while words:
            word = words.pop(0)
            if not word.startswith("--"):
                self.positional.append(word)
                continue
            yes = word.replace("--no-", "--", 1)
            shape = self.shape(word) or self.shape(yes)
            if word in GLOBAL_FLAGS or shape is not None and shape.type_name == "boolean":
                self.options[word if self.shape(word) else yes] = []
            elif word in GLOBAL or shape is not None:
                several = shape is not None and shape.type_name == "list"
                values = [words.pop(0)] if words and not words[0].startswith("--") else []
                while several and words and not words[0].startswith("--"):
                    values.append(words.pop(0))
                self.options[word] = values
                if not values:
                    self.problems.append(f"{word} has no value")
            else:
                self.problems.append(f"there is no {word}")

    def check(self):
        if "--cli-input-json" not in self.options and self.model.input_shape:
            given = {self.members.get(o) for o in self.options}
            tokens = {n for n, s in self.model.input_shape.members.items() if s.metadata.get("idempotencyToken")}
            for name in self.model.input_shape.required_members:
                if name not in given | tokens:
                    self.problems.append(f"--{xform_name(name, '-')} is missing")
        for option, values in self.options.items():
            if values and option in self.members:
                self.check_values(option, self.shape(option), values)
        if self.options.get("--output", ["json"])[0] not in OUTPUTS:
            self.problems.append("there is no such --output")
        files = 1 if self.model.has_streaming_output else 0  # the CLI writes the stream to a file
        if len(self.positional) != files:
            self.problems.append(f"{self.positional} is not the name of {files} files")
        for query in self.options.get("--query", []):
            self.problems += wrong_query(query, self.model.output_shape)

    def check_values(self, option, shape, values):
        if shape.type_name == "blob":
            # https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-types.html#parameter-type-blob
            is_file = values[0].startswith("fileb://") or shape.serialization.get("streaming")
            if not is_file and self.options.get("--cli-binary-format") != ["raw-in-base64-out"]:
                self.problems.append(f"{option} is read as base64: --cli-binary-format raw-in-base64-out")
            return
        if values[0].startswith(("file://", "fileb://")):
            return
        try:
            value = argument(shape, values)
        except ValueError as error:
            self.problems.append(f"{option}: {error}")
            return
        self.problems += [f"{option}{problem}" for problem in unfit(shape, value)]


def argument(shape, values):
    """Returns the value of an option that is written as JSON or in the CLI's shorthand.

    https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html
    """
    if shape.type_name not in ("structure", "map", "list"):
        return values[0]
    if values[0].startswith(("{", "[")):
        return json.loads(values[0])
    if shape.type_name == "list" and shape.member.type_name not in ("structure", "map"):
        return values
    if PLACEHOLDER.search(values[0]) and "=" not in values[0]:
        return values[0]
    if shape.type_name == "list":
        return [shorthand(shape.member, v) for v in values]
    return shorthand(shape, values[0])


def shorthand(shape, text):
    """Parses Name=value,Name=value with scalars and lists of scalars. The documents write nested values as JSON."""
    found = {}
    for part in text.split(","):
        name, is_pair, value = part.partition("=")
        if is_pair:
            member = shape.members.get(name) if shape.type_name == "structure" else shape.value
            found[name] = [value] if member is not None and member.type_name == "list" else value
        elif found and isinstance(found[name := list(found)[-1]], list):
            found[name].append(part)
        else:
            raise ValueError(f"{text} is neither JSON nor name=value")
    return found


def unfit(shape, value, path=""):
    """Returns the differences between a value and its shape, each with its path."""
    kind = shape.type_name
    if isinstance(value, str) and ("…" in value or "$" in value or not getattr(shape, "enum", None) and PLACEHOLDER.search(value)):
        return []
    if kind == "structure" and isinstance(value, dict):
        problems = [f"{path}: there is no {n}" for n in value if n not in shape.members]
        problems += [f"{path}: {n} is missing" for n in shape.required_members if n not in value]
        return problems + [p for n, v in value.items() if n in shape.members for p in unfit(shape.members[n], v, f"{path}.{n}")]
    if kind == "map" and isinstance(value, dict):
        return [p for n, v in value.items() for p in unfit(shape.value, v, f"{path}.{n}")]
    if kind == "list" and isinstance(value, list):
        return [p for i, v in enumerate(value) for p in unfit(shape.member, v, f"{path}[{i}]")]
    if kind == "string" and isinstance(value, str):
        return [] if not shape.enum or value in shape.enum else [f"{path}: {value} is not one of {shape.enum}"]
    if kind in ("integer", "long", "float", "double", "timestamp") and not isinstance(value, dict | list | bool):
        return [] if kind == "timestamp" or re.fullmatch(r"-?[0-9.]+", str(value)) else [f"{path}: {value} is not a number"]
    if kind == "boolean" and value in (True, False, "true", "false"):
        return []
    return [f"{path}: {value!r} is not of the type {kind}"]


def wrong_query(query, shape):
    """Returns a problem for each name of a JMESPath expression that the output does not have."""
    try:
        tree = jmespath.compile(query).parsed
    except jmespath.exceptions.JMESPathError as error:
        return [f"--query: {error}"]
    problems = []
    walk(tree, shape, problems)
    return [f"--query: the output has no {name}" for name in problems]


def walk(node, shape, problems):
    """Returns the result shape of a node, or None if it is unknown and any name may follow."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        if shape is None or shape.type_name == "map":
            return shape and shape.value
        if shape.type_name != "structure" or node["value"] not in shape.members:
            problems.append(node["value"])
            return None
        return shape.members[node["value"]]
    if kind in ("subexpression", "pipe", "index_expression"):
        for child in children:
            shape = walk(child, shape, problems)
        return shape
    if kind == "index":
        return member(shape)
    if kind == "flatten":
        found = walk(children[0], shape, problems)
        return member(found) if member(member(found)) and member(found).type_name == "list" else found
    if kind.endswith("projection"):
        inner = member(walk(children[0], shape, problems))
        for child in children[1:]:  # the expression for each element, and a filter's condition
            walk(child, inner, problems)
        return None
    if kind in ("identity", "current", "slice"):
        return shape
    for child in children:  # of lists, comparisons and functions
        walk(child, shape, problems)
    return None


def member(shape):
    """Returns the shape of the members of a list or a map."""
    return getattr(shape, "member", None) or getattr(shape, "value", None)
