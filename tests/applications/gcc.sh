# covers: gcc, binutils, make (compile, assemble, link, archive, run what was built; make -j4)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/gcc /usr/bin/make
gcc_dir=$(dirname "$(gcc -print-libgcc-file-name)")
libc_dir=/usr/lib/x86_64-linux-gnu
parts=(--add "/usr/include:/usr/include")
for program in gcc as ld ar nm strip objdump make sh bash cat true rm cp seq mkdir sort touch sleep echo; do
	parts+=(--copy "$(command -v $program)")
done
for program in cc1 collect2 lto1 lto-wrapper; do
	parts+=(--copy "$(gcc -print-prog-name=$program)")
done
for file in "$gcc_dir"/*.o "$gcc_dir"/*.a "$gcc_dir"/include \
	"$gcc_dir"/libgcc_s.so "$gcc_dir"/liblto_plugin.so; do
	parts+=(--add "$file:$file")
done
for file in "$libc_dir"/*crt*.o "$libc_dir"/libc.* "$libc_dir"/libc_nonshared.a "$libc_dir"/libm.* \
	"$libc_dir"/libm-* "$libc_dir"/libmvec.* "$libc_dir"/libpthread.a; do
	parts+=(--add "$file:$file")
done
app_image "${parts[@]}"

hello='cat >hello.c <<C
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
static void *add(void *p) { *(double *)p += sqrt(2.0); return p; }
int main(int argc, char **argv)
{
	double x = argc; pthread_t t;
	if (pthread_create(&t, NULL, add, &x) || pthread_join(t, NULL)) return 1;
	printf("%s %.6f %d\n", argv[argc - 1], x, atoi("42"));
	return 7;
}
C'

compare "compile, link, run" bash <<END
$hello
gcc -O2 -Wall -o hello hello.c -lm && ./hello dynamic; echo \$?
gcc -static -O0 -g -o static hello.c -lm && ./static static; echo \$?
gcc -no-pie -o fixed hello.c -lm && ./fixed non-PIE; echo \$?
gcc -static-pie -o spie hello.c -lm && ./spie static-pie; echo \$?
END

compare "every stage, objects, archives, shared libraries" bash <<END
$hello
gcc -E hello.c | cat >hello.i; gcc -S -O1 hello.c; as -o byhand.o hello.s; gcc -o byhand byhand.o -lm && ./byhand stages
echo 'int twice(int n) { return 2 * n; }' >twice.c; echo 'int twice(int); int main(void) { return twice(21); }' >main.c
gcc -c twice.c && ar rcsD libtwice.a twice.o && nm libtwice.a && gcc main.c -L. -ltwice -o a && ./a; echo \$?
gcc -shared -fPIC -o libtwice.so twice.c && gcc main.c -o b -L. -Wl,-rpath,\$PWD -ltwice && ./b; echo \$?
strip b && ./b; echo \$?; echo 'int main(void) { return x; }' >bad.c; gcc bad.c 2>/dev/null; echo \$?
echo 'void f(void); int main(void) { f(); }' >bad.c; gcc bad.c 2>/dev/null; echo \$?; gcc -pipe -flto -O2 main.c twice.c -o c 2>/dev/null; ./c; echo \$?
END

compare "make -j4" bash <<'END'
mkdir src
for i in $(seq 12); do echo "int f$i(void) { return $i; }" >src/f$i.c; done
{ echo '#include <stdio.h>'; for i in $(seq 12); do echo "int f$i(void);"; done
  echo 'int main(void) { int s = 0;'; for i in $(seq 12); do echo "s += f$i();"; done; echo 'printf("%d\n", s); return 0; }'; } >src/main.c
cat >Makefile <<'M'
OBJS := $(patsubst %.c,%.o,$(wildcard src/*.c))
prog: $(OBJS)
	@gcc -o $@ $^
%.o: %.c
	@gcc -c -o $@ $<
clean:
	@rm -f prog $(OBJS)
.PHONY: clean
M
make -j4 -s && ./prog; make -q; echo "up to date: $?"; sleep 0.05; touch src/f3.c; make -q; echo "stale: $?"; make -j4 | sort; make clean; echo src/*.o
printf 'all: a b\na b:\n\t@sleep 0.05; echo $@\nfail:\n\t@exit 3\n' >Makefile; make -j4 all | sort; make fail 2>/dev/null; echo $?
END
app_done
