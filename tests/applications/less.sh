# covers: less (scrolling, searching, following the window's size, suspending)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/less /usr/bin/tmux
. "$TOP/demos/editors/image.sh"
app_image "${image[@]}"

on_screen "less shows a file" bash --norc -c \
	'LESSHISTFILE=- ; export LESSHISTFILE; seq 1000 >numbers; less numbers; exit 4' <<'END'
wait ^numbers
show
key Space
wait ^46$
key G
wait ^1000$
show
type ?^12.$
key Enter
wait ^129$
show
size 60 12
wait ^129$
key g
wait ^1$
show
key q
END

on_screen "less reads a pipe, keys come from the terminal" bash --norc -c \
	'seq 100 | LESSHISTFILE=- less -N; exit 0' <<'END'
wait 23 23
type 50g
wait 50 50
show
key q
END

app_done
