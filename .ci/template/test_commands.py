"""Every command of the documents works as written. It is compared with the models of the CLIs, the Makefile and the translated template.

TestDocumentsNameTheCommands of package local compares `go run ./local` and its flags with the program itself.
"""

import functools
import importlib
import re
import unittest

import awscli
import click
import documented
import translated
from samcli.cli.main import cli

# The name of the stack in the runbook, and placeholders for names that each deployment chooses.
STACK, OWN = "NAME", re.compile(r"…|\$(?!\(output_)|^FUNCTION$")
# Names of stacks in samconfig.toml.
STACKS = re.compile(r"^billing-portal(-[a-z]+)?$")


@functools.cache
def stack():
    return translated.deployed(translated.EVERYTHING, {"AWS::StackName": STACK})


@functools.cache
def names():
    """Returns the names of all resources in the stack, by the option of a command that takes them."""
    alarms = [*stack().of_type("AWS::CloudWatch::Alarm").values(), *translated.observability(stack()).of_type("AWS::CloudWatch::Alarm").values()]
    groups = {g["Properties"]["LogGroupName"] for g in stack().of_type("AWS::Logs::LogGroup").values()}
    functions = {f"$(output_{name})" for name in outputs() if name.endswith("FunctionName")}
    logs = {f"$(output_{name})" for name in outputs() if name.endswith("LogGroupName")}
    return {
        "--alarm-names": {re.sub("<.*>", "N", a["Properties"]["AlarmName"]) for a in alarms},
        "--function-name": functions | {f"{name}:live" for name in functions},
        "--log-group-name": groups | logs,
        "--log-group-names": groups | logs,
        "--logical-resource-id": set(stack().resources),
    }


def outputs():
    return declared("Outputs", "template.yaml")


@functools.cache
def declared(section, *paths):
    """Returns the names in a section of templates. Without paths, these are all templates."""
    infra = [p.relative_to(translated.ROOT) for p in (translated.ROOT / "infra").glob("*.yaml") if p.name != "openapi.yaml"]
    return {name for path in paths or ["template.yaml", *infra] for name in translated.read(path).get(section, {})}


def aws(words):
    command = awscli.Command(words)
    problems = command.problems
    for option, values in command.options.items():
        if option == "--name" and words[2].endswith("-alias") and values != ["live"]:
            problems.append("the alias is live")
        if option == "--stack-name" and not STACKS.match(values[0]) and values[0] != STACK and not OWN.search(values[0]):
            problems.append(f"there is no stack {values[0]}")
        for value in values if option in names() else []:
            if value not in names()[option] and not OWN.search(value):
                problems.append(f"the stack has no {option} {value}")
        for name in re.findall(r"OutputKey==.([A-Za-z]+)", " ".join(values)):
            if name not in declared("Outputs"):
                problems.append(f"no stack has the output {name}")
    return problems


def output(words):
    """Checks calls of the shell function at the start of the runbook."""
    return [f"the stack has no output {name}" for name in words[1:] if name not in outputs() and not OWN.search(name)]


def sam(words):
    # SAM loads the module of a command only when it runs the command.
    if words[1] not in cli._commands:
        return [f"there is no {words[1]}"]
    command, rest = importlib.import_module(cli._commands[words[1]]).cli, words[2:]
    while rest and isinstance(command, click.Group):
        name = rest.pop(0)
        command = command.get_command(click.Context(command), name)
        if command is None:
            return [f"there is no {name}"]
    options = {option for p in command.params for option in [*p.opts, *p.secondary_opts]}
    problems = [f"there is no {word}" for word in rest if re.match("--?[a-z]", word) and word not in options]
    functions = [word for word in rest if word.endswith("Function")]
    return problems + [f"the stack has no {name}" for name in functions if name not in stack().resources]


def make(words):
    makefile = (translated.ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE)
    variables = re.findall(r"^(?:export )?([A-Z_]+) *[:?]?=", makefile, re.MULTILINE)
    problems = []
    for word in words[1:]:
        name, is_variable, _ = word.partition("=")
        if name not in (variables if is_variable else targets):
            problems.append(f"there is no {name}")
    return problems


def files(words):
    folders = "|".join(p.name for p in translated.ROOT.iterdir() if p.is_dir() and not p.name.startswith("."))
    paths = [word for word in words if re.match(rf"({folders})/[\w./-]+$", word)]
    return [f"there is no {path}" for path in paths if not (translated.ROOT / path).exists()]


def parameters(line):
    """Returns problems with the parameters that a line sets."""
    set_ = re.findall(r"(?:^|[ \"])([A-Z][a-z]+(?:[A-Z][a-z]+)+)=", line)
    return [f"no template has the parameter {name}" for name in set_ if name not in declared("Parameters")]


TOOLS = {"aws": aws, "output": output, "sam": sam, "make": make}


def commands(line):
    try:
        return list(documented.commands(line))
    except ValueError:
        return []  # the line is text with an apostrophe


def problems_of(line):
    found = [] if re.search(r"\baws [a-z0-9]+ (?!deploy\b)", line) else parameters(line)
    for words in commands(line):
        problems = TOOLS[words[0]](words) if words[0] in TOOLS and words[1:] else []
        problems += files(words) if words[0] in {*TOOLS, "go"} else []
        found += [f"{' '.join(words)}: {problem}" for problem in problems]
    return found


class Commands(unittest.TestCase):
    def test_every_command_works_as_written(self):
        counts = dict.fromkeys(TOOLS, 0)
        for path, text in documented.pages().items():
            for line in documented.code(text):
                with self.subTest(f"{path}: {line}"):
                    self.assertEqual(problems_of(line), [])
                for words in commands(line):
                    if words[0] in TOOLS:
                        counts[words[0]] += 1
                self.assertFalse(line.startswith(tuple(TOOLS)) and line.split()[1:] and not commands(line), f"{line} has an open quote")
        self.assertGreater(min(counts.values()), 4, "commands are not found")

    def test_every_output_that_a_document_names_exists(self):
        for path, text in documented.pages().items():
            named = re.findall(r"outputs? `([A-Za-z]+)`", " ".join(text.split()))
            self.assertEqual([name for name in named if name not in declared("Outputs")], [], path)

    def test_wrong_commands_are_found(self):
        for line, problem in WRONG.items():
            with self.subTest(line):
                self.assertIn(problem, "\n".join(problems_of(line)))

    def test_correct_commands_are_accepted(self):
        for line in RIGHT:
            with self.subTest(line):
                self.assertEqual(problems_of(line), [])
                self.assertNotEqual(commands(line), [])

    def test_a_command_of_several_lines_is_one(self):
        text = "    aws a \\\n      --b '{\"c\":\n      1}' | jq .\n    aws d\n\nIt's `aws e\nf`.\n"
        lines = list(documented.code(text))
        self.assertEqual(lines, ["aws a --b '{\"c\": 1}' | jq .", "aws d", "aws e f"])
        self.assertEqual([words for line in lines for words in commands(line)], [["aws", "a", "--b", '{"c": 1}'], ["jq", "."], ["aws", "d"], ["aws", "e", "f"]])

    def test_code_in_any_place_is_read(self):
        text = "```sh\naws a\n```\n\n```\naws b\n```\n\n```ts\nlet aws;\n```\n\n- `aws c`\n\n| | |\n|-|-|\n| `aws d` | |\n"
        self.assertEqual(list(documented.code(text)), ["aws a", "aws b", "aws c", "aws d"])


WRONG = {
    "aws lambada get-alias --name live": "there is no such command",
    "aws lambda get-allias --name live": "there is no such command",
    "aws lambda wait function-exist --function-name FUNCTION": "there is no such command",
    "aws lambda get-alias --function-name FUNCTION --name live --verbose": "there is no --verbose",
    "aws lambda get-alias --name live": "--function-name is missing",
    "aws lambda get-alias --function-name NAME --name live": "the stack has no --function-name NAME",
    "aws lambda get-alias --function-name FUNCTION --name prod": "the alias is live",
    'aws lambda get-alias --function-name "$(output PortalFunction)" --name live': "the stack has no output PortalFunction",
    'aws lambda get-alias --function-name "$(output DashboardName)" --name live': "the stack has no --function-name",
    "aws lambda get-alias --function-name FUNCTION --name live --query FunktionVersion": "the output has no FunktionVersion",
    "aws lambda get-alias --function-name FUNCTION --name live --query 'FunctionVersion['": "--query: ",
    "aws lambda list-aliases --function-name FUNCTION --query 'Aliases[].RoutingConfig.Weights'": "the output has no Weights",
    "aws lambda list-aliases --function-name FUNCTION --query \"Aliases[?Nam=='live']\"": "the output has no Nam",
    "aws lambda get-alias --function-name FUNCTION --name live --output csv": "there is no such --output",
    "aws lambda get-alias --function-name FUNCTION --name live out.json": "['out.json'] is not the name of 0 files",
    "aws lambda update-alias --function-name FUNCTION --name live --function-version": "--function-version has no value",
    "aws lambda invoke --function-name FUNCTION --payload file://event.json out.json": "is read as base64",
    "aws lambda invoke --function-name FUNCTION": "[] is not the name of 1 files",
    "aws dynamodb get-item --table-name T --key '{\"user_id\": {\"X\": \"u\"}}'": "there is no X",
    "aws dynamodb get-item --table-name T --key '{\"user_id\": \"u\"}'": "'u' is not of the type structure",
    "aws dynamodb get-item --table-name T --key '{\"user_id\": {'": "--key: ",
    "aws dynamodb get-item --table-name T --key user": "--key: ",
    "aws dynamodb update-continuous-backups --table-name T --point-in-time-recovery-specification Enabled=true": "there is no Enabled",
    "aws dynamodb update-continuous-backups --table-name T --point-in-time-recovery-specification RecoveryPeriodInDays=1": "PointInTimeRecoveryEnabled is missing",
    "aws dynamodb update-table --table-name T --deletion-protection-enabled true": "['true'] is not the name of 0 files",
    "aws dynamodb update-table --table-name T --billing-mode FREE": "FREE is not one of",
    "aws cloudformation create-stack --stack-name NAME --capabilities CAPABILITY_IAM CAPABILITY_ALL": "CAPABILITY_ALL is not one of",
    "aws logs filter-log-events --log-group-name /aws/lambda/NAME-portal": "the stack has no --log-group-name",
    "aws logs filter-log-events --log-group-name /aws/lambda/NAME/portal --limit many": "many is not a number",
    "aws cloudwatch describe-alarms --alarm-names NAME-PortalFailure": "the stack has no --alarm-names",
    "aws cloudformation describe-stacks --stack-name billing": "there is no stack billing",
    "aws cloudformation describe-stacks --query \"Stacks[0].Outputs[?OutputKey=='Portal'].OutputValue\"": "no stack has the output Portal",
    "aws cloudformation describe-stack-resource --stack-name NAME --logical-resource-id Portal": "the stack has no --logical-resource-id",
    "cat x | aws sqs send-mesage": "there is no such command",
    "for i in 1 2; do aws sqs send-mesage; done": "there is no such command",
    'echo "$(aws sqs send-mesage)"': "there is no such command",
    "make deplyo": "there is no deplyo",
    "make deploy ENVIRONMENT=prod": "there is no ENVIRONMENT",
    "sam depoly": "there is no depoly",
    "sam local invok": "there is no invok",
    "sam deploy --guide": "there is no --guide",
    "sam local invoke PortalFunktionFunction": "the stack has no PortalFunktionFunction",
    "sam local invoke PortalFunction -e events/nothing.json": "there is no events/nothing.json",
    'SafeDeployments="false"': "no template has the parameter SafeDeployments",
    "aws cloudformation deploy --stack-name NAME --guided": "there is no --guided",
    "aws cloudformation deploy --stack-name NAME --template-file x.yaml --parameter-overrides HostedZone=Z1": "no template has the parameter HostedZone",
}
RIGHT = [
    "aws lambda list-versions-by-function --function-name FUNCTION --query 'Versions[].[Version,Description]' --output text",
    'aws lambda get-alias --function-name "$(output WebhookFunctionName)" --name live --query RoutingConfig.AdditionalVersionWeights',
    'aws lambda invoke --function-name "$(output WebhookFunctionName):live" --cli-binary-format raw-in-base64-out --payload file://e.json out.json',
    "aws lambda invoke --function-name FUNCTION --payload fileb://event.json out.json",
    "aws dynamodb wait table-exists --table-name NEW",
    "aws dynamodb update-table --table-name T --no-deletion-protection-enabled",
    "aws dynamodb scan --table-name T --filter-expression x --query 'Items[].user_id.S' --output text",
    "aws dynamodb update-table --table-name T --replica-updates '[{\"Create\": {\"RegionName\": \"eu-west-1\"}}]'",
    "aws cloudwatch describe-alarms --alarm-names NAME-PortalFailures --state-value ALARM",
    "aws ec2 describe-vpcs --filters Name=vpc-id,Values=vpc-1,vpc-2 Name=state,Values=available",
    "aws s3api put-object --bucket b --key k --body file.pem",
    "aws s3 cp file s3://bucket/key",
    "aws cloudformation $1-stack --stack-name billing-portal",
    "aws cloudformation wait stack-$1-complete --stack-name billing-portal",
    "make build LAMBDA_GOARCH=amd64",
]


if __name__ == "__main__":
    unittest.main()
