# covers: findutils (find with its tests and actions, xargs in parallel)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/find /usr/bin/xargs
app_image --copy /bin/bash --copy /bin/sh --copy /usr/bin/find --copy /usr/bin/xargs \
	--copy /usr/bin/sort --copy /usr/bin/touch --copy /bin/mkdir --copy /bin/ln --copy /bin/echo \
	--copy /bin/chmod --copy /usr/bin/seq --copy /usr/bin/wc --copy /bin/cat --copy /usr/bin/mkfifo

tree='mkdir -p t/a/b t/c "t/d e"; seq 1000 >t/a/big; echo x >t/a/b/small; : >t/c/empty; : >"t/d e/f g"
ln -s ../a/big t/c/link; ln -s nowhere t/broken; chmod 600 t/c/empty; mkfifo t/pipe; touch -d 2001-01-01 t/a/b/small'

compare "tests" bash <<END
$tree
find t | sort; find t -type f -size +1k; find t -type l | sort; find t -xtype l; find t -type p
find t -empty | sort; find t -perm 600 -type f; find t -newer t/a/b/small -name 's*' ; find t ! -newermt 2005-01-01
find t -maxdepth 1 -mindepth 1 | sort; find t -path '*/a/*' -prune -o -type f -print | sort
find t -regex '.*/[a-c]/.*' | sort; find t -samefile t/a/big; find -L t -name link -type f; find t -links 1 -type f | wc -l
END

compare "actions" bash <<END
$tree
find t -type f -printf '%f %s %m %y %d\n' | sort; find t -name small -exec cat {} \;
find t -type f -exec echo {} + | wc -w; find t -type f -print0 | sort -z | xargs -0 -n 1 echo
find t -name 'f g' -execdir echo {} \; ; find t -depth -name b -o -name small | sort; find t -name empty -delete; find t -type f | sort
find t -type d -exec sh -c 'echo "\$#"' sh {} +
find nosuch 2>/dev/null; echo \$?
END

compare "xargs" bash <<'END'
seq 1000 | xargs -n 100 echo | wc -l
seq 20 | xargs -P 4 -I{} sh -c 'echo {}' | sort -n | xargs
echo a b c | xargs -n1 -t echo 2>&1; printf 'a\0b c\0' | xargs -0 -n1 echo
seq 3 | xargs -I% sh -c 'exit 1'; echo $?; seq 2 | xargs -n1 sh -c 'exit 255' 2>/dev/null; echo $?
xargs -r echo never </dev/null; echo nosuch | xargs /no/such/program 2>/dev/null; echo $?
END
app_done
