# covers: OpenSSH (sshd with PAM, commands, terminals, scp, sftp, port forwarding, an agent), rsync over it
. "$TOP/tests/applications/lib.sh"
need /usr/sbin/sshd /usr/bin/ssh /usr/bin/rsync
if [ "$(id -u)" -ne 0 ]; then
	echo "ok 1 - $app_name # SKIP natively, only root can let users in"
	echo "1..1"
	exit 0
fi
modules=/usr/lib/x86_64-linux-gnu/security
image=(--copy /usr/lib/openssh/sftp-server --add /etc/pam.d:/etc/pam.d --add /etc/security:/etc/security
	--add "$modules:$modules" --add /etc/login.defs:/etc/login.defs)
for name in bash cat chmod cmp cp diff find grep head id kill ls mkdir rm rsync scp sed seq sftp sh sleep sort ssh \
	ssh-add ssh-agent ssh-keygen sshd stty tr tty; do
	image+=(--copy "$(PATH=/usr/sbin:/usr/bin type -P "$name")")
done
# sshd gives up its rights to a user of its own, and wants this directory.
getent passwd | grep -E '^(root|sshd|nobody):' | sed 's/^\(root:[^:]*:[^:]*:[^:]*:[^:]*\):[^:]*:.*/\1:\/tmp:\/bin\/bash/' >"$app_dir/passwd"
getent group >"$app_dir/group"
getent shadow | grep -E '^(root|sshd|nobody):' | sed 's/:[^:]*/:*/' >"$app_dir/shadow"
for name in passwd group shadow; do
	image+=(--add "$app_dir/$name:/etc/$name")
done
app_image "${image[@]}"

# Everything that the two ends keep is below the test's own directory.
with_server()
{
	compare "$1" bash -c "$(
		cat <<-'OUTER'
			set -u
			umask 022
			mkdir -p /run/sshd
			where=$PWD
			port=$((20000 + $$ % 10000))
			ssh-keygen -q -t ed25519 -N "" -f host
			ssh-keygen -q -t ed25519 -N "" -f mine
			cp mine.pub authorized
			printf '%s\n' "Port $port" "ListenAddress 127.0.0.1" "HostKey $where/host" "PidFile $where/pid" \
				"AuthorizedKeysFile $where/authorized" "StrictModes no" "UsePAM yes" "PrintLastLog no" \
				"PermitRootLogin yes" "Subsystem sftp /usr/lib/openssh/sftp-server" >server
			printf '%s\n' "Host *" "Port $port" "IdentityFile $where/mine" "IdentitiesOnly yes" "LogLevel ERROR" \
				"StrictHostKeyChecking no" "UserKnownHostsFile $where/known" "User root" >client
			/usr/sbin/sshd -f server -E log
			echo "sshd $?"
			until ssh -F client 127.0.0.1 true 2>/dev/null || [ $((tries = ${tries-0} + 1)) -gt 100 ]; do sleep 0.1; done
			trap 'kill $(cat pid)' EXIT
		OUTER
		cat
	)"
}

with_server "commands, terminals, files and forwarded ports" <<'END'
ssh -F client 127.0.0.1 'echo "from $(id -un)"; tty; cat; exit 3' <<<"standard input"; echo "status $?"
ssh -F client -tt 127.0.0.1 'tty >/dev/null && echo a terminal; stty -echo; stty -a | grep -o -- -echo | head -n 1; exit 4' </dev/null | tr -d '\r'; echo "status ${PIPESTATUS[0]}"
ssh -F client 127.0.0.1 'kill -TERM $$'; echo "a signal $?"
head -c 3000000 /dev/urandom >big
scp -q -F client big 127.0.0.1:"$where/big2"; cmp big big2; echo "scp $?"
echo "put big big3" | sftp -q -F client -b - 127.0.0.1:"$where/" >/dev/null; cmp big big3; echo "sftp $?"
ssh -F client 127.0.0.1 "cat $where/big" | cmp - big; echo "a pipe $?"
for n in $(seq 8); do ssh -F client 127.0.0.1 "echo client $n" & done | sort; wait
ssh -F client -o ExitOnForwardFailure=yes -L $((port + 1)):127.0.0.1:$port 127.0.0.1 'echo open; read -r' < <(sleep 20) >opened & tunnel=$!
until grep -q open opened || [ $((tries = ${tries-0} + 1)) -gt 200 ]; do sleep 0.1; done
ssh -F client -p $((port + 1)) 127.0.0.1 'echo "through a tunnel"'; kill $tunnel; wait $tunnel 2>/dev/null
mkdir -p tree/a; for n in $(seq 50); do echo "$n" >"tree/a/$n"; done
rsync -a -e "ssh -F client" tree/ 127.0.0.1:"$where/copy/"; diff -r tree copy; echo "rsync $?"
eval "$(ssh-agent -s)" >/dev/null; ssh-add -q mine; ssh-add -l | sed 's/ .* / /'; mkdir hidden; mv mine mine.pub hidden 2>/dev/null || { cp mine mine.pub hidden; rm mine mine.pub; }
ssh -F client -o IdentitiesOnly=no 127.0.0.1 'echo by the agent'; ssh-agent -k >/dev/null
ssh -F client -o BatchMode=yes 127.0.0.1 true 2>/dev/null; echo "without a key $?"
END
app_done
