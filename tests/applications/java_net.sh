# covers: OpenJDK 17 as a server (com.sun.net.httpserver, 32 threads in 96 MiB, clients and wrk over a published port)
. "$TOP/tests/applications/lib.sh"
. "$TOP/demos/java/image.sh"
java=$jdk/bin/java
classes=$app_dir/classes
need $java $jdk/bin/javac /usr/bin/curl /usr/bin/wrk
expect "classes, made outside" $jdk/bin/javac -nowarn -d "$classes" "$TOP/tests/applications/sources/java/Server.java"
app_image "${image[@]}" --add "$classes:$classes"

serve "requests of 40 clients at once, and what wrk asks for 5 s" \
	$java -Xmx96m -cp "$classes" -XX:-UsePerfData Server @port@ <<'END'
base=http://127.0.0.1:$port
curl -s --retry 100 --retry-connrefused --retry-delay 1 $base/; curl -s $base/large | sha256sum
curl -s $base/fault; echo "fault $?"
/usr/bin/python3 - "$port" <<'PY'
import hashlib, http.client, sys, threading
right, lock = 0, threading.Lock()
def work(number):
    global right
    client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=200)
    for n in range(30):
        body = b"%d" % number * (n * 700 + 1)
        client.request("POST", "/digest" if n % 3 else "/slow", body)
        text = client.getresponse().read().decode()
        with lock: right += text == (hashlib.sha256(body).hexdigest() if n % 3 else "slow") + "\n"
    client.close()
threads = [threading.Thread(target=work, args=(n,)) for n in range(40)]
for t in threads: t.start()
for t in threads: t.join()
print("right", right)
PY
wrk -t 2 -c 100 -d 5 --timeout 120 $base/ >wrk
sed -n 's/requests in.*/requests/; s/^ *[0-9]* requests/some requests/p; /Non-2xx\|Socket errors/p' wrk
curl -s $base/count | sed 's/^[0-9]\{4,\}/thousands/'
END
app_done
