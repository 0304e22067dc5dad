# Every target in one sentence: make.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-builtin-rules --no-print-directory --warn-undefined-variables
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

MODULE   := github.com/triptych-bff/triptych
BFFS     := bff-mobile bff-web bff-tv
MODULES  := shared $(BFFS) deploy
PACKAGES := $(MODULES:%=./%/...)
NESTED   := deploy/bench deploy/tools
RELEASED := $(wildcard deploy/modproxy/$(MODULE)/shared/@v/list)

# What the environment says: GOPROXY, CGO_ENABLED and, perhaps empty, GONOSUMDB.
GO_ENV   := $(shell go env GOPROXY CGO_ENABLED GONOSUMDB)
MODPROXY := file://$(CURDIR)/deploy/modproxy
COMMA    := ,

# Released versions of shared are read from the repository itself, everything else
# from wherever the environment says. No public checksum log knows our module, and a
# developer's GOPRIVATE must not lead around the proxy. A make inside make finds all
# this done. (Blanks before a trailing # would count: comments stand on their own.)
ifeq ($(findstring $(MODPROXY),$(GO_ENV)),)
export GOPROXY   := $(MODPROXY),$(word 1,$(GO_ENV))
export GONOSUMDB := $(MODULE)/*$(addprefix $(COMMA),$(word 3,$(GO_ENV)))
export GONOPROXY := none
endif

# The race detector needs cgo.
RACE := $(if $(filter 1,$(word 2,$(GO_ENV))),-race)

# Tests do not vet: make check does, once and wholly.
TEST := go test -vet=off $(RACE)

# REQUIRE_ALL=1 turns everything that would be left out into a failure, here and in
# the tests: no release of shared, no redis-server, no race detector.
export REQUIRE_ALL ?=
skip = echo "SKIPPED: $(1)"; test "$(REQUIRE_ALL)" != 1 || { echo "REQUIRE_ALL=1: nothing may be left out" >&2; exit 1; }

# What a program says about itself (--version, build_info); VCS stamping may be off.
VERSION ?= devel
COMMIT  := $(shell git describe --always --dirty --exclude '*' 2>/dev/null)
STAMP   := -ldflags "-X main.version=$(VERSION) -X main.commit=$(COMMIT)"

BFF      ?=
V        ?=
CLIENT   ?= mobile
BENCH    ?= .
FUZZTIME ?= 20s

# For make bench: what bin/bench/bench -h lists.
BENCH_FLAGS ?=

# For the test of the page: a browser, and the script that judges it.
CHROMIUM ?=
AXE      ?=

# make itself has a variable AS, the assembler.
ifeq ($(origin AS),default)
AS := ada
endif

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
	/^##@ / { printf "\n%s\n", substr($$0, 5) } \
	/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##@ Try it

.PHONY: run
run: build ## Open the film store, its page, gateways and services, until Ctrl-C.
	@exec bin/demo run

.PHONY: token
token: ## Print an access token of the running demo: make -s token CLIENT=mobile|web|tv AS=ada|ben|cleo.
	@go build -o bin/ ./deploy/demo
	@bin/demo token --client "$(CLIENT)" --as "$(AS)"

##@ Work on it

.PHONY: build
build: ## Build every program of this working tree into bin/.
	go build $(STAMP) -o bin/ $(BFFS:%=./%) ./deploy/...

.PHONY: test
test: build ## Run every test but those of images: HEAD of shared under all, then end to end beside what each gateway ships.
	@$(MAKE) test-head
	@$(MAKE) -j2 test-e2e test-pinned # the one waits a lot, the other compiles
	@$(MAKE) test-bench

.PHONY: test-head
test-head: ## Does HEAD of shared break anyone: the tests of all five modules together.
	@$(if $(RACE),,$(call skip,the race detector: CGO_ENABLED is 0))
	$(TEST) $$(go list $(PACKAGES) | grep -v '/deploy/e2e\|/deploy/image')

.PHONY: test-bench
test-bench: ## Does the comparison of gateways work: its tests, without a result.
	cd deploy/bench && GOWORK=off go test -vet=off ./...

.PHONY: test-e2e
test-e2e: build build-pinned ## Run the end-to-end tests against the programs in bin/.
	@$(if $(shell command -v curl),,$(call skip,what curl sees of TLS and HTTP/2: it is not installed))
	@$(if $(CHROMIUM)$(shell command -v chromium google-chrome),,$(call skip,the page: there is no Chromium))
	@$(if $(AXE)$(wildcard bin/axe.min.js),,$(call skip,whether everybody can use the page: make bin/axe.min.js fetches the judge))
	go test -count=1 ./deploy/e2e/... # never from the cache, which does not know bin/

# Apart from make test, since it compiles a gateway for two architectures.
.PHONY: test-image
test-image: ## Build a gateway's image twice, look into it, and run what is in it.
	go test -count=1 ./deploy/image/... # never from the cache, which does not know HEAD

.PHONY: check
check: bin/golangci-lint ## Check form, vet, lint, layout, dependency direction, generated files and releases.
	@before=$$($(MAKE) -s .state); \
	$(MAKE) check-format check-vet check-lint check-architecture check-layout proto verify-modproxy; \
	test "$$before" = "$$($(MAKE) -s .state)" || { git status --short; echo "the checks changed files: commit what they generate" >&2; exit 1; }

# The working tree as one hash: what make check must leave as it was.
.PHONY: .state
.state:
	@{ git status --porcelain; git diff; } | git hash-object --stdin

.PHONY: check-format
check-format: bin/golangci-lint
	bin/golangci-lint fmt --diff $(MODULES)

.PHONY: check-vet
check-vet:
	go vet $(PACKAGES)
	for module in $(NESTED); do (cd $$module && GOWORK=off go vet ./...); done

.PHONY: check-lint
check-lint: bin/golangci-lint
	bin/golangci-lint run --allow-serial-runners $(PACKAGES)
	cd deploy/bench && GOWORK=off ../../bin/golangci-lint run --allow-serial-runners ./...

.PHONY: check-architecture
check-architecture:
	go test ./shared -run TestArchitecture

# The top level is fixed: the five modules, their workspace, this file, README and LICENSE.
.PHONY: check-layout
check-layout:
	@extra=$$(git ls-files | cut -d/ -f1 | sort -u | grep -v '^\.' | grep -vxF "$$(printf '%s\n' $(MODULES) go.work go.work.sum Makefile README.md LICENSE)" || true); \
	test -z "$$extra" || { echo "does not belong to the top level: $$extra" >&2; exit 1; }

.PHONY: fmt
fmt: bin/golangci-lint ## Format all Go code.
	bin/golangci-lint fmt $(MODULES)

.PHONY: proto
proto: ## Generate Go code and the gateways' descriptor sets from deploy/proto.
	cd deploy/tools && GOWORK=off go run ./protogen

.PHONY: record
record: build ## Record the services' answers, and what the screens make of them, anew.
	TRIPTYCH_RECORD=1 TRIPTYCH_UPDATE=1 bin/demo run --services-only -- go test -count=1 -run 'Contract$$' $(BFFS:%=./%/...)

.PHONY: soak
soak: build ## Run the tests that take minutes.
	go test -count=1 -tags soak -run FromNothing ./deploy/image/...
	go test -count=1 -tags soak -run AHundredThousand ./shared/http1 ./deploy/e2e

.PHONY: bench
bench: build-bench ## Measure our gateway beside nginx, HAProxy and others: make bench [BENCH_FLAGS='-scenarios pass -rounds 1'].
	@bin/bench/bench $(BENCH_FLAGS)

.PHONY: build-bench
build-bench:
	@mkdir -p bin/bench
	cd deploy/bench && GOWORK=off go build $(STAMP) -o ../../bin/bench/ . ./services ./gateway ./ordinary

.PHONY: bench-go
bench-go: ## Measure shared, one function at a time, and beside other libraries: make bench-go BENCH=Project.
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./shared/...
	cd deploy/bench && GOWORK=off go test -run '^$$' -bench '$(BENCH)' ./projection

.PHONY: fuzz
fuzz: ## Fuzz every parser of outside bytes for FUZZTIME (20s) each.
	@grep -r --include='*_test.go' '^func Fuzz' $(MODULES) | sed -n 's|^\(.*\)/[^/]*:func \(Fuzz[A-Za-z0-9_]*\).*|./\1 \2|p' | \
	while read -r package name; do \
		echo "== $$package $$name"; \
		go test "$$package" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) < /dev/null; \
	done

.PHONY: tidy
tidy: ## Tidy the go.mod of every module, each on its own.
	for module in $(MODULES) $(NESTED); do (cd $$module && GOWORK=off go mod tidy); done

# The tools' requirements must not sway ours: a module of their own, outside go.work.
bin/golangci-lint: deploy/tools/go.mod deploy/tools/go.sum
	cd deploy/tools && GOWORK=off go build -o ../../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

# One of those that we are measured beside. It takes minutes.
CADDY_VERSION := v2.11.9
bin/caddy:
	GOBIN=$(CURDIR)/bin go install github.com/caddyserver/caddy/v2/cmd/caddy@$(CADDY_VERSION)

# What judges whether everybody can use the demo's page: a script, from npm.
AXE_CORE := axe-core-4.14.1.tgz
bin/axe.min.js:
	@mkdir -p bin
	cd bin && npm pack --silent axe-core@4.14.1
	cd bin && echo "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745  $(AXE_CORE)" | sha256sum --check --quiet
	tar -xzOf bin/$(AXE_CORE) package/axe.min.js > $@
	@rm bin/$(AXE_CORE)

##@ Release it

.PHONY: release-shared
release-shared: ## Release HEAD's shared into deploy/modproxy: make release-shared V=v0.3.0.
	go run ./deploy/release shared --version "$(V)"

.PHONY: release
release: ## Release one gateway, with its image: make release BFF=bff-tv V=v0.2.0.
	go run ./deploy/release bff --bff "$(BFF)" --version "$(V)"

.PHONY: image
image: ## Assemble one gateway's image into bin/images/: make image BFF=bff-tv [V=devel].
	go run ./deploy/image build --bff "$(BFF)" --version "$(or $(V),devel)"

.PHONY: upgrade
upgrade: ## Pin one gateway to a released version of shared: make upgrade BFF=bff-tv V=v0.2.0.
	go run ./deploy/release upgrade --bff "$(BFF)" --version "$(V)"

.PHONY: verify-modproxy
verify-modproxy: ## Check that every released version is what the history says and go.sum expects.
	go run ./deploy/release verify

# The gateways that pin a released version; the others are left out aloud.
PINNED   := $(if $(RELEASED),$(patsubst %/go.mod,%,$(shell grep -l '$(MODULE)/shared v' $(BFFS:%=%/go.mod))))
UNPINNED := $(filter-out $(PINNED),$(BFFS))

.PHONY: build-pinned
build-pinned: $(PINNED:%=build-pinned/%) ## Build each gateway with the shared that it pins, into bin/pinned/.
	@$(if $(UNPINNED),$(call skip,pinned builds of $(UNPINNED): no released version of shared is pinned))

build-pinned/%:
	@mkdir -p bin/pinned
	cd $* && GOWORK=off go build $(STAMP) -o ../bin/pinned/ .

.PHONY: test-pinned
test-pinned: $(PINNED:%=test-pinned/%) ## Does what we ship work: each gateway's tests with the shared that it pins.
	@$(if $(UNPINNED),$(call skip,pinned tests of $(UNPINNED): no released version of shared is pinned))

test-pinned/%:
	cd $* && GOWORK=off $(TEST) ./...

.PHONY: prove-pinned
prove-pinned: ## Build the pinned gateways of HEAD from a clone without shared/, with an empty module cache.
	deploy/release/prove-pinned.sh
