# What goes into the image, for run.sh and tests/applications/curl.sh.
# shellcheck shell=bash disable=SC2034
image=(--copy /usr/bin/curl --copy /bin/bash --copy /bin/cat --copy /usr/bin/head --copy /usr/bin/seq
	--copy /usr/bin/sha256sum --copy /usr/bin/sort --copy /usr/bin/uniq)
