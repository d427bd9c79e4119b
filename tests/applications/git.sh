# covers: git (init, commit, branch, merge, clone of a local repository, gc, fsck, log)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/git
core=$(git --exec-path)
parts=()
for program in sh bash cat seq rm mkdir sed basename uname tr wc sort sha256sum cut dirname ls; do
	parts+=(--copy "$(command -v $program)")
done
for program in git git-upload-pack git-receive-pack git-upload-archive; do
	parts+=(--copy "/usr/bin/$program")
done
app_image "${parts[@]}" --add "$core:$core" --add /usr/share/git-core:/usr/share/git-core

setup='export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
export GIT_AUTHOR_DATE="1000000000 +0000" GIT_COMMITTER_DATE="1000000000 +0000" GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="*" GIT_CONFIG_KEY_1=protocol.file.allow GIT_CONFIG_VALUE_1=always
git init -q -b main r && cd r
for i in $(seq 30); do mkdir -p d$((i % 4)); seq $((i * 20)) >d$((i % 4))/f$i; git add . && git commit -q -m "commit $i"; done'

compare "init, add, commit, log, diff, status" bash <<END
$setup
git rev-parse HEAD; git log --oneline | wc -l; git ls-files | sha256sum; echo changed >d1/f1; git status --short; git diff --stat; git stash -q; git status --short | wc -l
git stash pop -q; git checkout -q -- .; git show --stat HEAD~3; git blame -s d1/f5 | sha256sum; git grep -c 77 | wc -l; git log -S 599 --oneline
END

compare "branches, merges, conflicts, rebase, tags" bash <<END
$setup
git checkout -q -b side HEAD~5; echo side >d0/side; git add .; git commit -q -m side; git merge -q -m merged main; git log --oneline --graph | sha256sum
git checkout -q main; echo main >d1/f1; git commit -q -a -m m; git checkout -q side; echo other >d1/f1; git commit -q -a -m o; git merge main >/dev/null; echo \$?
git status --short | sed -n 1,3p; git merge --abort; git rebase -q main 2>/dev/null; echo \$?; git rebase --abort; git tag -a -m t v1; git describe; git cherry-pick main >/dev/null 2>&1; echo \$?; git reset -q --hard; git rev-parse HEAD
END

compare "clone, fetch, push, gc, fsck" bash <<END
$setup
cd ..; git clone -q r c; git clone -q --bare "file://\$PWD/r" b; git clone -q --depth 3 "file://\$PWD/r" s; git -C s log --oneline | wc -l
cd c; echo new >new; git add new; git commit -q -m new; git remote add b ../b; git push -q b main; git -C ../b rev-parse main; cd ../r; git fetch -q ../b main; git merge -q --ff-only FETCH_HEAD; git rev-parse HEAD
git gc -q --aggressive --prune=now; git count-objects -v | sed -n '1p;3p;4p'; git fsck --full --strict; echo \$?; git repack -q -a -d -f --threads=2; git verify-pack .git/objects/pack/*.pack; echo \$?; git archive HEAD | sha256sum; git bundle create -q x.bundle main; git bundle verify -q x.bundle; echo \$?
END
app_done
