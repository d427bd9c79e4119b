# covers: tar, gzip, xz, zstd (threads, sparse files, hard and symbolic links)
. "$TOP/tests/applications/lib.sh"
need /bin/tar /usr/bin/xz /usr/bin/zstd
app_image --copy /bin/bash --copy /bin/sh --copy /bin/tar --copy /usr/bin/xz --copy /usr/bin/zstd \
	--copy /bin/gzip --copy /bin/mkdir --copy /usr/bin/seq --copy /bin/ln --copy /usr/bin/sha256sum \
	--copy /usr/bin/stat --copy /usr/bin/sort --copy /usr/bin/find --copy /usr/bin/truncate \
	--copy /usr/bin/cmp --copy /bin/cat --copy /bin/chmod --copy /usr/bin/touch --copy /usr/bin/wc

tree='mkdir -p t/sub; seq 50000 >t/numbers; ln t/numbers t/hard; ln -s numbers t/link; : >t/sub/empty
truncate -s 1M t/sparse; chmod 741 t/sub/empty; find t -exec touch -h -d @1000000000 {} +
pack() { tar --sort=name --owner=0 --group=0 --numeric-owner "$@"; }'

compare "tar packs, lists and unpacks" bash <<END
$tree
pack -cf t.tar t; sha256sum t.tar; tar tvf t.tar
mkdir out; tar xf t.tar -C out; cd out/t; stat -c '%n %a %h %s %Y %F' numbers hard link sub/empty sparse
cmp numbers ../../t/numbers && echo same; cd ../..; tar xOf t.tar t/numbers | wc -l
pack -Scf sparse.tar t/sparse; stat -c %s sparse.tar; pack -cf - t | tar tf - | wc -l; tar xf nosuch.tar 2>/dev/null; echo \$?
seq 3 >t/sub/new; pack --mtime=@0 -rf t.tar t/sub/new; tar tf t.tar | wc -l; tar df t.tar; echo \$?
END

for tool in gzip xz zstd; do
	compare "tar through $tool" bash <<END
$tree
pack --use-compress-program="$tool" -cf t.packed t; mkdir out; tar --use-compress-program="$tool -d" -xf t.packed -C out
cmp out/t/numbers t/numbers && echo same; find out | sort
END
done

compare "xz and zstd, alone and in threads" bash <<'END'
seq 300000 >n
xz -k -T2 --block-size=256KiB n; xz -dc n.xz | sha256sum; xz -l n.xz | wc -l; xz -t n.xz; echo $?
zstd -q -k -T2 -9 n; zstd -dc n.zst | sha256sum; zstd -q -t n.zst; echo $?; zstd -q -b1 -i0 n >/dev/null 2>&1; echo $?
echo broken >b.xz; xz -dc b.xz 2>/dev/null; echo $?; seq 100 | xz | xz -d | sha256sum; seq 100 | gzip -n9 | sha256sum; zstd --version | wc -l
END
app_done
