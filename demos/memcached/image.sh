# What goes into the image, for run.sh and tests/applications/memcached.sh.
# shellcheck shell=bash disable=SC2034
image=(--copy /usr/bin/memcached --add /etc/passwd:/etc/passwd --add /etc/group:/etc/group)
