# covers: coreutils (files, text, checksums, links, permissions, dates)
. "$TOP/tests/applications/lib.sh"
programs=()
for name in $(dpkg -L coreutils | grep -E '^/(usr/)?bin/' | grep -vE '/(stty|chroot|pinky|who|users)$'); do
	programs+=(--copy "$name")
done
app_image --copy /bin/sh --copy /bin/bash "${programs[@]}"

compare "making, copying, moving, removing" bash -e <<'END'
mkdir -p a/b/c; echo one >a/b/file; ln -s file a/b/link; ln a/b/file a/b/hard
cp -a a copy; ls -R copy; stat -c '%n %F %a %h %s' copy/b/[fhl]*
mv copy/b/file copy/renamed; rm -r copy/b; ls copy
cp --sparse=always a/b/file sparse; install -m 640 sparse installed; stat -c '%a' installed
rmdir "$(mktemp -d ./tmp.XXXX)"; touch -d '2001-02-03 04:05:06' old; stat -c '%Y %y' old
cp -p old kept; stat -c %Y kept; readlink a/b/link; realpath --relative-to=. a/b/link
rmdir a 2>/dev/null || echo "not empty"; rm -f nosuch; unlink old; ls
END

compare "permissions" bash <<'END'
umask 027; mkdir d; : >f; stat -c '%n %a' d f
chmod u=rwx,g=rx,o= f; chmod +t d; chmod g+s d; stat -c '%n %A' d f
chmod 4755 f; stat -c %a f; test -x f && echo executable; test -u f && echo setuid
END

compare "text" bash <<'END'
seq 1 20 | head -n 5 | tail -n 3
seq 100 | shuf --random-source=<(yes) | sort -n | md5sum
printf 'b 2\na 1\nc 3\n' | sort -k2,2nr | cut -d' ' -f1 | paste -sd,
printf 'a\nb\n' | join - <(printf 'a x\nb y\n'); printf 'x\nx\ny\n' | uniq -c
seq 12 | split -l 5 - part.; wc -l part.*; cat part.* | tac | head -n 2; nl part.ab | head -n 1
echo 'hello world' | tr a-z A-Z; expr 6 '*' 7; factor 1001; seq -s+ 5
printf 'one two three four' | fold -w 5; echo; echo a:b | cut -d: -f2; numfmt --to=iec 1048576
comm <(seq 3) <(seq 2 4); od -An -tx1 <<<abc; base64 <<<casemate; expand <<<$'a\tb'; fmt -w 20 <<<'some words to be wrapped'
END

compare "checksums of a megabyte" bash <<'END'
seq 200000 >data
for sum in md5sum sha1sum sha256sum sha512sum b2sum cksum; do $sum data; done
cmp=$(sha256sum <data); dd if=data of=copy bs=4096 status=none; [ "$cmp" = "$(sha256sum <copy)" ] && echo same
dd if=/dev/zero of=zero bs=64K count=16 status=none; sha256sum zero; truncate -s 3M zero; stat -c %s zero
dd if=data bs=1 skip=10 count=7 status=none; dd if=data of=zero bs=1K seek=2 conv=notrunc status=none; cksum zero
END

compare "ls, du, dd, tee, timeout, env" bash <<'END'
mkdir d; for i in 3 1 2; do seq $((i * 100)) >d/$i; done
ls -1 d; ls -S d; ls d -l --time-style=+ -gG | tr -s ' ' | cut -d' ' -f1,3,4 | tail -n +2
du -b d/1; echo tee | tee t1 t2; cat t1 t2; timeout 0.1 sleep 5; echo $?
timeout -s KILL 0.1 sleep 5; echo $?; env -i A=1 env; env -u HOME sh -c 'echo ${HOME-unset}'
echo $(($(nice -n 5 nice) - $(nice))); nohup echo hup 2>/dev/null; date -u -d @86400 +%F; date -u -d '2024-02-29 + 1 year' +%F
test -d d -a ! -e nosuch && echo test; basename /a/b.c .c; dirname /a/b; pathchk -p ok && echo ok
tail -c 5 d/1; sleep 0.01; printenv LANG; yes | head -n 2; true; false; echo $?
END

compare "tail -f sees what is appended" bash <<'END'
: >log
tail -n +1 -f --pid=$$ -s 0.05 log >seen & pid=$!
for i in 1 2 3; do echo "entry $i" >>log; sleep 0.1; done
for _ in $(seq 100); do [ "$(wc -l <seen)" = 3 ] && break; sleep 0.05; done
kill $pid; cat seen
END
app_done
