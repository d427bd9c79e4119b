#!/bin/sh
# Images from OCI layouts and docker archives, and hostile ones.
# usage: container_test.sh CASEMATE LIBOS
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tap.sh"
casemate=$(realpath "$1")
CASEMATE_LIBOS=$(realpath "$2")
export CASEMATE_LIBOS
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir -p a/b
TMPDIR=$work/a/b
export TMPDIR
XDG_CONFIG_HOME=$work/config
export XDG_CONFIG_HOME

# Layouts made to measure: oci.py DIRECTORY CASE.
oci() {
	rm -rf "$1" && python3 "$here/make_oci.py" "$@"
}
build() {
	"$casemate" build --from-oci "$1" -o "$2" 2>&1
}
# "TYPE MODE UID:GID PATH" of each file, from the image itself.
listing() {
	python3 "$here/read_erofs.py" "$1"
}
has() {
	listing "$1" | grep -qxF -- "$2"
}
has_not() {
	! listing "$1" | grep -q -- "$2"
}

oci good layers
check "a layout" build good good.enclave
check "verify" "$casemate" verify --deep good.enclave
check "owners and modes are the archive's" has good.enclave "f 4751 1234:99 /bin/tool"
check "hard links" has good.enclave "f 4751 1234:99 /bin/tool2"
check "devices" has good.enclave "c 0666 0:0 /dev/null 1:3"
check "a file is removed by its whiteout" has_not good.enclave " /gone"
check "an opaque directory hides what lies below" has_not good.enclave " /data/low"
check "but not what its own layer has" has good.enclave "f 0644 0:0 /data/high"
check "a directory below an opaque one, too" has_not good.enclave " /data/sub/low"
check "a later file replaces an earlier one" has good.enclave "f 0600 7:7 /etc/replaced"
check "a link on the way is followed inside" has good.enclave "f 0644 0:0 /usr/lib/through"
check "and stays" has good.enclave "l 0777 0:0 /lib usr/lib"
check "a link to the host's /etc ends inside" has good.enclave "f 0644 0:0 /etc/inside"
check "names that are not ASCII" has good.enclave "f 0644 0:0 /née"
check "long names" has_not good.enclave "PaxHeader"
check "a sparse file" has good.enclave "f 0644 0:0 /sparse 1048577"
check "attributes" has good.enclave "x /bin/tool security.capability 20"
check "the configuration is taken over" sh -c "'$casemate' inspect good.enclave | tr -d ' \n' | grep -qF '\"Entrypoint\":[\"/bin/tool\"],\"Env\":[\"PATH=/bin\"],\"User\":\"1234:50\",\"WorkingDir\":\"/data\"'"
check "exposed ports may be published" sh -c "'$casemate' inspect good.enclave | tr -d ' \n' | grep -qF '\"AllowPorts\":[\"80/tcp\"]'"
check "a reference" build good:v1 ref.enclave
check "gives the same" cmp good.enclave ref.enclave
check_fails "an unknown reference" 1 'no image "v2" for linux/amd64; there are: v1' \
	"$casemate" build --from-oci good:v2 -o x
check_fails "no layout" 1 "--from-oci nowhere: no such layout" \
	"$casemate" build --from-oci nowhere -o x

for compression in gzip zstd; do
	command -v $compression >/dev/null || { tap_skip $compression "not installed"; continue; }
	oci packed layers $compression
	check "$compression" build packed packed.enclave
	check "$compression gives the same" cmp good.enclave packed.enclave
done
oci archive layers docker
check "a docker archive" "$casemate" build --from-docker-archive archive/docker.tar -o d.enclave
check "gives the same" cmp good.enclave d.enclave
gzip -k archive/docker.tar
check "a compressed one" "$casemate" build --from-docker-archive archive/docker.tar.gz -o d.enclave
check "gives the same, too" cmp good.enclave d.enclave

printf x >extra
check "sources are combined" "$casemate" build --from-oci good --add extra:/etc/replaced \
	--add extra:/lib/added -o sum.enclave
check "the later one wins" has sum.enclave "f 0644 0:0 /etc/replaced"
check "links of the image are followed" has sum.enclave "f 0644 0:0 /usr/lib/added"

# Hostile ones: each is refused with words, or stays inside.
hostile() {
	oci bad "$1"
	check_fails "$1" 1 "$2" "$casemate" build --from-oci bad -o x
}
hostile dotdot '"../../escape-from-casemate": ".." in its name'
hostile hardlink-dotdot 'hard link to "../../etc/passwd"'
hostile hardlink-missing 'hard link to "etc/shadow": No such file'
hostile hardlink-directory 'hard link to "d": Operation not permitted'
hostile symlink-loop "Too many levels of symbolic links"
hostile file-as-directory "Not a directory"
hostile wrong-blob "damaged (its digest is wrong)"
hostile wrong-diff-id "damaged (its diff_id is wrong)"
hostile wrong-size "not 1 bytes long"
hostile wrong-manifest "manifest: damaged"
hostile traversing-digest "without a size or a SHA-256 digest"
hostile truncated "Truncated tar archive"
hostile negative-owner "owner"
hostile empty-whiteout "a whiteout of nothing"
hostile root-as-file "Is a directory"
hostile duplicate-key "duplicate object key"
hostile arm64 "the image is for arm64"
hostile deep "File name too long"
check "nothing was written" test ! -e x
check "nothing escaped" sh -c "! find '$work' / -maxdepth 1 -name escape-from-casemate | grep -q ."

if command -v umoci >/dev/null && command -v skopeo >/dev/null; then
	mkdir -p rootfs/bin && echo tool >rootfs/bin/tool && chmod 755 rootfs/bin/tool
	umoci init --layout real && umoci new --image real:base &&
		umoci insert --image real:base rootfs / 2>/dev/null &&
		umoci config --image real:base --config.entrypoint /bin/tool
	skopeo copy --insecure-policy -q oci:real:base docker-archive:real.tar:x/y:1
	check "umoci's layout" build real:base real.enclave
	check "skopeo's archive" "$casemate" build --from-docker-archive real.tar -o real2.enclave
	check "are the same" cmp real.enclave real2.enclave
else
	tap_skip "umoci and skopeo" "not installed"
fi

tap_done
