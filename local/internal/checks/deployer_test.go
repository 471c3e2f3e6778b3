package checks

import (
	"os"
	"strings"
	"testing"
)

// If template.yaml gets a new function, role, table or log group, the deployer needs permissions
// for it, and for nothing beyond the stack.
func TestDeployerMayMakeEveryNamedResource(t *testing.T) {
	policy, err := os.ReadFile("../../../infra/deployer.yaml")
	if err != nil {
		t.Fatal(err)
	}
	resources := readOutline(t, "../../../template.yaml").at("Resources")
	if len(resources.names) == 0 {
		t.Fatal("template.yaml has no Resources")
	}
	for _, name := range resources.names {
		var resource string
		switch kind := resources.at(name, "Type").value; kind {
		case "AWS::Serverless::Function":
			resource = ":function:${StackName}-" + name + "-*"
		case "AWS::IAM::Role":
			resource = ":role${RolePath}${StackName}-" + name + "-*"
		case "AWS::DynamoDB::Table":
			resource = ":table/${StackName}-" + name + "-*"
		case "AWS::Logs::LogGroup":
			group := strings.ReplaceAll(resources.at(name, "Properties", "LogGroupName").value,
				"AWS::StackName", "StackName")
			group = strings.TrimPrefix(group, "!Sub ")
			resource = ":log-group:" + group[:strings.LastIndex(group, "/")] + "/*"
		case "AWS::Serverless::HttpApi":
			resource = "::/apis/*"
		case "AWS::SQS::Queue", "AWS::SQS::QueuePolicy":
			resource = ":sqs:${AWS::Region}:${AWS::AccountId}:${StackName}-" + strings.TrimSuffix(name, "Policy") + "-*"
		case "AWS::Events::Rule":
			resource = ":rule/aws.partner/stripe.com/*/${StackName}-" + name + "-*"
		case "AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig":
			function := resources.at(name, "Properties", "FunctionName").value
			function, _, _ = strings.Cut(strings.TrimPrefix(function, "!Ref "), ".")
			resource = ":function:${StackName}-" + function + "-*"
		case "AWS::CloudWatch::Alarm":
			resource = ":alarm:${StackName}-*"
		case "AWS::CloudFormation::Stack":
			resource = ":stack/${StackName}-" + name + "-*"
		case "AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping":
			resource = "::/domainnames/${DomainName}/*"
		case "AWS::Route53::RecordSetGroup":
			resource = ":hostedzone/${HostedZoneId}"
		default:
			t.Errorf("template.yaml has a resource of the new type %s (%s): allow it in infra/deployer.yaml, and add "+
				"the type here", kind, name)
			continue
		}
		if !strings.Contains(string(policy), resource+"\n") {
			t.Errorf("infra/deployer.yaml has no permission for a resource that ends in %s", resource)
		}
	}
}
