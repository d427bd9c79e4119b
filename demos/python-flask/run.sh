#!/bin/sh
# Puts python3, Flask and an application into an enclave and runs it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
casemate=${CASEMATE:-casemate}
python=/usr/bin/python3 # the distribution's, whatever PATH says
library=$($python -c 'import os; print(os.path.dirname(os.__file__))')
packages=/usr/lib/python3/dist-packages
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

set --
for name in click colorama flask itsdangerous jinja2 markupsafe simplejson werkzeug; do
	[ ! -d "$packages/$name" ] || set -- "$@" --add "$packages/$name:$packages/$name"
done
"$casemate" build --copy $python --add "$library:$library" "$@" --add "$here/app.py:/app.py" -o "$work/flask.enclave"
"$casemate" run "$work/flask.enclave" $python /app.py
