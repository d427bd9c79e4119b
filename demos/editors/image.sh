# What goes into the image, for run.sh and the tests less.sh and vim.sh in tests/applications.
# shellcheck shell=bash disable=SC2034
image=(--copy /bin/bash --copy /bin/sh --copy /usr/bin/less --copy /usr/bin/vim.basic --copy /bin/cat --copy /usr/bin/seq
	--copy /usr/bin/sort --add /lib/terminfo:/lib/terminfo)
