"""Refuses deployments that would leave users without their table.

CloudFormation replaces a table with an empty one if its key changes, and another table may be empty. Preflight checks this too, but
it does not run when an alias is created or without CodeDeploy.
"""

from botocore.exceptions import ClientError
from release_state import ALIAS, Refused

ADVICE = 'infra/README.md, "Another table or key", says how to move the items.'


def check(aws, state, parameters, say=print):
    """Raises Refused for parameters that would replace the stack's table, or use another table that is empty."""
    before, after = key_of(parameters | state.parameters), key_of(parameters)
    own = state.resources.get("Customers", "")
    if own and not parameters["CustomersTable"] and before != after:
        raise Refused(f"The table's key is {shown(before)}. With the key {shown(after)}, CloudFormation would replace it with an empty table. {ADVICE}")
    if not (live := served(aws, state)):
        return
    wanted = parameters["CustomersTable"] or own
    if (wanted, after) == live or (wanted and not is_empty(aws, wanted, say)):
        return
    if is_empty(aws, live[0], say):
        return
    new = f"Table {wanted} with the key {shown(after)} is empty" if wanted else "The stack would create an empty table"
    raise Refused(f"{new}, and callers are served from {live[0]} with the key {shown(live[1])}. All users would be without an account. {ADVICE}")


def key_of(parameters):
    """Returns the names of the partition key and the sort key, "" for none."""
    return parameters.get("CustomersKey", ""), parameters.get("CustomersSortKey", "").split("=", 1)[0].strip()


def shown(key):
    return ", ".join(name for name in key if name)


def served(aws, state):
    """Returns the table and the key that callers are served from, or None without a function."""
    portal = next((f for f in state.functions if f.title == "portal"), None)
    if not portal:
        return None
    qualifier = {"Qualifier": ALIAS} if portal.live else {}
    configuration = aws.client("lambda").get_function_configuration(FunctionName=portal.name, **qualifier)
    variables = configuration.get("Environment", {}).get("Variables", {})
    if not variables.get("CUSTOMERS_TABLE"):
        return None
    key = key_of({"CustomersKey": variables.get("CUSTOMERS_KEY") or "user_id", "CustomersSortKey": variables.get("CUSTOMERS_SORT_KEY", "")})
    return variables["CUSTOMERS_TABLE"], key


def is_empty(aws, table, say):
    """Reports whether a table is empty. A table that cannot be read counts as not empty."""
    try:
        return not aws.client("dynamodb").scan(TableName=table, Limit=1, Select="COUNT")["Count"]
    except ClientError as failure:
        code = failure.response["Error"]["Code"]
        say(f"Table {table} cannot be read with your credentials ({code}), so it was not checked whether it is empty.")
        return False
