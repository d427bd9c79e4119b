# covers: perl (files, regular expressions, fork, pipes, signals, sorting)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/perl
trees=()
for dir in $(perl -e 'print join "\n", grep { -d && !m{/local/} } @INC'); do
	trees+=(--add "$dir:$dir")
done
app_image --copy /usr/bin/perl --copy /bin/sh --copy /bin/cat --copy /bin/echo "${trees[@]}"

compare "language and files" perl <<'END'
use strict; use warnings; use List::Util qw(sum max); use Data::Dumper; $Data::Dumper::Sortkeys = 1;
open my $f, '>', 'f' or die; print $f "$_ ", $_ ** 2, "\n" for 1 .. 1000; close $f;
open $f, '<', 'f' or die; my %h = map { split } <$f>; print sum(values %h), " ", max(keys %h), "\n";
print Dumper({ a => [1, 2], b => { c => undef } }); (my $t = "the cat") =~ s/(\w+)/\u$1/g; print "$t\n";
rename 'f', 'g'; print join(",", map { -e $_ ? 1 : 0 } qw(f g)), "\n"; printf "%s %d\n", (stat 'g')[7], scalar(() = glob '*');
mkdir 'd' or die; opendir my $d, '.'; print join(' ', sort grep !/^\./, readdir $d), "\n"; unlink 'g'; rmdir 'd';
print pack('NnC', 1, 2, 3) eq "\0\0\0\1\0\2\3" ? "packed\n" : "no\n"; exit 17;
END

compare "processes, pipes and signals" perl <<'END'
use strict; use warnings; use POSIX ':sys_wait_h'; $| = 1;
pipe my $r, my $w; my $pid = fork // die;
if (!$pid) { close $r; print $w "from the child\n"; exit 3 } close $w; print <$r>; waitpid $pid, 0; print $? >> 8, "\n";
print `echo backquotes`; system 'exit 5;'; print $? >> 8, "\n"; open my $p, '|-', 'cat' or die; print $p "to cat\n"; close $p;
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select undef, undef, undef, 10; }; print $@;
local $SIG{USR1} = sub { print "usr1\n" }; kill USR1 => $$; local $SIG{CHLD} = sub { 1 while waitpid(-1, WNOHANG) > 0; };
my @kids = map { my $k = fork // die; exit 0 if !$k; $k } 1 .. 10; select undef, undef, undef, .02 for 1 .. 20; print waitpid(-1, 0), "\n";
END

compare "modules with libraries" perl <<'END'
use Digest::SHA qw(sha256_hex); use Time::HiRes qw(usleep time); use Socket; use IO::Select; use File::Temp 'tempfile'; use Storable 'dclone'; use Encode;
print sha256_hex('casemate'), "\n"; my $t = time; usleep 2000; print time > $t ? "later\n" : "no\n";
my ($fh, $name) = tempfile(DIR => '.'); print $fh 'x'; close $fh; print -s $name, "\n"; print scalar @{ dclone([1, [2]]) }, "\n"; print length(encode('UTF-8', "\x{263a}")), "\n";
END
app_done
