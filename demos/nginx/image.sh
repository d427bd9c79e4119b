# What goes into the image, for run.sh and tests/applications/nginx.sh.
# shellcheck shell=bash disable=SC2034
image=(--copy /usr/sbin/nginx --copy /bin/sh --add /etc/passwd:/etc/passwd --add /etc/group:/etc/group)
for name in cat chmod cp head kill mkdir mktemp mv rm sed seq; do
	image+=(--copy "$(PATH=/usr/bin:/bin type -P "$name")")
done
