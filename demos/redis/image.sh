# What goes into the image, for run.sh and tests/applications/redis.sh.
# shellcheck shell=bash disable=SC2034
image=(--copy /usr/bin/redis-server --copy /usr/bin/redis-cli --copy /bin/sh --copy /bin/kill --copy /usr/bin/head)
