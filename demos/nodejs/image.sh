# What goes into the image, for run.sh and tests/applications/node.sh.
# shellcheck shell=bash disable=SC2034
image=(--copy /usr/bin/node --copy /bin/cat --copy /bin/sh --copy /usr/bin/sort)
[ ! -d /usr/share/nodejs ] || image+=(--add /usr/share/nodejs:/usr/share/nodejs)
