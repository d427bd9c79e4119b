# covers: a Go program (static; goroutines, channels, garbage collection, timers, subprocesses)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/go
expect "compile with Go" env GOCACHE="$app_dir-cache" GOFLAGS=-mod=mod GO111MODULE=off CGO_ENABLED=0 GOMAXPROCS=2 \
	go build -o "$app_dir/goprogram" "$TOP/tests/applications/sources/program.go"
app_image --copy "$app_dir/goprogram" --copy /bin/cat --copy /bin/sleep
compare "a Go program" "$app_dir/goprogram"
compare "a Go program that panics" "$app_dir/goprogram" panic
compare "a Go program that dereferences nil, and recovers" "$app_dir/goprogram" nil
app_done
