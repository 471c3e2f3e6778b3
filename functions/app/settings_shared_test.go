package app_test

// awsSettings are the variables of every function that name AWS's region, endpoints and
// credentials.
var awsSettings = []setting{
	{variable: "AWS_ACCESS_KEY_ID", value: "AKIDSECOND", replaced: [][2]string{{"AKIDFIRST", "AKIDSECOND"}}},
	{variable: "AWS_SECRET_ACCESS_KEY", value: secondAccessKey,
		replaced: [][2]string{{firstAccessKey, secondAccessKey}}},
	{variable: "AWS_SESSION_TOKEN", value: secondSessionToken,
		replaced: [][2]string{{firstSessionToken, secondSessionToken}}},
	{variable: "AWS_ENDPOINT_URL", value: "https://aws.example.com/all", replaced: [][2]string{
		{"dynamodb.eu-central-1.amazonaws.com/ ", "aws.example.com/all "},
		{"secretsmanager.eu-central-1.amazonaws.com/ ", "aws.example.com/all "},
	}},
	{variable: "AWS_ENDPOINT_URL_DYNAMODB", value: "https://dynamodb.example.com/one", replaced: [][2]string{
		{"dynamodb.eu-central-1.amazonaws.com/ ", "dynamodb.example.com/one "},
	}},
	{variable: "AWS_ENDPOINT_URL_DYNAMODB", value: "https://dynamodb.example.com/one",
		with: variables{"AWS_ENDPOINT_URL": "https://aws.example.com/all"},
		replaced: [][2]string{{"dynamodb at https://aws.example.com/all",
			"dynamodb at https://dynamodb.example.com/one"}}},
	{variable: "AWS_ENDPOINT_URL_SECRETS_MANAGER", value: "https://secrets.example.com/one", replaced: [][2]string{
		{"secretsmanager.eu-central-1.amazonaws.com/ ", "secrets.example.com/one "},
	}},
	{variable: "AWS_ENDPOINT_URL_SECRETS_MANAGER", value: "https://secrets.example.com/one",
		with: variables{"AWS_ENDPOINT_URL": "https://aws.example.com/all"},
		replaced: [][2]string{{"secretsmanager at https://aws.example.com/all",
			"secretsmanager at https://secrets.example.com/one"}}},
	{variable: "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", value: "True",
		with: variables{"AWS_ENDPOINT_URL": "https://aws.example.com/all",
			"AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.example.com/one"},
		replaced: [][2]string{
			{"dynamodb.example.com/one ", "dynamodb.eu-central-1.amazonaws.com/ "},
			{"aws.example.com/all ", "secretsmanager.eu-central-1.amazonaws.com/ "},
		}},
	{variable: "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", value: "false", nothing: "it is the default"},
}

// sharedSettings are the variables of the function and of the mapping, which the portal reads and
// the webhook writes.
var sharedSettings = []setting{
	{variable: "AWS_REGION", value: "us-west-2", replaced: [][2]string{{"eu-central-1", "us-west-2"}}},
	{variable: "AWS_LAMBDA_FUNCTION_NAME", value: "second-function",
		replaced: [][2]string{{"= first-function", "= second-function"}}},
	{variable: "AWS_LAMBDA_FUNCTION_VERSION", value: "7", come: []string{
		"line: version = 7",
		"metric: BillingPortal [[function version]] requests in Count",
		"metric: BillingPortal [[function version]] failures in Count",
	}},
	{variable: "RELEASE", value: "v1.2.3", come: []string{"line: release = v1.2.3"}},
	{variable: "CUSTOMERS_TABLE", value: "people", replaced: [][2]string{{"table customers", "table people"}}},
	{variable: "CUSTOMERS_KEY", value: "pk", replaced: [][2]string{{"key user_id=", "key pk="}}},
	{variable: "CUSTOMERS_KEY_FORMAT", value: "USER#{user}",
		replaced: [][2]string{{"key user_id=", "key user_id=USER#"}}},
}
