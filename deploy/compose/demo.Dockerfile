# The demo's services and its provider, two programs in one image. From deploy/:
#
#	docker build -f compose/demo.Dockerfile -t triptych-demo .
#
# compose.yaml says which of them a container runs.
FROM golang:1.26 AS build
ARG GOPROXY=https://proxy.golang.org,direct
WORKDIR /src
COPY ./ ./
RUN GOENV=off GOWORK=off GOFLAGS= CGO_ENABLED=0 \
    go build -o /src/bin/ -trimpath -buildvcs=false -ldflags "-s -w" ./services ./provider

FROM scratch
COPY --from=build /src/bin/services /src/bin/provider /
WORKDIR /
STOPSIGNAL SIGTERM
USER 65532:65532
