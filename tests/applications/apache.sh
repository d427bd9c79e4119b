# covers: Apache httpd (prefork, worker and event; CGI, status, ab with 10 connections, graceful restart and stop)
. "$TOP/tests/applications/lib.sh"
need /usr/sbin/apache2 /usr/bin/ab /usr/bin/curl
modules=/usr/lib/apache2/modules
image=(--add "$modules:$modules" --add /etc/passwd:/etc/passwd --add /etc/group:/etc/group)
for name in ab apache2 bash cat chmod curl grep head kill md5sum mkdir rm sed seq sh sleep sort tr; do
	image+=(--copy "$(PATH=/usr/sbin:/usr/bin type -P "$name")")
done
app_image "${image[@]}"

for kind in prefork worker event; do
	compare "$kind" bash -us $kind <<'END'
umask 022
tries=0
# Its children are another user, who can't get into just any directory.
port=$((20000 + $$ % 10000)) where=/tmp/apache-$$
mkdir $where; cd $where
mkdir site cgi run; echo first >site/index.html; head -c 200000 /dev/zero | tr '\0' x >site/big
printf '#!/bin/sh\necho Content-type: text/plain; echo; echo "$REQUEST_METHOD $QUERY_STRING"; cat\n' >cgi/script; chmod 755 cgi/script
for module in mpm_$1 authz_core alias dir cgid status unixd; do [ ! -e /usr/lib/apache2/modules/mod_$module.so ] || echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"; done >conf
cat >>conf <<CONF
ServerRoot $where
ServerName localhost
Listen 127.0.0.1:$port
PidFile $where/pid
ErrorLog $where/log
DefaultRuntimeDir $where/run
ScriptSock $where/run/cgi
DocumentRoot $where/site
ScriptAlias /cgi/ $where/cgi/
StartServers 2
<Location /status>
SetHandler server-status
</Location>
CONF
[ "$(kill -l 1)" != HUP ] || [ ! -w / ] || printf 'User nobody\nGroup nogroup\n' >>conf
get() { curl -sS --max-time 60 "http://127.0.0.1:$port$1" "${@:2}"; }
apache2 -f "$where/conf" -k start; echo "start $?"
until get / >/dev/null 2>&1 || [ $((tries += 1)) -gt 200 ]; do sleep 0.05; done
get /; get /big | md5sum; get "/cgi/script?a=b" -d "a body"; echo; get /none | grep -c "Not Found"
ab -q -n 300 -c 10 "http://127.0.0.1:$port/big" 2>&1 | grep -E "Complete|Failed|Non-2xx"
get "/status?auto" | grep ServerMPM
echo second >site/index.html; kill -USR1 $(cat pid); until [ "$(grep -cs "resuming normal" log)" = 2 ] || [ $((tries += 1)) -gt 400 ]; do sleep 0.05; done
get /; kill -WINCH $(cat pid); while [ -e pid ] && [ $((tries += 1)) -lt 600 ]; do sleep 0.05; done
sed -E 's/^\[[^]]*\] //; s/\[pid[^]]*\]/[pid]/; s/ \(.*\) configured//' log | grep -E "error|crit|emerg|child" | sort
cd /; rm -r $where
END
done
app_done
