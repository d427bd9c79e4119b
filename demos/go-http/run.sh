#!/bin/sh
# Compiles a Go web server, puts it into an enclave and runs it with its clients.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
casemate=${CASEMATE:-casemate}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

GO111MODULE=off CGO_ENABLED=0 GOCACHE="$work/cache" go build -o "$work/goserver" \
	"$here/../../tests/applications/sources/server.go"
"$casemate" build --copy "$work/goserver:/bin/goserver" --copy /bin/cat -o "$work/go.enclave"
"$casemate" run "$work/go.enclave" /bin/goserver
