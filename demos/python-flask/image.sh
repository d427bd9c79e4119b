# What goes into the image, for run.sh and tests/applications/python3_net.sh.
# shellcheck shell=bash disable=SC2034
library=$(/usr/bin/python3 -c 'import os; print(os.path.dirname(os.__file__))')
packages=/usr/lib/python3/dist-packages
image=(--copy /usr/bin/python3 --add "$library:$library")
for name in blinker click colorama dateutil flask itsdangerous jinja2 markupsafe simplejson werkzeug; do
	[ ! -d $packages/$name ] || image+=(--add "$packages/$name:$packages/$name")
done
