# What goes into the image, for run.sh and tests/applications/stress-ng.sh.
# shellcheck shell=bash disable=SC2034
image=(--copy /usr/bin/stress-ng)
