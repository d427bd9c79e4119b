#!/bin/sh
# Installs from Debian what building, checking or benchmarking needs and this machine lacks.
#
#	tools/install-deps.sh build|check|bench|lint|prove ...
#
# Each group is one purpose; `check` and `bench` build on what `build` installs.
set -eu

build="binutils gcc libarchive-dev libc6-dev libjansson-dev libjq-dev libssl-dev libtss2-dev libzydis-dev make meson ninja-build
	pkg-config python3"

# The programs that tests run inside enclaves, and the tools the tests themselves use.
check="clang clang-format binutils g++ mandoc shellcheck
	cpio kmod linux-headers-amd64 linux-headers-cloud-amd64 qemu-system-x86
	bash bsdutils busybox-static coreutils curl diffutils erofs-utils file findutils gawk gdb git golang-go grep gzip iproute2 less
	ffmpeg libc6-dev libopenblas0-pthread liburing-dev linux-libc-dev musl-tools nodejs openjdk-17-jdk-headless openssl perl
	podman postgresql-15 procps python3 python3-flask python3-numpy python3-scipy python3-venv runc rustc sed
	apache2-bin apache2-utils erlang-base mariadb-client-core mariadb-server-core memcached nginx openssh-client openssh-server
	redis-server redis-tools rsync valgrind
	libjetty9-java libspring-context-java libspring-web-java libspring-web-servlet-java
	skopeo spin sqlite3 strace stress-ng swtpm swtpm-tools tar tmux tpm2-tools umoci util-linux vim wrk xz-utils zstd"

bench="nginx nodejs openjdk-17-jre-headless proot python3 redis-server redis-tools runsc sqlite3 wrk"
lint="clang-tidy cppcheck mandoc shellcheck"
prove="cvc4 frama-c-base gcc libc6-dev linux-libc-dev python3 spin why3 z3"

if [ "$(id -u)" -eq 0 ]; then
	sudo=
elif command -v sudo >/dev/null; then
	sudo=sudo
else
	sudo=missing
fi

is_installed()
{
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt()
{
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

wanted=
for group in "$@"; do
	case $group in
	build) wanted="$wanted $build" ;;
	check) wanted="$wanted $build $check $prove" ;;
	bench) wanted="$wanted $build $bench" ;;
	lint) wanted="$wanted $build $lint" ;;
	prove) wanted="$wanted $prove" ;;
	*)
		echo "install-deps.sh: no group '$group' (build, check, bench, lint, prove)" >&2
		exit 2
		;;
	esac
done

missing=
for package in $wanted; do
	case " $missing " in *" $package "*) continue ;; esac
	is_installed "$package" || missing="$missing $package"
done

[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "install-deps.sh: not a Debian system; needed here:$missing" >&2
	exit 1
fi
if [ "$sudo" = missing ]; then
	echo "install-deps.sh: as root, run: apt-get install$missing" >&2
	exit 1
fi

echo "Installing from Debian:$missing"
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
has_policy=
trap 'rm -f "$log"; [ -z "$has_policy" ] || $sudo rm -f $policy' EXIT

# Servers are installed for the tests, which start their own: none is to run afterwards. Debian's packages
# ask this program; a container has one already.
if [ ! -e $policy ]; then
	has_policy=yes
	printf '#!/bin/sh\nexit 101\n' | $sudo install -m 755 /dev/stdin $policy
fi

# A fresh container has no package lists, an old one stale lists: fetch them only if need be.
# shellcheck disable=SC2086 # a list of words
if ! apt install -y --no-install-recommends $missing >"$log" 2>&1; then
	apt update >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
	apt install -y --no-install-recommends $missing >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
