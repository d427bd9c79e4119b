# covers: bash at a terminal (job control, line editing, history, window size), stty, tty, script, python3's pty
. "$TOP/tests/applications/lib.sh"
need /bin/bash /usr/bin/tmux /usr/bin/stty /usr/bin/script
python_version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
. "$TOP/demos/bash/image.sh"
app_image "${image[@]}" --copy /usr/bin/python3 --add "/usr/lib/python$python_version:/usr/lib/python$python_version"

on_screen "jobs: background, Ctrl-Z, jobs, bg, fg, Ctrl-C" bash --norc <<'END'
wait ^bash-.*[#$]
type unset HISTFILE; PS1='$ '
key Enter
wait ^\$
type sh -c 'echo running; exec sleep 1000'
key Enter
wait ^running
key C-z
wait Stopped
type jobs
key Enter
wait ^\$
show
type bg; echo in the background
key Enter
wait in the background
type fg
key Enter
wait ^sh -c
key C-c
wait ^\^C
type echo $?
key Enter
wait ^130
type cat
key Enter
wait ^\$ cat
type typed
key Enter
wait ^typed
key C-d
type echo done
key Enter
wait ^done
show
type exit 7
key Enter
END

on_screen "line editing and history" bash --norc <<'END'
wait ^bash-.*[#$]
type unset HISTFILE; PS1='$ '
key Enter
wait ^\$
type echo hullo world
key Left Left Left Left Left Left Left Left Left
key BSpace
type a
key C-e
type !
key Enter
wait ^hallo
type echo second
key Enter
wait ^second
key Up Up
key C-a M-f M-f C-w
type again
key Enter
wait ^again
show
key C-r
type hal
wait reverse
key C-g
type exit
key Enter
END

on_screen "a window that changes" bash --norc <<'END'
wait ^bash-.*[#$]
type unset HISTFILE; PS1='$ '
key Enter
wait ^\$
type stty size; tty -s && trap 'echo changed' WINCH
key Enter
wait ^24 80
size 100 30
wait changed$
type stty size; echo $COLUMNS
key Enter
wait ^30 100
show
type stty -a
key Enter
wait extproc
type exit
key Enter
END

on_screen "Ctrl-C when nobody reads" bash --norc <<'END'
wait ^bash-.*[#$]
type unset HISTFILE; PS1='$ '
key Enter
wait ^\$
type echo looping; while :; do :; done
key Enter
wait ^looping
key C-c
wait \^C
type echo still here
key Enter
wait ^still here
type stty -echo; echo silent; read -r secret; stty echo; echo "<$secret>"
key Enter
wait ^silent
type swordfish
key Enter
wait ^<swordfish>
type exit
key Enter
END

compare "python3's pty module" python3 - <<'END'
import os, pty, sys, termios, fcntl, struct, signal
pid, fd = pty.fork()
if not pid:
    os.execvp("bash", ["bash", "-c", "stty size; read -r x; echo got:$x; tty >&2; exit 3"])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 11, 22, 0, 0))
os.write(fd, b"typed\n")
shown = b""
try:
    while chunk := os.read(fd, 100):
        shown += chunk
except OSError as error:
    print(error)
print(b"got:typed" in shown, b"/dev/pts/" in shown, os.waitpid(pid, 0)[1] >> 8)
END

compare "script(1)" bash -c 'script -qec "tty -s && echo a terminal; exit 5" log >shown </dev/null
echo $?; cat shown'

app_done
