"""The operator's values for an environment: .deploy/ENV.toml, one on each line.

    JwtIssuer = "https://login.example.com/"
    MemorySize = 256

The names are Region and the template's parameters. Git ignores the folder, so an upgrade never changes it. samconfig.toml has the
defaults of each environment and may be replaced by an upgrade; the values of this file take precedence over it. On a terminal, the
operator is asked for values that have no default, and the answers are written to the file.
"""

import difflib
import os
import pathlib
import re
import sys
import textwrap
import urllib.parse

import tomlkit
import upgrade
from tomlkit.exceptions import TOMLKitError

FOLDER = pathlib.Path(".deploy")
HEADER = "# Parameters of template.yaml, one on each line. They take precedence over samconfig.toml.\n"

REGION = {
    "Type": "String",
    "Description": "AWS Region of the stack, for example eu-west-1. The secrets and an existing table must be in the same Region.",
    "AllowedPattern": "[a-z]{2,5}(-[a-z]+)+-[0-9]+",
    "ConstraintDescription": "must be the code of a Region, for example eu-west-1.",
}

MADE = {"Release", *upgrade.PREVIOUS}  # parameters that `make deploy` sets

# The longest value of a parameter, in bytes. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
LONGEST = 4096


class Refused(Exception):
    """The message names each missing or wrong value on its own line."""


def questions(template):
    """Returns the parameters that an operator may set."""
    return {"Region": REGION} | {name: p for name, p in template["Parameters"].items() if name not in MADE}


def collect(env, template, known, other):
    """Returns all values that were chosen for an environment. known has the values from samconfig.toml and the shell.

    other is an environment of the same stack that has values. Values for env alone would reset the other values of the stack to defaults.
    """
    asked_of = questions(template)
    path = FOLDER / f"{env}.toml"
    refuse(problems(known, asked_of), "samconfig.toml or the shell's environment")
    given = read(path, asked_of)
    required = [name for name, parameter in asked_of.items() if "Default" not in parameter]
    missing = [name for name in required if name not in known | given]
    if missing and other:
        raise Refused(f"The values of this stack are in {FOLDER}/{other}.toml. Run make deploy ENV={other}.")
    if missing and not sys.stdin.isatty():
        raise Refused(how_to_give(missing, asked_of, env, path))
    if missing:
        ask([name for name in required if name not in given], asked_of, known, given, path)
    values = known | given
    refuse(disagreements(values), path)
    return values


def read(path, asked_of):
    given = {name: text_of(value) for name, value in (document(path).unwrap() if path.exists() else {}).items()}
    refuse(problems(given, asked_of), path)
    return given


def document(path):
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8-sig"))
    except (TOMLKitError, UnicodeDecodeError) as wrong:
        raise Refused(f"{path} is not TOML: {wrong}") from wrong


def region(env):
    """Returns the Region in the file, for commands that need only this value."""
    path = FOLDER / f"{env}.toml"
    given = {name: text_of(value) for name, value in (document(path) if path.exists() else {}).items() if name == "Region"}
    refuse(problems(given, {"Region": REGION}), path)
    return given.get("Region")


def text_of(value):
    """Returns a value as CloudFormation accepts it, or None."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def problems(values, asked_of):
    for name, value in values.items():
        if name in MADE:
            yield f"{name} is set by make deploy. Remove the line"
        elif name not in asked_of:
            alike = difflib.get_close_matches(name, asked_of, 1)
            yield f"{name} is not a parameter of template.yaml" + (f". Did you mean {alike[0]}?" if alike else "")
        elif value is None:
            yield f'{name} must be on one line: {name} = "value"'
        elif problem := problem_of(asked_of[name], value):
            yield f"{name} {problem}"


def problem_of(parameter, value):
    """Returns why CloudFormation would refuse a value, or None. A pattern must match the whole value.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    if len(value.encode()) > LONGEST:
        return f"must have at most {LONGEST} bytes"
    fits = len(value) <= parameter.get("MaxLength", LONGEST)
    if "AllowedPattern" in parameter:
        fits &= re.fullmatch(parameter["AllowedPattern"], value, re.ASCII) is not None
    if "AllowedValues" in parameter:
        fits &= value in map(str, parameter["AllowedValues"])
    if parameter["Type"] == "Number":
        fits &= re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) is not None
        fits = fits and parameter.get("MinValue", 0) <= float(value) <= parameter.get("MaxValue", float("inf"))
    return None if fits else parameter["ConstraintDescription"].rstrip(".")


def disagreements(values):
    """Yields combinations of values that the functions refuse at start, although each value is valid on its own."""
    url, origins = values.get("DefaultReturnUrl"), values.get("AllowedOrigins")
    if url and origins and origin_of(url) not in origins.split(","):
        yield "DefaultReturnUrl must be on one of AllowedOrigins"
    issuer = values.get("JwtIssuer")
    if issuer and not (values.get("JwtJwksUrl") or values.get("JwtJwks")) and not has_discovery(issuer):
        yield "JwtIssuer must be an https URL without query or fragment, unless JwtJwksUrl or JwtJwks is set"


def origin_of(url):
    """Returns the origin of a URL as browsers send it: in lower case, without a default port."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + ("" if port in (None, default) else f":{port}")


def has_discovery(issuer):
    return re.fullmatch(r"(https://|http://(localhost|127\.[0-9.]+|\[::1\])([:/]|$))[^?#]*", issuer) is not None and len(issuer) > len("https://")


def refuse(found, source):
    if lines := list(found):
        raise Refused(f"Wrong values in {source}:\n" + "\n".join(f"  {line}" for line in lines))


def how_to_give(missing, asked_of, env, path):
    """Returns the message for runs without a terminal, with lines for the file."""
    lines = "\n".join(f"{wrapped(asked_of[name], '# ')}\n{name} = \"\"\n" for name in missing)
    region = " You can also set Region with AWS_REGION." if "Region" in missing else ""
    return (
        f"The environment {env} has no values for {', '.join(missing)}. Run make deploy ENV={env} in a terminal, which asks for them,\n"
        f"or write these lines with their values to {path}.{region}\n\n{lines}"
    )


def ask(names, asked_of, known, given, path):
    """Asks for each value, and writes each answer at once, so that an interrupted run can continue."""
    print(f"{len(names)} values have no default. Your answers are saved in {path}. Git ignores this file, and an upgrade never changes it.", flush=True)
    for number, name in enumerate(names, 1):
        parameter = asked_of[name]
        print(f"\n{number}/{len(names)}  {name}\n{wrapped(parameter, '  ')}")
        if "AllowedValues" in parameter:
            print(f"  Allowed values: {', '.join(map(str, parameter['AllowedValues']))}.")
        while True:
            value = answer(f"{name} [{known[name]}]: " if name in known else f"{name}: ") or known.get(name, "")
            problem = problem_of(parameter, value)
            found = [f"{name} {problem}"] if problem else [line for line in disagreements(known | given | {name: value}) if line.startswith(name)]
            if not found:
                break
            print("\n".join(f"  {line}." for line in found))
        given[name] = value
        write(path, name, value)
    print(flush=True)


def wrapped(parameter, indent):
    """The description of a parameter in lines. A name with hyphens stays in one line."""
    return textwrap.fill(parameter["Description"], 100, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def answer(prompt):
    try:
        return input(prompt).strip()
    except EOFError:
        raise Refused("\nNothing was deployed. Your answers so far are saved. The next run asks for the other values.") from None


def write(path, name, value):
    """Sets one line of the file. The other lines and their comments stay."""
    document = tomlkit.parse(path.read_text(encoding="utf-8-sig") if path.exists() else HEADER)
    document[name] = value
    path.parent.mkdir(exist_ok=True)
    whole = path.with_suffix(".new")
    whole.write_text(tomlkit.dumps(document), encoding="utf-8")
    os.replace(whole, path)
