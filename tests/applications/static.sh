# covers: programs linked with musl, static non-PIE programs, static PIE programs
. "$TOP/tests/applications/lib.sh"
need /usr/bin/musl-gcc
source=$TOP/tests/applications/sources/program.c
expect "compile with musl, dynamic" musl-gcc -O2 -o "$app_dir/musl-dynamic" "$source"
expect "compile with musl, static" musl-gcc -O2 -static -o "$app_dir/musl-static" "$source"
expect "compile static non-PIE" gcc -O2 -static -no-pie -pthread -o "$app_dir/static-fixed" "$source"
expect "compile static PIE" gcc -O2 -static-pie -pthread -o "$app_dir/static-pie" "$source"
expect "compile dynamic non-PIE" gcc -O2 -no-pie -pthread -o "$app_dir/dynamic-fixed" "$source"
programs=()
for program in musl-dynamic musl-static static-fixed static-pie dynamic-fixed; do
	programs+=(--copy "$app_dir/$program")
done
app_image "${programs[@]}" --copy /bin/sh --copy /bin/cat
for program in musl-dynamic musl-static static-fixed static-pie dynamic-fixed; do
	compare "$program" "$app_dir/$program" a "b c" <<<"standard input"
done
app_done
