# covers: ipcs, ipcmk, ipcrm, perl (IPC::SysV, IPC::Msg, IPC::Semaphore)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/ipcs /usr/bin/ipcmk /usr/bin/ipcrm /usr/bin/perl
trees=()
for dir in $(perl -e 'print join "\n", grep { -d && !m{/local/} } @INC'); do
	trees+=(--add "$dir:$dir")
done
app_image --copy /usr/bin/ipcs --copy /usr/bin/ipcmk --copy /usr/bin/ipcrm --copy /usr/bin/perl \
	--copy /bin/sh --copy /bin/grep --copy /bin/sed "${trees[@]}"

compare "util-linux makes, lists and removes" sh <<'END'
id() { sed 's/.*: //'; }
shm=$(ipcmk -M 4096 -p 0600 | id); sem=$(ipcmk -S 3 -p 0640 | id); msg=$(ipcmk -Q -p 0644 | id)
ipcs -m -i "$shm" | grep -E 'mode=|bytes=' | sed 's/uid.*mode/mode/; s/lpid=.*nattch/nattch/'
ipcs -s -i "$sem" | grep -E 'nsems|mode=' | sed 's/key.*//; s/mode=\([0-9]*\).*/\1/'
ipcs -q -i "$msg" | grep -E 'qnum' | sed 's/lspid.*//'
ipcs -m | grep -c "$shm.*600.*4096"
ipcs -u >/dev/null && ipcs -l | grep -c 'max'
ipcrm -m "$shm" -s "$sem" -q "$msg" && echo removed
ipcs -m -i "$shm" 2>/dev/null; echo $?
END

compare "Perl's IPC modules" perl <<'END'
use strict; use warnings; $| = 1;
use IPC::SysV qw(IPC_PRIVATE IPC_CREAT IPC_RMID IPC_NOWAIT S_IRUSR S_IWUSR SEM_UNDO ftok); use IPC::Msg; use IPC::Semaphore; use IPC::SharedMem;
my $m = IPC::Msg->new(IPC_PRIVATE, S_IRUSR | S_IWUSR) or die; $m->snd(7, "seven"); $m->snd(3, "three"); print $m->stat->qnum, "\n";
my $b; print $m->rcv($b, 100, -5), " $b\n"; print $m->rcv($b, 100), " $b\n"; print defined $m->rcv($b, 100, 0, IPC_NOWAIT) ? "?" : "empty", "\n"; $m->remove;
my $s = IPC::Semaphore->new(IPC_PRIVATE, 3, S_IRUSR | S_IWUSR) or die; $s->setall(1, 2, 3); print join(",", $s->getall), "\n";
my $pid = fork // die; if (!$pid) { $s->op(0, -1, SEM_UNDO); exit 0 } waitpid $pid, 0; print join(",", $s->getall), "\n"; $s->remove;
my $h = IPC::SharedMem->new(IPC_PRIVATE, 8, S_IRUSR | S_IWUSR) or die; $h->write("shared", 0, 6);
$pid = fork // die; if (!$pid) { print $h->read(0, 6), "\n"; $h->write("SHARED", 0, 6); exit 0 } waitpid $pid, 0; print $h->read(0, 6), "\n"; $h->remove;
END
app_done
