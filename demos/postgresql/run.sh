#!/bin/sh
# Puts PostgreSQL into an enclave, makes a database there and runs pgbench against it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
casemate=${CASEMATE:-casemate}
programs=/usr/lib/postgresql/15
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

set --
for name in initdb pg_ctl pgbench postgres psql; do
	set -- "$@" --copy "$programs/bin/$name"
done
"$casemate" build -c "$here/casemate.json" "$@" --copy /bin/sh --add "$programs/lib:$programs/lib" \
	--add /usr/share/postgresql/15:/usr/share/postgresql/15 --add /usr/share/zoneinfo:/usr/share/zoneinfo \
	--add /etc/passwd:/etc/passwd --add /etc/group:/etc/group -o "$work/postgresql.enclave"
"$casemate" run "$work/postgresql.enclave" /bin/sh -ec '
	initdb -D data -A trust --no-locale -E UTF8 >/dev/null
	pg_ctl -D data -l log -o "-k /tmp" -w start
	psql -c "select version()"
	pgbench -i -q
	pgbench -c 4 -T 5
	pg_ctl -D data -m fast -w stop'
