# covers: grep, sed, awk (mawk)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/mawk
app_image --copy /bin/bash --copy /bin/sh --copy /bin/grep --copy /bin/sed --copy /usr/bin/mawk \
	--copy /usr/bin/seq --copy /usr/bin/sort --copy /bin/mkdir --copy /bin/cat --copy /usr/bin/diff

compare "grep" bash <<'END'
mkdir d; seq 10000 >d/numbers; printf 'Foo\nbar\nfoobar\n\n' >d/words; printf 'a\0b\n' >d/binary
grep -c 7 d/numbers; grep -n '^99.9$' d/numbers; grep -i foo d/words; grep -v o d/words; grep -E 'fo+b|^B' d/words
grep -o '[0-9]*42$' d/numbers | sort -n | sed -n 1,5p; grep -r foo d | sort; grep -l b d/* ; grep -P '(?<=foo)bar' d/words
grep -q nosuch d/words; echo $?; grep x nosuchfile 2>/dev/null; echo $?; grep -A1 -B1 bar d/words; grep -w foo d/words; grep -F . d/words; echo $?
END

compare "sed" bash <<'END'
seq 12 | sed -n '3,5p;$p'; seq 5 | sed '2d;s/4/four/;a\-'; echo 'a b c' | sed -E 's/(\w) (\w)/\2 \1/'
seq 6 | sed 'N;N;s/\n/,/g'; printf 'x\ny\n' >f; sed -i.bak 's/x/z/' f; cat f f.bak; seq 3 | sed '1!G;h;$!d'
echo hello | sed 'y/el/ip/;s/p/&&/2'; seq 4 | sed -n '2w out'; cat out; sed --version | sed 1q; echo | sed 'q5'; echo $?
END

compare "awk" bash <<'END'
seq 1000 | mawk '{ s += $1 } END { print s, NR, s / NR }'
printf 'a 1\nb 2\na 3\n' | mawk '{ n[$1] += $2 } END { for (k in n) print k, n[k] | "sort"; close("sort"); print "end" }'
mawk 'BEGIN { while (("seq 3" | getline x) > 0) print "got", x; printf "%5.2f|%-5s|%c\n", 3.14159, "ab", 65; exit 3 }'; echo $?
echo 'k=v;x=y' | mawk -F'[=;]' '{ print NF, $4; gsub(/[kx]/, "<&>"); print; print toupper(substr($0, 1, 5)), length($0), index($0, "v") }'
mawk 'BEGIN { "echo sub" | getline a; print a; print "to file" > "f"; close("f"); getline b < "f"; print b; print system("exit 4"); print ENVIRON["LANG"] }'
mawk 'BEGIN { srand(1); n = split("d c b a", t); for (i = n; i > 0; i--) printf "%s ", t[i]; print match("foobar", /o+/), RSTART, RLENGTH; print sin(0), exp(1), int(7.9) }'
END
app_done
