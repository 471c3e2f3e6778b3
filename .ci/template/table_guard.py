"""No deployment takes the table away from its users.

CloudFormation replaces a table whose key changes by an empty one, and another table may be empty. Preflight finds out too, but it is
not asked when an alias is made or when CodeDeploy takes no part.
"""

from botocore.exceptions import ClientError
from release_state import ALIAS, Refused

ADVICE = 'infra/README.md, "Another table or key", says how to move the items.'


def check(aws, state, parameters, say=print):
    """Refuses parameters that would replace the stack's table, or give the users another one that is empty."""
    before, after = key_of(parameters | state.parameters), key_of(parameters)
    own = state.resources.get("Customers", "")
    if own and not parameters["CustomersTable"] and before != after:
        raise Refused(f"The table's key is {shown(before)}. With {shown(after)}, CloudFormation would replace it by an empty table. {ADVICE}")
    if not (live := served(aws, state)):
        return
    wanted = parameters["CustomersTable"] or own
    if (wanted, after) == live or (wanted and not is_empty(aws, wanted, say)):
        return
    if is_empty(aws, live[0], say):
        return
    new = f"Table {wanted} with the key {shown(after)} is empty" if wanted else "The stack would create an empty table"
    raise Refused(f"{new}, and callers are served from {live[0]} with the key {shown(live[1])}: each would be without an account. {ADVICE}")


def key_of(parameters):
    """Names of the partition key and the sort key, "" for none."""
    return parameters.get("CustomersKey", ""), parameters.get("CustomersSortKey", "").split("=", 1)[0].strip()


def shown(key):
    return ", ".join(name for name in key if name)


def served(aws, state):
    """Table and key that callers are served from; None if there is no function yet."""
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
    """Whether a table has no item. One that cannot be read counts as one that has some."""
    try:
        return not aws.client("dynamodb").scan(TableName=table, Limit=1, Select="COUNT")["Count"]
    except ClientError as failure:
        code = failure.response["Error"]["Code"]
        say(f"Table {table} cannot be read from here ({code}), so whether it is empty was not checked.")
        return False
