# covers: OpenJDK 17 (javac, threads, garbage collection, ProcessBuilder, class data sharing, crash logs, files)
. "$TOP/tests/applications/lib.sh"
. "$TOP/demos/java/image.sh"
java=$jdk/bin/java
sources=$TOP/tests/applications/sources/java
classes=$app_dir/classes
need $java $jdk/bin/javac
expect "classes, made outside" $jdk/bin/javac -nowarn -d "$classes" "$sources"/*.java
app_image "${image[@]}" --add "$classes:$classes" --add "$sources:$sources"

# java_compare NAME [OPTION...] CLASS
java_compare()
{
	local name=$1
	shift
	compare "$name" $java -cp "$classes" "$@"
}

java_compare "hello" Hello
java_compare "500 threads, locks, queues, pools" Threads
for collector in Serial Parallel G1; do
	java_compare "768 MB made in a heap of 256 MB, $collector" -Xmx256m -XX:+Use${collector}GC Garbage
done
java_compare "ProcessBuilder" Processes
java_compare "files, channels, mapped buffers, locks" FilesTest
java_compare "exceptions from faults, and one that nobody catches" Exceptions
compare "javac" sh -c "$jdk/bin/javac -d out '$sources/App.java' && $java -cp out App"

# The archive of shared classes is a mapping that must lie where it was made for.
compare "classes come from the archive" sh -c "$java -Xshare:on -Xlog:class+load -version 2>/dev/null |
	grep -c 'java.lang.String source: shared objects file'"

# A deliberate crash: the log says what happened, where, and with what loaded.
compare "a crash leaves a log that can be read" sh -c "$java -Xint -XX:-CreateCoredumpOnCrash -XX:ErrorFile=log \
	-cp '$classes' Crash >/dev/null 2>&1; echo status \$?
	grep -aoE 'SIGSEGV \(0xb\) at|si_addr: 0x0*40|Unsafe_Put|^V  \[libjvm.so|Crash.crashes|^(RAX|RIP)=|^Dynamic libraries|libjvm.so\$|^END' log |
	sort -u"
app_done
