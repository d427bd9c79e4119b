# covers: a Go HTTP server under load (net/http, 50 clients at once, 200 open connections, os/exec)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/go
expect "compile with Go" env GOCACHE="$app_dir-cache" GOFLAGS=-mod=mod GO111MODULE=off CGO_ENABLED=0 GOMAXPROCS=2 \
	go build -o "$app_dir/goserver" "$TOP/tests/applications/sources/server.go"
app_image --copy "$app_dir/goserver" --copy /bin/cat
compare "a server and its clients" "$app_dir/goserver"
app_done
