# covers: vim (editing, saving, a shell command, suspending)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/vim.basic /usr/bin/tmux
. "$TOP/demos/editors/image.sh"
app_image "${image[@]}"

on_screen "vim edits a file and saves it" bash --norc -c \
	'printf "%s\n" pear apple fig >fruit; vim.basic -u NONE -i NONE -n fruit; cat fruit' <<'END'
wait ^pear
key G o
type quince
key Escape
wait ^quince
show
type :%!sort
key Enter
wait ^apple
type :%s/fig/date/
key Enter
wait ^date
show
type yyp
type cwlast
key Escape
type u
type :set number
key Enter
wait 1 apple
show
type :wq
key Enter
END

on_screen "vim is stopped and goes on" bash --norc <<'END'
wait ^bash-.*[#$]
type unset HISTFILE; PS1='$ '
key Enter
wait ^\$
type vim.basic -u NONE -i NONE -n story
key Enter
wait ^~
type iOnce upon a time
key Escape
key C-z
wait Stopped
type fg
key Enter
wait ^~
show
type :wq
key Enter
wait ^\$
type cat story; exit
key Enter
END

app_done
