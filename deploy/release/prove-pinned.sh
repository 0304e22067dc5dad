#!/usr/bin/env bash
# Proves that what a gateway ships does not need the shared/ beside it: builds the
# gateways of HEAD in a fresh clone whose shared/ is gone, with an empty module cache,
# so that every checksum is checked anew. What is not committed is not proved.
set -euo pipefail

root=$(git rev-parse --show-toplevel)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

git clone -q "$root" "$place/clone"
rm -rf "$place/clone/shared"

# The clone's Makefile puts the clone's own proxy first; ours must not help out.
GOPROXY=$(go env GOPROXY)
export GOPROXY=${GOPROXY#"file://$root/deploy/modproxy,"}
export GOMODCACHE=$place/modules
export GOFLAGS="$(go env GOFLAGS) -modcacherw"

MAKEFLAGS='' make -C "$place/clone" REQUIRE_ALL=1 build-pinned
for program in "$place"/clone/bin/pinned/*; do
	go version -m "$program" | awk -v name="$(basename "$program")" '$1 == "dep" && $2 ~ /\/shared$/ { print name, "is built with shared", $3, $4 }'
done
