# What goes into the image, for run.sh and tests/applications/numpy.sh.
# shellcheck shell=bash disable=SC2034
library=$(/usr/bin/python3 -c 'import os; print(os.path.dirname(os.__file__))')
image=(--copy /usr/bin/python3 --add "$library:$library")
for name in decorator.py numpy scipy; do
	image+=(--add "/usr/lib/python3/dist-packages/$name:/usr/lib/python3/dist-packages/$name")
done
