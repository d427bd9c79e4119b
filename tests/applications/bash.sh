# covers: bash (pipes, background jobs, traps, here-documents, process substitution, coprocesses)
. "$TOP/tests/applications/lib.sh"
need /bin/bash
app_image --copy /bin/bash --copy /bin/cat --copy /bin/sleep --copy /usr/bin/sort --copy /bin/true \
	--copy /usr/bin/wc --copy /bin/sh --copy /bin/rm --copy /usr/bin/mkfifo --copy /usr/bin/tr --copy /usr/bin/tee

compare "pipes and their exit statuses" bash <<'END'
printf '%s\n' c a b | sort | cat | tr a-z A-Z
false | true | (exit 7)
echo "${PIPESTATUS[@]}"
set -o pipefail
(exit 3) | cat
echo $?
for i in {1..500}; do echo "line $i"; done | while read -r line; do echo "$line"; done | wc -l
END

compare "background jobs, wait and their statuses" bash <<'END'
pids=()
for i in 1 2 3 4 5; do
	(sleep 0.0$i; exit $i) &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid"
	echo "status $?"
done
sleep 60 &
kill -TERM $!
wait $!
echo "killed: $?"
{ sleep 0.05; exit 9; } &
wait -n
echo "wait -n: $?"
jobs
END

compare "traps" bash <<'END'
trap 'echo usr1' USR1
trap 'echo exit $?' EXIT
trap 'echo "err at $LINENO"' ERR
kill -USR1 $$
false
(trap 'echo sub-exit' EXIT; exit 4)
echo "sub: $?"
( trap '' TERM; kill -TERM $BASHPID; echo survived )
( kill -KILL $BASHPID )
echo "killed: $?"
exit 12
END

compare "here-documents and here-strings" bash <<'END'
name=world
cat <<A
hello $name $((6 * 7)) $(echo nested)
A
cat <<'A'
literal $name
A
cat <<-A
	tabs gone
	A
cat <<<"string $name"
while read -r a b; do echo "$b $a"; done <<A
1 2
3 4
A
END

compare "redirections and descriptors" bash <<'END'
exec 3>out 4>&1
echo to-three >&3
echo to-four >&4
exec 3>&-
cat out
echo more >>out
exec 5<>out
read -r first <&5
echo "first: $first"
echo error 2>&1 >/dev/null
{ echo both; echo err >&2; } &>all
cat all
(echo closed >&9) 2>/dev/null || echo "9 is closed"
set -C
(echo clobber >out) 2>/dev/null || echo "noclobber holds"
echo /dev/fd/0 /dev/stdin >/dev/null && cat /dev/stdin <<<"from /dev/stdin"
END

compare "process substitution and coprocesses" bash <<'END'
cat <(echo one) <(echo two)
sort <(printf 'b\na\n')
tee >(cat >kept) <<<teed >/dev/null
until [ -s kept ]; do sleep 0.01; done
cat kept
coproc cat
echo through-coproc >&"${COPROC[1]}"
read -r answer <&"${COPROC[0]}"
echo "$answer"
mkfifo pipe
echo through-fifo >pipe &
cat pipe
END

compare "globs, arrays, arithmetic, functions" bash <<'END'
touch() { : >"$1"; }
for f in b.txt a.txt c.md .hidden; do touch $f; done
echo *; echo *.txt; shopt -s dotglob; echo *
declare -A map=([x]=1 [y]=2)
echo "${#map[@]} ${map[x]}"
fib() { local n=$1; if ((n < 2)); then echo "$n"; else echo $(($(fib $((n-1))) + $(fib $((n-2))))); fi; }
fib 9
echo "${RANDOM:+random} ${#BASHPID}" | tr -d 0-9
printf '%05d %x %s\n' 42 255 "$(printf %q 'a b')"
[[ abc123 =~ ([a-z]+)([0-9]+) ]] && echo "${BASH_REMATCH[2]}"
END

compare "exec, a script with a shebang, exit statuses" bash <<'END'
printf '#!/bin/bash -e\necho "script $0 $*"\nexit 5\n' >script
chmod=$(type -P chmod) || chmod=
umask 022
if [ -n "$chmod" ]; then chmod +x script; fi
bash ./script a "b c"; echo $?
nosuchcommand 2>/dev/null; echo $?
./out-of-nowhere 2>/dev/null; echo $?
: >plain; ./plain 2>/dev/null; echo $?
exec bash -c 'exit 33'
END

compare "the time-out of read, and of a job" bash <<'END'
read -r -t 0.05 line < <(sleep 1); echo $((($? > 128)))
SECONDS=0; sleep 0.01; echo $((SECONDS < 5))
ulimit -n 64; ulimit -n
cd /; pwd; cd - >/dev/null; echo "${PWD##*/}" | wc -l
END
app_done
