# Commands for developers. `make help` lists them.

# Versions of the tools that the checks need besides go.mod. Node packages are pinned in package.json of .ci/npm and .ci/types.
# `make lock` writes their dependencies, with hashes, to .ci/python, .ci/npm and .ci/types.
GOLANGCI_LINT  := v2.15.0
GOVULNCHECK    := v1.9.0
GREMLINS       := v0.6.0
SAM_CLI        := 1.170.0
CFN_LINT       := 1.58.0
SCHEMATHESIS   := 4.32.5
CHECKOV        := 3.3.30
CYCLONEDX      := v1.9.0
MINISTACK      := 1.5.33
UV             := 0.13.9
DYNAMODB_LOCAL := 3.3.1
GECKODRIVER    := 0.37.1
# command:package, for apt-get. A package is installed only if its command is missing.
DEBIAN := chromium:chromium chromedriver:chromium-driver firefox-esr:firefox-esr WebKitWebDriver:webkit2gtk-driver Xvfb:xvfb cargo:cargo curl:curl javac:default-jdk-headless mvn:maven node:nodejs npm:npm openssl:openssl

# Maximum sizes of the Lambda binaries, in bytes.
PORTAL_LIMIT  := 10000000
WEBHOOK_LIMIT := 9500000
PREFLIGHT_LIMIT := 11000000

TOOLS := $(CURDIR)/.tools
BIN   := $(TOOLS)/bin
VENV  := $(TOOLS)/venv
SAM   := $(VENV)/bin/sam
# The name contains the versions of the installed tools.
VENV_FILE := $(TOOLS)/.venv-$(SAM_CLI)-$(CFN_LINT)-$(SCHEMATHESIS)
PYTHON_TOOLS := aws-sam-cli==$(SAM_CLI) cfn-lint==$(CFN_LINT) schemathesis==$(SCHEMATHESIS)
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## serve everything on this machine, at http://127.0.0.1:8080
	go run ./local

.PHONY: test
test: ## run the tests that need only Go
	go test ./...

.PHONY: dashboard
dashboard: $(VENV_FILE) ## draw the dashboard in four drills, as .cache/dashboard/*.svg
	$(VENV)/bin/python -B .ci/template/dashboard.py .cache/dashboard

.PHONY: bench
bench: ## measure the deployed binary, and compare it with a plain version and with the least code that Go allows (the floor)
	go run ./local/bench

.PHONY: mutants
mutants: mutants-go mutants-text ## change code, templates and documents, and report changes that no test notices

# One package at a time, without its subfolders (-E /): gremlins reports how many of its changes the package's own tests notice.
# local/e2e is left out: its tests take minutes (browsers, built binaries, frozen functions), and its packages have no other sources.
MUTATED = $(sort $(dir $(shell find functions local/internal -name '*_test.go'))) local/
.PHONY: mutants-go
mutants-go: $(BIN)/gremlins-$(GREMLINS)
	@for package in $(MUTATED); do \
		echo "== $$package"; \
		$< unleash --workers 2 --timeout-coefficient 20 -E / "./$$package" || exit 1; \
	done

# One line at a time: templates, the OpenAPI document, documents. MUTATE sets options and files.
MUTATE :=
.PHONY: mutants-text
mutants-text: $(VENV_FILE)
	@$(VENV)/bin/python -B .ci/template/mutate.py $(MUTATE)

.PHONY: build
build: $(VENV_FILE) ## build the functions for a deployment
	$(SAM) build

# ENV is an environment of samconfig.toml: `make deploy ENV=prod`. The first deployment asks for values that have no default and writes
# them to .deploy/ENV.toml. DEPLOY adds options of `sam deploy`. With an empty DOCTOR, the deployed stack is not checked.
ENV    := default
DEPLOY :=
DOCTOR := go run ./local doctor
.PHONY: deploy
deploy: $(VENV_FILE) ## build, deploy and check an environment: ENV=prod
	@$(VENV)/bin/python -B .ci/template/deploy.py --config-env $(ENV) --ask
	@$(MAKE) --no-print-directory build
	@DOCTOR='$(DOCTOR)' $(VENV)/bin/python -B .ci/template/deploy.py --config-env $(ENV) $(DEPLOY)

.PHONY: rollback
rollback: $(VENV_FILE) ## return callers to the previous release: ENV=prod
	@$(VENV)/bin/python -B .ci/template/rollback.py --config-env $(ENV) $(DEPLOY)

# For deployments without SAM: `make package BUCKET=my-bucket` prints the URL of the template.
BUCKET :=
PREFIX = billing-portal/$(shell git describe --always --dirty --tags)
ifeq ($(MAKECMDGOALS)$(BUCKET),package)
$(error Name a bucket: make package BUCKET=my-bucket)
endif
.PHONY: package
package: release ## upload a release to S3 for CloudFormation, the CDK and Terraform: BUCKET=…
	@.ci/package $(SAM) .cache/release/template $(BUCKET) $(PREFIX)

.PHONY: release
release: build sbom ## build the files of a release, in .cache/release
	@.ci/release .aws-sam/build .cache/licenses .cache/release

# The processor that the functions are built for. The template uses arm64; set another one to run the functions on this machine.
export LAMBDA_GOARCH ?= arm64

# `sam build` calls these for the functions of those names in template.yaml.
TAGS  := lambda.norpc,nethttpomithttp2
BUILD = CGO_ENABLED=0 GOOS=linux GOARCH=$(LAMBDA_GOARCH) go build -trimpath -buildvcs=false -tags $(TAGS) -ldflags '-s -w' -o $(ARTIFACTS_DIR)/bootstrap

.PHONY: build-PortalFunction
build-PortalFunction:
	$(BUILD) ./functions/portal

.PHONY: build-WebhookFunction
build-WebhookFunction:
	$(BUILD) ./functions/webhook

.PHONY: build-PreflightFunction
build-PreflightFunction:
	$(BUILD) ./functions/preflight

# ---- checks

.PHONY: check
check: tools check-go check-template check-policies check-stack check-openapi check-size check-reproducible check-types check-vulnerabilities check-tests ## run every check and the tests that need more than Go

.PHONY: check-go
check-go: $(BIN)/golangci-lint-$(GOLANGCI_LINT)
	@unformatted=$$(gofmt -l functions local .ci) || exit 1; \
		if [ -n "$$unformatted" ]; then echo "Run gofmt -w on these files:"; echo "$$unformatted"; exit 1; fi
	go mod tidy -diff
	go -C .ci/terraform mod tidy -diff
	go vet -race -tags integration,frameworks ./... # the linters run without -race
	$< run --build-tags integration,frameworks ./...

.PHONY: check-template
check-template: $(VENV_FILE) $(TOOLS)/npm/.installed
	@.ci/debian-packages openssl:openssl
	$(VENV)/bin/cfn-lint template.yaml infra/deployer.yaml infra/edge.yaml infra/observability.yaml
	$(SAM) validate --lint --region us-east-1
	$(VENV)/bin/python -B -m unittest discover -s .ci/template -t .ci/template

# checkov and SAM need different versions of the same packages, so checkov has its own folder.
.PHONY: check-policies
check-policies: $(VENV_FILE) $(TOOLS)/.checkov-$(CHECKOV)
	$(VENV)/bin/python -B .ci/template/translated.py .cache/template
	$(TOOLS)/checkov/bin/checkov --config-file .ci/template/checkov.yaml --directory .cache/template

# Deploys the stack to an emulator, and calls it.
.PHONY: check-stack
check-stack: $(VENV_FILE) $(TOOLS)/.ministack-$(MINISTACK) $(TOOLS)/npm/.installed
	@.ci/emulated $(VENV)/bin/python $(TOOLS)/ministack/bin/ministack $(CURDIR)/.cache/emulated $(TOOLS)/npm

# This check starts its own Docker daemon as root, so it is not in `make check`.
.PHONY: check-sam-local
check-sam-local: $(VENV_FILE) ## run the functions in containers, with `sam local`
	@.ci/debian-packages dockerd:docker.io busybox:busybox-static curl:curl
	@.ci/samlocal $(SAM) $(VENV)/bin/python

.PHONY: check-openapi
check-openapi: $(VENV_FILE)
	.ci/openapi/run $(VENV)/bin/schemathesis

.PHONY: check-size
check-size: build
	@for limit in Portal:$(PORTAL_LIMIT) Webhook:$(WEBHOOK_LIMIT) Preflight:$(PREFLIGHT_LIMIT); do \
		size=$$(wc -c < .aws-sam/build/$${limit%:*}Function/bootstrap) || exit 1; \
		echo "$${limit%:*} (arm64): $$size bytes, limit $${limit#*:}"; \
		test "$$size" -le "$${limit#*:}" || exit 1; \
	done

# A build depends only on the sources, so anyone can verify a release.
.PHONY: check-reproducible
check-reproducible: release
	@.ci/reproducible

# Checks the types of the button with the type checker of each framework.
.PHONY: check-types
check-types: $(TOOLS)/types/.installed
	@mkdir -p .cache/button
	@package=$$(go run .ci/button.go .cache/button) && .ci/types/run "$$package" .cache/types $(TOOLS)/types

.PHONY: sbom
sbom: build $(BIN)/cyclonedx-gomod-$(CYCLONEDX) ## list the modules of each binary, with their licences: .cache/sbom, .cache/licenses
	@.ci/sbom $(BIN)/cyclonedx-gomod-$(CYCLONEDX)

.PHONY: check-vulnerabilities
check-vulnerabilities: $(BIN)/govulncheck-$(GOVULNCHECK)
	@.ci/vulnerabilities $< ./...

# Runs all tests again with the race detector, and the tests that need DynamoDB Local, browsers or Node. It never uses Go's test cache,
# which does not know these dependencies. The slowest packages come first, so that none of them runs alone at the end. Screenshots are in
# .cache/screenshots, and the results of each browser in .cache/browsers.md.
.PHONY: check-tests
check-tests: tools
	@rm -rf .cache/screenshots && mkdir -p .cache/screenshots
	SCREENSHOTS=$(CURDIR)/.cache/screenshots MATRIX=$(CURDIR)/.cache/browsers.md go run .ci/gotest.go -race -count=1 -tags integration ./local/internal/operator ./local/e2e/... ./...
	go run .ci/gotest.go -run TestHistories ./functions/internal/customers -histories 10000

# Installing and building the apps takes minutes, so this is not in `make check`. The results are in .cache/frameworks.md.
.PHONY: check-frameworks
check-frameworks: tools ## test the button in real web frameworks, in each browser
	@.ci/frameworks $(TOOLS)/frameworks

# ---- tools

# Each target contains its version, so that another version is another target, or depends on its lock file.
TOOL_FILES := $(BIN)/golangci-lint-$(GOLANGCI_LINT) $(BIN)/govulncheck-$(GOVULNCHECK) \
	$(VENV_FILE) $(TOOLS)/.checkov-$(CHECKOV) $(TOOLS)/.ministack-$(MINISTACK) $(TOOLS)/dynamodb-local/.$(DYNAMODB_LOCAL) \
	$(TOOLS)/npm/.installed $(TOOLS)/types/.installed $(TOOLS)/geckodriver/.$(GECKODRIVER)

.PHONY: tools
tools: debian-packages $(TOOL_FILES) ## install the tools of the checks, in .tools

.PHONY: debian-packages
debian-packages:
	@.ci/debian-packages $(DEBIAN)

$(BIN)/golangci-lint-$(GOLANGCI_LINT):
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	@mv $(BIN)/golangci-lint $@

$(BIN)/govulncheck-$(GOVULNCHECK):
	GOBIN=$(BIN) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK)
	@mv $(BIN)/govulncheck $@

$(BIN)/gremlins-$(GREMLINS):
	GOBIN=$(BIN) go install github.com/go-gremlins/gremlins/cmd/gremlins@$(GREMLINS)
	@mv $(BIN)/gremlins $@

$(VENV_FILE):
	@.ci/debian-packages python3:python3-venv
	rm -rf $(VENV)
	python3 -m venv $(VENV)
	@for pin in $(PYTHON_TOOLS); do grep -q "^$$pin " .ci/python/tools.txt || { echo "$$pin is not in .ci/python/tools.txt. Run make lock"; exit 1; }; done
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .ci/python/tools.txt
	@touch $@

$(TOOLS)/.checkov-$(CHECKOV) $(TOOLS)/.ministack-$(MINISTACK): $(TOOLS)/.%:
	@.ci/debian-packages python3:python3-venv
	rm -rf $(TOOLS)/$(firstword $(subst -, ,$*))
	python3 -m venv $(TOOLS)/$(firstword $(subst -, ,$*))
	@grep -q "^$(subst -,==,$*) " .ci/python/$(firstword $(subst -, ,$*)).txt || { echo "$* is not in .ci/python. Run make lock"; exit 1; }
	$(TOOLS)/$(firstword $(subst -, ,$*))/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		-r .ci/python/$(firstword $(subst -, ,$*)).txt
	@touch $@

# Its launcher needs all jars and SQLite's native libraries in one folder.
$(TOOLS)/dynamodb-local/.$(DYNAMODB_LOCAL): .ci/dynamodb-local.xml | debian-packages
	rm -rf $(@D)
	mvn --quiet --batch-mode --file $< -Ddynamodb-local.version=$(DYNAMODB_LOCAL) -DoutputDirectory=$(@D) dependency:copy-dependencies
	@touch $@

$(TOOLS)/npm/.installed $(TOOLS)/types/.installed: $(TOOLS)/%/.installed: .ci/%/package-lock.json | debian-packages
	rm -rf $(@D)
	mkdir -p $(@D)
	cp .ci/$*/package.json .ci/$*/package-lock.json $(@D)
	npm ci --prefix $(@D) --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

# The driver of Firefox. Debian has no package for it.
$(TOOLS)/geckodriver/.$(GECKODRIVER): | debian-packages
	rm -rf $(@D)
	cargo install --quiet --locked --root $(@D) geckodriver@$(GECKODRIVER)
	@touch $@

$(BIN)/cyclonedx-gomod-$(CYCLONEDX):
	GOBIN=$(BIN) go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX)
	@mv $(BIN)/cyclonedx-gomod $@

# Run this after you change a version above or in a package.json.
.PHONY: lock
lock: debian-packages
	@rm -rf $(TOOLS)/uv && python3 -m venv $(TOOLS)/uv && $(TOOLS)/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV)
	printf '%s\n' $(PYTHON_TOOLS) | $(LOCK) - --output-file .ci/python/tools.txt
	echo checkov==$(CHECKOV) | $(LOCK) - --output-file .ci/python/checkov.txt
	echo ministack==$(MINISTACK) | $(LOCK) - --output-file .ci/python/ministack.txt
	@for folder in .ci/npm .ci/types $(patsubst %/package.json,%,$(wildcard local/e2e/frameworks/*/package.json)); do \
		npm install --prefix $$folder --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund || exit 1; \
	done
LOCK = $(TOOLS)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
