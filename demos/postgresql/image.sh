# What goes into the image, for run.sh and tests/applications/postgresql.sh.
# shellcheck shell=bash disable=SC2034
programs=/usr/lib/postgresql/15
image=(--copy /bin/sh --add "$programs/lib:$programs/lib"
	--add /usr/share/postgresql/15:/usr/share/postgresql/15 --add /usr/share/zoneinfo:/usr/share/zoneinfo
	--add /etc/passwd:/etc/passwd --add /etc/group:/etc/group)
for name in initdb pg_ctl pg_dump pgbench postgres psql; do
	image+=(--copy "$programs/bin/$name")
done
