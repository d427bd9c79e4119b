# covers: busybox-static (a static program of many applets; its own shell)
. "$TOP/tests/applications/lib.sh"
need /bin/busybox
app_image --copy /bin/busybox

compare "its shell and applets" busybox sh <<'END'
busybox seq 10 | busybox awk '{ s += $1 } END { print s }'
busybox mkdir -p a/b; echo text >a/b/f; busybox tar cf t.tar a; busybox tar tf t.tar; busybox gzip -c a/b/f | busybox zcat
busybox find a | busybox sort; busybox sha256sum a/b/f; busybox wc -c <t.tar
(busybox sleep 0.05; echo late) & wait; echo "now $?"
trap 'echo trapped' USR1; busybox kill -USR1 $$; busybox ls -l a/b/f | busybox cut -c1-10
busybox sh -c 'exit 42'; echo $?; busybox printf '%s-%d\n' x 7; busybox expr 3 + 4; busybox uname -s
busybox vi --help >/dev/null 2>&1; echo $((1 << 20)); busybox dc -e '2 3 + p' 2>/dev/null; echo "fin"
END

compare "a pipeline of a hundred processes" busybox sh <<'END'
i=0; p="busybox seq 100"
while [ $i -lt 100 ]; do p="$p | busybox cat"; i=$((i + 1)); done
eval "$p" | busybox md5sum
END

compare "links as applet names" busybox sh <<'END'
busybox mkdir bin; busybox ln -s "$(busybox which busybox || echo /bin/busybox)" bin/echo
bin/echo called by a link; PATH=$PWD/bin echo found; busybox readlink bin/echo | busybox grep -c busybox
END
app_done
