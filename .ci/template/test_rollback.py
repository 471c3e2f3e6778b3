"""A rollback returns callers to the previous version, in every state of a deployment."""

import os
import unittest
from unittest import mock

import rollback
from fake_aws import SESSION, FakeAWS
from release_state import Refused

PORTAL, WEBHOOK = "portal-PortalFunction-1", "portal-WebhookFunction-1"


class RollBack(unittest.TestCase):
    def setUp(self):
        self.aws = FakeAWS(self)
        self.enterContext(mock.patch.dict(os.environ, self.aws.environment))
        self.said = []

    def roll_back(self):
        rollback.roll_back(SESSION, "portal", pause=lambda _: self.aws.after.get("pause", lambda: None)(), say=self.said.append)

    def moves(self):
        return [(call["FunctionName"], call["FunctionVersion"], call["RoutingConfig"]) for call in self.aws.made("UpdateAlias")]

    def refused(self, part):
        with self.assertRaises(Refused) as refusal:
            self.roll_back()
        self.assertIn(part, str(refusal.exception))
        self.assertEqual(self.moves(), [])

    def test_both_functions_return_to_the_previous_version(self):
        # Preflight refused version 4, the next lower number.
        self.aws.deployed({"PreviousPortalVersion": "3", "PreviousWebhookVersion": "2"}, portal=(5, 5), webhook=(4, 4))
        self.roll_back()
        cleared = {"AdditionalVersionWeights": {}}
        self.assertEqual(self.moves(), [(PORTAL, "3", cleared), (WEBHOOK, "2", cleared)])
        self.assertIn("never moves `live` back", self.said[-1])

    def test_a_second_rollback_moves_nothing(self):
        self.aws.deployed({"PreviousPortalVersion": "3", "PreviousWebhookVersion": "2"}, portal=(5, 5), webhook=(4, 4))
        self.roll_back()
        self.roll_back()
        self.assertEqual(len(self.moves()), 2)
        self.assertIn("portal: `live` is already on version 3; the stack is on 5.", self.said)

    def test_an_incomplete_rollback_is_completed(self):
        self.aws.deployed({"PreviousPortalVersion": "3", "PreviousWebhookVersion": "2"}, portal=(5, 3), webhook=(4, 4))
        self.roll_back()
        self.assertEqual([m[:2] for m in self.moves()], [(WEBHOOK, "2")])

    def test_without_make_deploy_the_previous_version_is_the_next_lower_number(self):
        self.aws.deployed({}, portal=(5, 5), webhook=(1, 1))
        self.roll_back()
        self.assertEqual([m[:2] for m in self.moves()], [(PORTAL, "4")])
        self.assertIn("webhook: no version served before version 1, so `live` stays on it.", self.said)

    def test_a_new_webhook_stays_on_its_version(self):
        self.aws.deployed({"PreviousPortalVersion": "4"}, portal=(5, 5), webhook=(2, 2))
        self.roll_back()
        self.assertEqual([m[:2] for m in self.moves()], [(PORTAL, "4")])

    def test_weights_are_cleared(self):
        self.aws.deployed({"PreviousPortalVersion": "4"}, portal=(5, 4))
        self.aws.aliases[PORTAL]["RoutingConfig"] = {"AdditionalVersionWeights": {"5": 0.1}}
        self.roll_back()
        self.assertEqual(self.moves(), [(PORTAL, "4", {"AdditionalVersionWeights": {}})])

    def test_an_alias_that_changed_meanwhile_is_not_moved(self):
        self.aws.deployed({"PreviousPortalVersion": "4"}, portal=(5, 5))
        read = rollback.read

        def and_then_it_changes(*arguments):
            state = read(*arguments)
            self.aws.aliases[PORTAL]["RevisionId"] = "r2"
            return state

        with mock.patch.object(rollback, "read", and_then_it_changes), self.assertRaises(Exception) as failure:
            self.roll_back()
        self.assertIn("PreconditionFailed", str(failure.exception))
        self.assertEqual(self.aws.aliases[PORTAL]["FunctionVersion"], "5")

    def running(self, *deployments, status="UPDATE_IN_PROGRESS"):
        self.aws.deployed({"PreviousPortalVersion": "3"}, portal=(5, 4))
        self.aws.status = status
        self.aws.resources["ServerlessDeploymentApplication"] = ("AWS::CodeDeploy::Application", "app", "CREATE_COMPLETE")
        self.aws.resources["PortalFunctionDeploymentGroup"] = ("AWS::CodeDeploy::DeploymentGroup", "group", "CREATE_COMPLETE")
        for name, creator in deployments:
            self.aws.deployments[name] = {"group": "group", "status": "InProgress", "creator": creator}

    def all_is_taken_back(self):
        """Rolls back as CodeDeploy and CloudFormation do, one step at each poll."""
        steps = [self.codedeploy_stops, self.cloudformation_begins, self.cloudformation_cleans, self.cloudformation_ends]

        def step():
            if steps:
                steps.pop(0)()

        self.aws.after["pause"] = step

    def codedeploy_stops(self):
        self.aws.deployments["d-1"]["status"] = "Stopped"
        self.aws.deployments["d-2"] = {"group": "group", "status": "InProgress", "creator": "codeDeployRollback"}

    def cloudformation_begins(self):
        self.aws.deployments["d-2"]["status"] = "Succeeded"
        self.aws.status = "UPDATE_ROLLBACK_IN_PROGRESS"

    def cloudformation_cleans(self):
        self.aws.status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"

    def cloudformation_ends(self):
        self.aws.status = "UPDATE_ROLLBACK_COMPLETE"
        kind, arn, _ = self.aws.resources.pop("PortalFunctionVersionabcdef0125")
        self.aws.resources["PortalFunctionVersionabcdef0124"] = (kind, arn.replace(":5", ":4"), "CREATE_COMPLETE")

    def test_a_running_deployment_is_stopped_and_rollback_waits_for_it(self):
        self.running(("d-1", "CloudFormation"))
        self.all_is_taken_back()
        self.roll_back()
        self.assertEqual(self.aws.made("StopDeployment"), [{"deploymentId": "d-1", "autoRollbackEnabled": True}])
        self.assertEqual(self.aws.made("CancelUpdateStack"), [])
        self.assertEqual(self.moves(), [])
        self.assertEqual(self.said[-2], "portal: `live` and the stack are on version 4.")
        self.assertIn("it goes back one more release", self.said[-1])

    def test_an_update_that_moves_no_traffic_yet_is_cancelled(self):
        self.running()
        steps = [self.cloudformation_ends]
        self.aws.after["CancelUpdateStack"] = lambda: steps and steps.pop()()
        self.roll_back()
        self.assertEqual(len(self.aws.made("CancelUpdateStack")), 1)
        self.assertEqual(self.said[-2], "portal: `live` and the stack are on version 4.")

    def test_an_update_that_creates_the_first_alias_is_cancelled(self):
        self.running()
        self.aws.aliases.clear()
        self.aws.after["CancelUpdateStack"] = lambda: setattr(self.aws, "status", "UPDATE_ROLLBACK_COMPLETE")
        self.roll_back()
        self.assertEqual(self.said[-2], "portal: there is no alias `live`.")

    def test_the_alias_is_moved_if_a_deployment_ends_before_it_is_stopped(self):
        self.running(("d-1", "CloudFormation"))

        def ends():
            self.aws.deployments["d-1"]["status"] = "Succeeded"
            self.aws.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
            self.aws.aliases[PORTAL]["FunctionVersion"] = "5"

        self.aws.after["GetDeployment"] = ends
        self.roll_back()
        self.assertEqual([m[:2] for m in self.moves()], [(PORTAL, "3")])

    def test_the_alias_is_moved_if_an_update_ends_before_it_is_cancelled(self):
        self.running()

        def ends():
            self.aws.status = "UPDATE_COMPLETE"
            self.aws.aliases[PORTAL]["FunctionVersion"] = "5"

        self.aws.after["ListStackResources"] = ends
        self.roll_back()
        self.assertEqual(len(self.aws.made("CancelUpdateStack")), 1)
        self.assertEqual([m[:2] for m in self.moves()], [(PORTAL, "3")])

    def test_rollback_waits_for_a_stack_that_rolls_back(self):
        self.running(status="UPDATE_ROLLBACK_IN_PROGRESS")
        self.aws.after["pause"] = self.cloudformation_ends
        self.roll_back()
        self.assertEqual((self.aws.made("StopDeployment"), self.aws.made("CancelUpdateStack"), self.moves()), ([], [], []))

    def test_after_a_failed_rollback_of_the_stack_its_older_version_serves(self):
        """The parameters may already be those of the older version, so PreviousPortalVersion would be too old."""
        for live, weights, moves in (
            ("6", {}, [(PORTAL, "5", {"AdditionalVersionWeights": {}})]),
            ("5", {"6": 0.1}, [(PORTAL, "5", {"AdditionalVersionWeights": {}})]),
            ("5", {}, []),
            ("4", {}, []),
        ):
            self.aws.deployed({"PreviousPortalVersion": "4"}, portal=(5, 5)).deployed({"PreviousPortalVersion": "4"}, portal=(6, 6))
            self.aws.status = "UPDATE_ROLLBACK_FAILED"
            self.aws.aliases[PORTAL] |= {"FunctionVersion": live, "RoutingConfig": {"AdditionalVersionWeights": weights}}
            self.aws.calls.clear()
            self.roll_back()
            self.assertEqual(self.moves(), moves)
            self.assertIn("aws cloudformation continue-update-rollback --stack-name portal", self.said[-1])
            self.assertIn("PortalFunctionAliaslive", self.said[-1])

    def test_without_an_earlier_version_it_is_refused(self):
        self.aws.status = None
        self.refused("no stack")
        for status in ("CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE"):
            self.aws.status = status
            self.refused("no earlier version to return to")
        self.aws.status = "CREATE_COMPLETE"
        self.aws.deployed({}, portal=(1, 1))
        self.refused("No alias was moved")


if __name__ == "__main__":
    unittest.main()
