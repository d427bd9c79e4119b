# What `make install` puts in place works from there, without the build tree.
. "$TOP/tests/system/lib.sh"

installed() { env -u CASEMATE_LIBOS PATH="$PATH" "$PWD/root/usr/local/bin/casemate" "$@"; }
install_it() { DESTDIR="$PWD/root" meson install --no-rebuild -C "$BUILD"; }
says_hello() { is hello "$(installed run echo.enclave /bin/echo hello)"; }

point "make install" install_it
point "an image is built with the LibOS that is installed" installed build --copy /bin/echo -o echo.enclave
point "it runs" says_hello
point "the manual pages are there" test -f root/usr/local/share/man/man1/casemate-run.1
point "another is verified" installed verify --deep echo.enclave

# What starts an enclave loads no library that only other commands need.
light() { ! ldd "$BUILD/cli/casemate" | grep -E 'libarchive|libxml2|libZydis|libstdc'; }
point "casemate loads few libraries" light
system_done
