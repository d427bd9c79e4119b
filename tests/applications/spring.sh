# covers: a Spring application (DispatcherServlet, annotated beans, expressions) in Jetty, in 128 MiB
. "$TOP/tests/applications/lib.sh"
. "$TOP/demos/java/image.sh"
java=$jdk/bin/java
classes=$app_dir/classes
need "$java" "$jdk/bin/javac" /usr/bin/curl
jars=()
for name in spring3-{aop,beans,context,core,expression,web,web.servlet} jetty9-{http,io,security,server,servlet,util} \
	servlet-api commons-logging; do
	jar=/usr/share/java/$name.jar
	[ -e "$jar" ] || need "$jar"
	jars+=(--add "$(realpath "$jar"):$jar")
	path=${path:-$classes}:$jar
done
expect "classes, made outside" "$jdk/bin/javac" -nowarn -d "$classes" -cp "$path" "$TOP/tests/applications/sources/spring/Notes.java"
app_image "${image[@]}" "${jars[@]}" --add "$classes:$classes"

serve "notes are put, found and refused; 400 requests, 40 at a time" "$java" -Xmx128m -cp "$path" Notes @port@ <<'END'
base=http://127.0.0.1:$port/notes
get() { curl -sS --max-time 200 "$@"; }
get --retry 100 --retry-connrefused --retry-delay 1 $base
get -X PUT -d 'a first note' $base/1; get -X PUT -d 'another' $base/2; get -X PUT -d 'a second note' $base/2
get $base; get "$base?word=second"; get -o refused -w '%{http_code} ' -X PUT -d "$(printf '%0200d' 0)" $base/3; cat refused
get -o /dev/null -w '%{http_code}\n' -X PUT -d text $base/number; get -o /dev/null -w '%{http_code}\n' -X DELETE $base
for n in $(seq 10 409); do echo $n; done | xargs -P 40 -n 10 sh -c 'for n; do curl -sS --max-time 200 -X PUT -d "note $n" "$0/$n"; done' $base |
	sort | uniq -c
get "$base?word=note%2040"
END
app_done
