# What goes into the image, for run.sh and tests/applications/bash_interactive.sh.
# shellcheck shell=bash disable=SC2034
image=(--copy /bin/bash --copy /bin/sh --add /lib/terminfo:/lib/terminfo --add /etc/passwd:/etc/passwd)
for name in cat env ls ps script sleep stty tty uname; do
	image+=(--copy "$(PATH=/usr/bin:/bin type -P "$name")")
done
