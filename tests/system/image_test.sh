#!/bin/sh
# casemate build, inspect and verify, as a user meets them.
# usage: image_test.sh CASEMATE LIBOS
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tap.sh"
casemate=$(realpath "$1")
CASEMATE_LIBOS=$(realpath "$2")
export CASEMATE_LIBOS
LC_ALL=C
export LC_ALL
unset SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
XDG_CONFIG_HOME=$work/config
export XDG_CONFIG_HOME

# The root file system of an image, as a file; and a file of it.
rootfs() {
	"$casemate" inspect "$1" | awk '$1 == "ROOTFS" { print $3 / 4096, $4 / 4096 }' |
		while read -r first count; do
			dd if="$1" of="$2" bs=4096 skip="$first" count="$count" status=none
		done
}
has_path() {
	rootfs "$1" "$work/r.erofs" && dump.erofs --path="$2" "$work/r.erofs" | grep -q "$3"
}
extract() {
	rm -rf "$2" && rootfs "$1" "$work/r.erofs" && fsck.erofs --extract="$2" "$work/r.erofs"
}

# ---- usage ----
check_fails "no command" 2 "usage: casemate" "$casemate"
check_fails "an unknown command" 2 '"frobnicate" is not a command' "$casemate" frobnicate
check_fails "no output" 2 "-o FILE is missing" "$casemate" build --copy true
check_fails "no source" 2 "nothing to put into the image" "$casemate" build -o x
check_fails "an unknown option" 2 "option --frob is unknown" "$casemate" build --frob
check_fails "a value is missing" 2 "option --copy needs a value" "$casemate" build --copy
check_fails "--add without a target" 2 "must be SRC:DST" "$casemate" build -o x --add /etc
check_fails "a program that is not there" 1 \
	"casemate: build: --copy no-such-program: not found in PATH" \
	"$casemate" build -o x --copy no-such-program
check_fails "a directory that is not there" 1 "casemate: build: --from-dir nowhere: nowhere: No such" \
	"$casemate" build -o x --from-dir nowhere
check_fails "a file as the root" 1 "--from-dir /etc/passwd: not a directory; --add takes a file" \
	"$casemate" build -o x --from-dir /etc/passwd
check_fails "a value for an option that takes none" 2 "option --json takes no value" \
	"$casemate" inspect --json=yes x
check_fails "a bad SOURCE_DATE_EPOCH" 2 "must be a number of seconds" \
	env SOURCE_DATE_EPOCH=yesterday "$casemate" build -o x --copy true
check "nothing is left of failures" test ! -e x
check "help" "$casemate" --help
check "help of build" "$casemate" build --help
check_fails "standard output is full" 1 "standard output: No space" \
	sh -c "'$casemate' --help >/dev/full"

# ---- a directory ----
umask 022
mkdir -p root/bin root/deep/er root/etc
printf 'hello\n' >root/bin/hello
chmod 4755 root/bin/hello
ln root/bin/hello root/bin/same
ln -s hello root/bin/link
mkfifo root/fifo
head -c 100000 /dev/urandom >root/deep/er/large
: >root/empty
touch -d 2001-02-03T04:05:06.789Z root/bin/hello
"$casemate" build --from-dir root -o dir.enclave >out 2>err
check "a development key is made and named" grep -q "development key $work/config.*which is new" err
check "only its owner reads it" sh -c "ls -l config/casemate/sign-key.pem | grep -q ^-rw-------"
"$casemate" build --from-dir root -o dir2.enclave >out 2>err
check "then it is used again" sh -c "grep -q 'development key' err && ! grep -q new err"
check "the same input gives the same bits" cmp dir.enclave dir2.enclave
check "verify" "$casemate" verify --deep dir.enclave
check "set-user-ID bits stay" sh -c \
	"python3 '$here/read_erofs.py' dir.enclave | grep -qxF 'f 4755 0:0 /bin/hello'"
check "the specification agrees" python3 "$here/sgx_check.py" dir.enclave
if command -v fsck.erofs >/dev/null; then
	rootfs dir.enclave dir.erofs
	check "fsck.erofs finds no error" fsck.erofs dir.erofs
	check "hard links stay" has_path dir.enclave /bin/same "Links: 2"
	check "files belong to 0:0" has_path dir.enclave /bin/hello "Uid: 0 .*Gid: 0"
	check "times stay" has_path dir.enclave /bin/hello "2001-02-03 04:05:06.789"
	extract dir.enclave got >/dev/null 2>&1
	check "contents stay" cmp got/deep/er/large root/deep/er/large
	check "links stay" test "$(readlink got/bin/link)" = hello
	check "what is missing is added" test -d got/proc -a -k got/tmp -a -s got/etc/passwd
	check "the table of mounts is the kernel's" test "$(readlink got/etc/mtab)" = /proc/mounts
else
	tap_skip "fsck.erofs" "erofs-utils is not installed"
fi

# ---- where the output lies ----
cp -a root within
(cd within && "$casemate" build --from-dir . -o app.enclave && cp app.enclave first &&
	"$casemate" build --from-dir . --add /dev/null:/first -o app.enclave) >/dev/null 2>&1
check "an image in its own source is left out" sh -c \
	"! python3 '$here/read_erofs.py' within/app.enclave | grep -q app.enclave"
check "nothing else is left there" test "$(ls within)" = "$(printf '%s\n' app.enclave bin deep empty etc fifo first)"
"$casemate" build --from-dir root --add root/bin/hello:/opt/ -o add.enclave >/dev/null 2>&1
check "--add to a directory keeps the name" sh -c \
	"python3 '$here/read_erofs.py' add.enclave | grep -qxF 'f 4755 0:0 /opt/hello'"
mkdir -p mounts/etc && echo "its own" >mounts/etc/mtab
"$casemate" build --from-dir mounts -o mounts.enclave >/dev/null 2>&1
check "a table of mounts that is there stays" sh -c \
	"python3 '$here/read_erofs.py' mounts.enclave | grep -qxF 'f 0644 0:0 /etc/mtab'"
mkdir -p over/lib merged/usr/lib && ln -s usr/lib merged/lib && : >over/lib/new && : >merged/usr/lib/old
"$casemate" build --from-dir merged --from-dir over -o over.enclave >/dev/null 2>&1
check "directories are merged through links" sh -c \
	"python3 '$here/read_erofs.py' over.enclave | grep -qxF 'f 0644 0:0 /usr/lib/new'"

# ---- reproducible ----
mkdir elsewhere
(umask 077 && cp -a root elsewhere/tree && chmod 700 elsewhere/tree && cd elsewhere && LC_ALL=C.UTF-8 TZ=Asia/Tokyo \
	"$casemate" build --from-dir tree -o ../other.enclave >/dev/null 2>&1)
check "another place, umask, time zone and locale: the same bits" cmp dir.enclave other.enclave
cp -r root copied
SOURCE_DATE_EPOCH=1000000000 "$casemate" build --from-dir root -o e1 >/dev/null 2>&1
# cp -r breaks the hard link up: an input that is not the same.
rm copied/bin/same && ln copied/bin/hello copied/bin/same && chmod 4755 copied/bin/hello
SOURCE_DATE_EPOCH=1000000000 "$casemate" build --from-dir copied -o e2 >/dev/null 2>&1
check "SOURCE_DATE_EPOCH makes times alike" cmp e1 e2
check "and is the date of the signature" sh -c "'$casemate' inspect e1 | grep -q 2001-09-09"

# ---- configuration, keys ----
echo '{"Entrypoint": ["/bin/hello"], "Svn": 2, "User": "nobody", "AllowMounts": [{"Target": "/data"}]}' >c.json
"$casemate" build --from-dir root -c c.json -o c.enclave >/dev/null 2>&1
check "names of users become numbers" sh -c "'$casemate' inspect c.enclave | grep -q 65534:65534"
check "mounts are warned of" sh -c \
	"'$casemate' inspect c.enclave | grep -q 'warning: the host may mount.*/data'"
check "JSON" sh -c "'$casemate' inspect --json c.enclave | python3 -m json.tool"
echo '{"Entrpoint": []}' >bad.json
check_fails "an unknown key" 1 'bad.json: unknown key "Entrpoint"; did you mean "Entrypoint"?' \
	"$casemate" build --from-dir root -c bad.json -o x
echo '{"User": "stranger"}' >bad.json
check_fails "an unknown user" 1 'User: "stranger" is not in the image' \
	"$casemate" build --from-dir root -c bad.json -o x
: >bad.json
check_fails "an empty configuration" 1 "bad.json: empty" \
	"$casemate" build --from-dir root -c bad.json -o x
check_fails "no place for a development key" 1 "give --sign-key: /dev/null/casemate: Not a directory" \
	env XDG_CONFIG_HOME=/dev/null "$casemate" build --from-dir root -o x
openssl genrsa -3 -out key.pem 3072 2>/dev/null
openssl rsa -in key.pem -pubout -out public.pem 2>/dev/null
openssl genrsa -out f4.pem 3072 2>/dev/null
openssl genrsa -3 -out short.pem 2048 2>/dev/null
check "a key of one's own" "$casemate" build --from-dir root --sign-key key.pem -o k.enclave
check "verified by it" "$casemate" verify --key public.pem k.enclave
signer=$("$casemate" inspect k.enclave | sed -n 's/^  signer *//p')
check "verified by its digest" "$casemate" verify --signer "$signer" k.enclave
check_fails "another signer" 1 "not by the signer given" "$casemate" verify --key key.pem c.enclave
check_fails "a key with exponent 65537" 1 "f4.pem: the public exponent is not 3" \
	"$casemate" build --from-dir root --sign-key f4.pem -o x
check_fails "a short key" 1 "an RSA key of 2048 bits, 3072 are needed" \
	"$casemate" build --from-dir root --sign-key short.pem -o x
check_fails "no image" 1 "not an enclave image" "$casemate" verify key.pem

# ---- programs ----
mkdir -p t && cp /bin/true t/prog
"$casemate" build --copy "./t/prog:/tmp/x/prog" -o t.enclave >/dev/null 2>&1
check "a directory on the way has its usual mode" sh -c \
	"python3 '$here/read_erofs.py' t.enclave | grep -qxF 'd 1777 0:0 /tmp'"
"$casemate" build --copy bash --copy ls --copy /usr/bin/python3 \
	--add /usr/lib/python3.11:/usr/lib/python3.11 -o p.enclave >/dev/null 2>err
check "programs" "$casemate" verify --deep p.enclave
check "run with any arguments" sh -c "'$casemate' inspect p.enclave | grep -q '\"AllowArgs\": true'"
printf '#!/usr/bin/env -S X=1 cat\nscript\n' >script && chmod 755 script
"$casemate" build --copy "./script:/usr/bin/script" -o s.enclave >/dev/null 2>&1
if command -v cc >/dev/null; then
	echo 'int f(void) { return 0; }' | cc -shared -fPIC -x c - -Wl,-soname,libnowhere.so.1 -o libn.so
	echo 'int f(void); int main(void) { return f(); }' | cc -x c - -x none ./libn.so -o needy
	check_fails "a library that is missing" 1 \
		"needy needs the library libnowhere.so.1, which is not found" \
		"$casemate" build --copy ./needy -o x
	mkdir -p app/bin app/lib && cp libn.so app/lib/libnowhere.so.1
	echo 'int f(void); int main(void) { return f(); }' |
		cc -x c - -x none ./libn.so '-Wl,-rpath,$ORIGIN/../lib' -o app/bin/needy
	check "a library by \$ORIGIN" "$casemate" build --copy ./app/bin/needy -o o.enclave
	check "is where the program looks" sh -c \
		"python3 '$here/read_erofs.py' o.enclave | grep -q '$work/app/lib/libnowhere.so.1'"
fi
if command -v fsck.erofs >/dev/null && [ "$(id -u)" = 0 ]; then
	extract p.enclave p >/dev/null 2>&1
	check "bash runs in its own root" chroot p /bin/bash -c 'echo $((6 * 7))'
	check "ls runs in its own root" chroot p /usr/bin/ls /usr/bin/python3
	check "python runs with its libraries" chroot p /usr/bin/python3 -c \
		'import sqlite3, ssl, ctypes, hashlib, subprocess'
	extract s.enclave s >/dev/null 2>&1
	check "a script brings env and its program" chroot s /usr/bin/script
fi

tap_done
