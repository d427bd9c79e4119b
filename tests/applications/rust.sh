# covers: a Rust program (threads, channels, subprocesses, files, panics)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/rustc
expect "compile with Rust" /usr/bin/rustc -O -o "$app_dir/rustprogram" "$TOP/tests/applications/sources/program.rs"
app_image --copy "$app_dir/rustprogram" --copy /bin/cat
compare "a Rust program" "$app_dir/rustprogram"
compare "a Rust program that panics" "$app_dir/rustprogram" panic
compare "a Rust program that overflows its stack" "$app_dir/rustprogram" overflow
app_done
