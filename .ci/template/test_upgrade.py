"""A deployment is refused while another moves traffic, never returns traffic to a bad release, and keeps the rights of the old version."""

import contextlib
import io
import json
import os
import unittest
from unittest import mock

import table_guard
import translated
import upgrade
from answers import problem_of
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from fake_aws import SESSION, FakeAWS
from release_state import Function, Refused, State

PARAMETERS = translated.read("template.yaml")["Parameters"]
DEFAULTS = {n: str(p["Default"]) for n, p in PARAMETERS.items() if "Default" in p and n not in upgrade.PREVIOUS}
OLD = DEFAULTS | translated.REQUIRED | {"Release": "0123456789-old", "WebhookSecretId": "hook/a", "StripeSecretId": "stripe/a"}
PORTAL, WEBHOOK = "portal-PortalFunction-1", "portal-WebhookFunction-1"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/"


class Upgrade(unittest.TestCase):
    def setUp(self):
        self.aws = FakeAWS(self)
        self.enterContext(mock.patch.dict(os.environ, self.aws.environment))
        self.deployed()

    def deployed(self, live=(5, 5), **changes):
        """Returns a stack with its own table, on version 5 of each function."""
        self.aws.deployed(OLD | changes, portal=(5, live[0]), webhook=(5, live[1]))
        parameters = self.aws.parameters
        table = parameters["CustomersTable"]
        if not table:
            table = "portal-Customers-1"
            self.aws.resources["Customers"] = ("AWS::DynamoDB::Table", table, "CREATE_COMPLETE")
        variables = {"CUSTOMERS_TABLE": table, "CUSTOMERS_KEY": parameters["CustomersKey"], "CUSTOMERS_SORT_KEY": parameters["CustomersSortKey"]}
        self.aws.variables[(PORTAL, "live")] = variables

    def prepare(self, release="abcdefabcd-new", **changes):
        self.said = io.StringIO()
        with contextlib.redirect_stdout(self.said):
            return upgrade.prepare(SESSION, "portal", {n: v for n, v in OLD.items() if n != "Release"} | changes, release)[1]

    def refused(self, *parts, **changes):
        with self.assertRaises(Refused) as refusal:
            self.prepare(**changes)
        for part in parts:
            self.assertIn(part, str(refusal.exception))
        self.assertEqual(self.aws.made("UpdateAlias"), [])


class Traffic(Upgrade):
    def test_a_first_deployment_is_allowed(self):
        self.aws.status = None
        self.assertEqual(self.prepare(), {})
        self.aws.status = "REVIEW_IN_PROGRESS"
        self.assertEqual(self.prepare(), {})

    def test_nothing_is_deployed_while_a_deployment_runs(self):
        for status in ("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"):
            self.aws.status = status
            self.refused(status, "make rollback")
        self.aws.status = "UPDATE_COMPLETE"
        self.aws.resources["ServerlessDeploymentApplication"] = ("AWS::CodeDeploy::Application", "app", "CREATE_COMPLETE")
        self.aws.resources["WebhookFunctionDeploymentGroup"] = ("AWS::CodeDeploy::DeploymentGroup", "group", "CREATE_COMPLETE")
        for status in ("Created", "Queued", "InProgress", "Baking", "Ready"):
            self.aws.deployments["d-1"] = {"group": "group", "status": status, "creator": "user"}
            self.refused("d-1")
        for status in ("Succeeded", "Failed", "Stopped"):
            self.aws.deployments["d-1"]["status"] = status
            self.prepare()

    def test_a_stack_that_cannot_be_updated_says_what_to_do(self):
        for status, advice in (
            ("ROLLBACK_COMPLETE", "aws cloudformation delete-stack --stack-name portal"),
            ("ROLLBACK_FAILED", "aws cloudformation delete-stack --stack-name portal"),
            ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name portal"),
        ):
            self.aws.status = status
            self.refused(status, advice)

    def test_nothing_is_deployed_while_weights_are_set(self):
        self.aws.aliases[WEBHOOK]["RoutingConfig"] = {"AdditionalVersionWeights": {"4": 0.1}}
        self.refused("between version 5 and 4", "make rollback", f"--function-name {WEBHOOK}")

    def test_a_moved_alias_stays_and_the_release_is_deployed_without_codedeploy(self):
        for live in ((4, 4), (5, 4), (4, 5)):
            self.deployed(live, SafeDeployment="true")
            self.assertEqual(self.prepare(SafeDeployment="true")["SafeDeployment"], "false")
            self.assertEqual(self.aws.made("UpdateAlias"), [])
        self.deployed()
        self.assertNotIn("SafeDeployment", self.prepare())

    def test_the_release_that_was_rolled_back_is_not_deployed_again(self):
        self.deployed((4, 4))
        self.refused("rolled back", "portal: version 4, the stack is on 5", release="0123456789-dirty")

    def taken_back(self, function, release, number):
        self.aws.versions[function].append(number)
        self.aws.variables[(function, str(number))] = {"RELEASE": release}

    def test_a_release_that_codedeploy_rolled_back_gets_another_name(self):
        """Otherwise Lambda would return the existing version, and CloudFormation would always fail, because the name depends on code and values."""
        wanted = "abcdefabcd-v1.2.3"
        for function in (PORTAL, WEBHOOK):
            self.deployed()
            self.taken_back(function, "abcdefabcd-dirty", 7)
            name = self.prepare(release=wanted)["Release"]
            self.assertRegex(name, "^[0-9a-f]{10}-again7-v1.2.3$")
            self.assertNotEqual(name[:10], wanted[:10])
            self.assertEqual(problem_of(PARAMETERS["Release"], self.prepare(release=f"abcdefabcd-{'x' * 117}")["Release"]), None)
            # It is rolled back too: this version has another name than the release.
            self.taken_back(function, name, 8)
            self.assertNotIn("Release", self.prepare(release=wanted))
            self.taken_back(function, wanted, 9)
            self.assertNotIn(self.prepare(release=wanted)["Release"][:10], (name[:10], wanted[:10]))
            # It is deployed: the same code and values publish nothing.
            self.deployed(Release=name)
            self.assertEqual(self.prepare(release=wanted), {"Release": name})
            self.assertEqual(self.prepare(release="abcdefabce-v1.2.3").get("Release"), None)
            self.deployed((4, 5), Release=name)
            self.refused("rolled back", release=wanted)

    def test_a_stack_without_aliases_is_allowed(self):
        self.aws.aliases.clear()
        self.aws.variables = {(PORTAL, None): self.aws.variables[(PORTAL, "live")]}
        self.assertEqual(self.prepare(), {})
        self.refused("replace it with an empty table", CustomersKey="pk")


class Previous(Upgrade):
    def previous(self, **changes):
        return {n: v for n, v in self.prepare(**changes).items() if not n.endswith("Version")}

    def test_the_serving_versions_are_kept_as_parameters(self):
        self.deployed((4, 5))
        found = self.prepare()
        self.assertEqual((found["PreviousPortalVersion"], found["PreviousWebhookVersion"]), ("4", "5"))

    def test_latest_is_not_a_version_to_return_to(self):
        self.deployed(("$LATEST", 5))
        found = self.prepare()
        self.assertEqual((found["SafeDeployment"], found["PreviousWebhookVersion"]), ("false", "5"))
        self.assertNotIn("PreviousPortalVersion", found)

    def test_unchanged_names_are_not_kept(self):
        self.assertEqual(self.previous(), {})

    def test_changed_names_are_kept(self):
        for changes, expected in (
            ({"StripeSecretId": "stripe/b"}, {"PreviousStripeSecretId": "stripe/a", "PreviousStripeSecretKmsKeyArn": KEY + "s"}),
            ({"StripeSecretKmsKeyArn": ""}, {"PreviousStripeSecretId": "stripe/a", "PreviousStripeSecretKmsKeyArn": KEY + "s"}),
            ({"WebhookSecretId": ""}, {"PreviousWebhookSecretId": "hook/a", "PreviousWebhookSecretKmsKeyArn": ""}),
            ({"WebhookSecretKmsKeyArn": KEY + "h"}, {"PreviousWebhookSecretId": "hook/a", "PreviousWebhookSecretKmsKeyArn": ""}),
        ):
            self.deployed(StripeSecretKmsKeyArn=KEY + "s")
            self.assertEqual(self.previous(**({"StripeSecretKmsKeyArn": KEY + "s"} | changes)), expected)

    def test_the_table_is_kept_with_its_format_and_key(self):
        self.aws.items = {"users": 3}
        before = {"PreviousCustomersTable": "portal-Customers-1", "PreviousCustomersKeyFormat": "{user}", "PreviousCustomersKmsKeyArn": ""}
        for changes in ({"CustomersTable": "users"}, {"CustomersKeyFormat": "USER#{user}"}, {"CustomersKmsKeyArn": KEY + "t"}):
            self.assertEqual(self.previous(**changes), before)

    def test_a_stack_without_a_key_format_has_the_plain_one(self):
        del self.aws.parameters["CustomersKeyFormat"]
        self.assertEqual(self.previous(CustomersKeyFormat="USER#{user}")["PreviousCustomersKeyFormat"], "{user}")

    def test_a_new_secret_has_no_previous_one(self):
        self.deployed(WebhookSecretId="")
        self.assertEqual(self.previous(), {})

    def test_the_same_release_keeps_the_previous_names(self):
        kept = {"PreviousStripeSecretId": "stripe/0", "PreviousPortalVersion": "3"}
        self.deployed(**kept)
        kept["Release"] = OLD["Release"]
        self.assertEqual(self.prepare(release="0123456789-other"), kept)
        self.assertNotIn("PreviousStripeSecretId", self.prepare())

    def test_after_a_rollback_the_names_of_the_serving_version_are_kept(self):
        self.deployed((4, 4), PreviousStripeSecretId="stripe/0", PreviousStripeSecretKmsKeyArn=KEY + "0")
        found = self.previous(StripeSecretId="stripe/c", WebhookSecretId="hook/c")
        expected = {"PreviousStripeSecretId": "stripe/0", "PreviousStripeSecretKmsKeyArn": KEY + "0", "PreviousWebhookSecretId": "hook/a"}
        self.assertEqual(found, found | expected)
        self.assertNotIn("PreviousStripeSecretId", self.previous(StripeSecretId="stripe/0", StripeSecretKmsKeyArn=KEY + "0"))


class Roles(unittest.TestCase):
    """CloudFormation changes the roles before traffic moves, so the roles have the rights of both versions."""

    TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/portal-Customers-1"

    def allowed(self, parameters, role):
        """Returns a role's rights to secrets, tables and keys, each with its condition."""
        roles = translated.Stack(translated.translate(OLD), parameters).resources
        return {
            (action, resource.replace("<Customers.Arn>", self.TABLE), json.dumps(statement.get("Condition")))
            for statement in (translated.statements(roles[role]) if role in roles else [])
            for action in translated.as_list(statement["Action"])
            for resource in translated.as_list(statement["Resource"])
            if action.startswith(("secretsmanager:", "dynamodb:", "kms:"))
        }

    def previous(self, old, new):
        functions = [Function(title, title, "5", "", "5", {}, "") for title in ("portal", "webhook")]
        state = State("portal", "UPDATE_COMPLETE", old, {"Customers": "portal-Customers-1"}, functions, [])
        return upgrade.previous(state, new)

    def test_the_previous_version_keeps_its_rights_until_the_next_release(self):
        secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
        table = "arn:aws:dynamodb:eu-west-1:210987654321:table/users"
        keys = {"StripeSecretKmsKeyArn": KEY + "s", "WebhookSecretKmsKeyArn": KEY + "h", "CustomersKmsKeyArn": KEY + "t"}
        for before, changes in (
            (keys, {"StripeSecretId": "stripe/b"}),
            (keys, {"StripeSecretKmsKeyArn": KEY + "other"}),
            ({"StripeSecretId": f"{secret}stripe/a-AbCdEf"}, {"StripeSecretId": "stripe/b"}),
            (keys, {"WebhookSecretId": f"{secret}hook/b-AbCdEf", "WebhookSecretKmsKeyArn": ""}),
            (keys | {"StripeEventSource": "aws.partner/stripe.com/ed_1"}, {"WebhookSecretId": ""}),
            (keys, {"CustomersTable": "users", "CustomersKmsKeyArn": ""}),
            ({"CustomersTable": table, "CustomersKeyFormat": "USER#{user}"}, {"CustomersTable": "users", "CustomersKeyFormat": "{user}#B"}),
            (keys, {"CustomersKeyFormat": "USER#{user}"}),
            (keys, {"CustomersKmsKeyArn": KEY + "other"}),
        ):
            old = OLD | before
            new = old | changes
            between = new | self.previous(old, new)
            lost = 0
            for role in ("PortalRole", "WebhookRole"):
                self.assertLessEqual(self.allowed(old, role), self.allowed(between, role), changes)
                self.assertLessEqual(self.allowed(between, role), self.allowed(old, role) | self.allowed(new, role), changes)
                lost += len(self.allowed(old, role) - self.allowed(new, role))
            self.assertGreater(lost, 0, "nothing would have been lost")
            self.assertEqual(self.previous(new, new), {"PreviousPortalVersion": "5", "PreviousWebhookVersion": "5"})

    def test_preflight_may_check_whether_the_previous_table_is_empty(self):
        new = OLD | {"CustomersTable": "users", "CustomersKmsKeyArn": ""}
        old = OLD | {"CustomersKmsKeyArn": KEY + "t"}
        more = self.allowed(new | self.previous(old, new), "PreflightRole") - self.allowed(new, "PreflightRole")
        via = json.dumps({"StringEquals": {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}})
        self.assertEqual(more, {("dynamodb:Scan", self.TABLE, "null"), ("kms:Decrypt", KEY + "t", via)})


class Table(Upgrade):
    def test_a_key_that_replaces_the_table_is_refused(self):
        for changes in ({"CustomersKey": "pk"}, {"CustomersSortKey": "sk=BILLING"}, {"CustomersKey": "pk", "CustomersSortKey": "sk={user}"}):
            self.aws.items = {"portal-Customers-1": 0}
            self.refused("user_id", "replace it with an empty table", "Another table or key", **changes)
        self.deployed(CustomersSortKey="sk=BILLING")
        self.refused("user_id, sk", CustomersSortKey="")
        self.refused("user_id, sk", CustomersSortKey="other=BILLING")

    def test_only_the_key_replaces_the_table(self):
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::DynamoDB::Table").schema
        replacing = {p.split("/")[2] for p in schema["createOnlyProperties"] + schema["conditionalCreateOnlyProperties"]}
        for changes in ({}, {"CustomersKey": "pk"}, {"CustomersSortKey": "sk=B={user}"}):
            properties = translated.Stack(translated.translate(OLD), OLD | changes).resources["Customers"]["Properties"]
            self.assertEqual(replacing & set(properties), {"KeySchema"})
            names = [element["AttributeName"] for element in properties["KeySchema"]]
            self.assertEqual(names, [name for name in table_guard.key_of(OLD | changes) if name])

    def test_changes_that_do_not_replace_the_table_are_allowed(self):
        self.deployed(CustomersSortKey="sk=BILLING")
        self.prepare(CustomersSortKey="sk=OTHER", CustomersAttribute="x", CustomersKeyFormat="U#{user}", CustomersKmsKeyArn=KEY + "t")

    def test_another_table_with_items_is_allowed(self):
        self.aws.items = {"users": 1, "portal-Customers-1": 7}
        self.prepare(CustomersTable="users", CustomersKey="pk")

    def test_another_table_without_items_is_refused(self):
        for live in (7, None):
            self.aws.items = {"users": 0, "portal-Customers-1": live}
            self.refused("Table users with the key pk is empty", "portal-Customers-1", CustomersTable="users", CustomersKey="pk")

    def test_an_empty_table_may_replace_an_empty_one(self):
        self.aws.items = {"users": 0, "portal-Customers-1": 0}
        self.prepare(CustomersTable="users", CustomersKey="pk")

    def test_a_table_that_cannot_be_read_is_left_to_preflight(self):
        self.aws.items = {"portal-Customers-1": 7}
        self.prepare(CustomersTable="users")
        self.assertIn("Table users cannot be read with your credentials (AccessDeniedException)", self.said.getvalue())

    def test_your_own_table_is_not_replaced_by_a_new_one(self):
        self.deployed(CustomersTable="users")
        del self.aws.resources["Customers"]
        self.refused("would create an empty table", "users", CustomersTable="")
        self.aws.items = {"users": 0}
        self.prepare(CustomersTable="")

    def test_after_a_rollback_the_serving_table_is_compared(self):
        self.deployed((4, 4), CustomersTable="new")
        self.aws.variables[(PORTAL, "live")]["CUSTOMERS_TABLE"] = "old"
        self.aws.items = {"new": 0, "old": 9}
        self.refused("served from old", CustomersTable="new")


if __name__ == "__main__":
    unittest.main()
