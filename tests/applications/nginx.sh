# covers: nginx (master and 2 workers as another user, sendfile, proxying, TLS and HTTP/2, graceful reload), and curl from outside
. "$TOP/tests/applications/lib.sh"
need /usr/sbin/nginx /usr/bin/curl /usr/bin/openssl
site=$app_dir/site
mkdir -p "$site"
[ -e "$site/key.pem" ] || expect "a certificate" openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout "$site/key.pem" -out "$site/certificate.pem"
cat >"$site/nginx.conf" <<'END'
daemon off;
user nobody nogroup;
worker_processes 2;
worker_shutdown_timeout 60s;
pid nginx.pid;
error_log errors warn;
events { worker_connections 512; }
http {
	access_log requests;
	sendfile on; tcp_nopush on; gzip on; client_max_body_size 10m; gzip_min_length 100;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	ssl_certificate certificate.pem;
	ssl_certificate_key key.pem;
	server {
		listen 0.0.0.0:@listen@;
		listen unix:socket;
		location / { root files; }
		location /version { return 200 "version 1\n"; }
		location /who { return 200 "$request_method $http_x_name $server_protocol\n"; }
		location /back/ { proxy_pass http://unix:socket:/; }
		location /slow/ { alias files/; limit_rate 4m; }
	}
}
END
. "$TOP/demos/nginx/image.sh"
app_image "${image[@]}" --add "$site:$site"

# nginx_start LISTEN: the server's command. Its directory, which the workers may enter, is named in `where`.
nginx_start()
{
	cat <<-END
		where=\$(mktemp -d /tmp/nginx.XXXXXX); echo "\$where" >where; chmod 755 "\$where"; cd "\$where"
		cp $site/*.pem .; mkdir files; sed 's/@listen@/$1/' $site/nginx.conf >nginx.conf
		seq 400000 >files/large; seq 90000 >files/large.html; echo '<p>a page</p>' >files/index.html
		exec nginx -p "\$where" -e errors -c nginx.conf
	END
}

serve "pages, ranges, 300 requests at once, a proxied upload, a reload under load" sh -c "$(nginx_start @port@)" <<'END'
base=http://127.0.0.1:$port
get() { curl -sS --max-time 120 "$@"; }
get $base/; get -I $base/ | sed -n '/^HTTP\|^Content/p'; get $base/nosuch -o /dev/null -w '%{http_code}\n'
get $base/large | sha256sum; get --compressed $base/large.html | sha256sum; get -I -H 'Accept-Encoding: gzip' $base/large.html | sed -n '/^Content-E/p'; get -r 1000000-1000020,5-9 $base/large | sed '/^--\|^Content-T/d'
get -H 'X-Name: me' -X PUT $base/who; get --http1.0 $base/who; get $base/back/large | sha256sum
get -o 'part-#1' "$base/large?[1-12]" && sha256sum part-* | cut -d' ' -f1 | sort | uniq -c
get -Z --parallel-max 60 -o '#1.out' "$base/index.html?[1-300]" 2>/dev/null; cat ./*.out | sort | uniq -c
seq 300000 | get --data-binary @- -o /dev/null -w '%{http_code} %{size_upload}\n' $base/back/who
where=$(beside cat where)
workers() { beside cat "/proc/$(beside cat "$where/nginx.pid")/task/$(beside cat "$where/nginx.pid")/children"; }
set -- $(workers); echo "$# workers"
beside sed -n '/^Uid/p' "/proc/$1/status"
get $base/slow/large >slow & slow=$!
until [ -s slow ]; do sleep 0.05; done
beside sed -i 's/version 1/version 2/' "$where/nginx.conf"
beside nginx -p "$where" -e errors -c nginx.conf -t 2>&1 | sed 's/.*nginx.conf/nginx.conf/'
old=$*
beside nginx -p "$where" -e errors -c nginx.conf -s reload
# The old workers take connections until they hear of it.
versions() { for n in $(seq 20); do get $base/version; done | sort | uniq -c | tr -s ' '; }
until [ "$(versions)" = " 20 version 2" ]; do sleep 0.05; done; versions
wait $slow; echo "slow $?"; sha256sum <slow
until set -- $(workers) && [ $# -eq 2 ] && [ "$*" != "$old" ]; do sleep 0.05; done
beside mv "$where/requests" "$where/requests.old"
beside nginx -p "$where" -e errors -c nginx.conf -s reopen
until get $base/who >/dev/null && beside sh -c "test -s $where/requests"; do sleep 0.05; done
beside sed -n '/alert\|crit\|emerg/p' "$where/errors"
beside kill -KILL $1; until set -- $(workers) && [ $# -eq 2 ]; do sleep 0.05; done; get $base/
beside rm -rf "$where"
END

serve "TLS and HTTP/2" sh -c "$(nginx_start '@port@ ssl http2')" <<'END'
# A published port takes connections before the server does: its first answer says that all is in place.
curl -sk --max-time 120 https://127.0.0.1:$port/who >/dev/null
where=$(beside cat where); beside cat "$where/certificate.pem" >ca.pem
get() { curl -sS --max-time 120 --cacert ca.pem --resolve "localhost:$port:127.0.0.1" "$@"; }
for options in "--http1.1 --tls-max 1.2" "--http1.1" "--http2"; do
	get $options https://localhost:$port/who; get $options https://localhost:$port/large | sha256sum
done
get -Z --parallel-max 50 --http2 -o '#1.out' "https://localhost:$port/index.html?[1-200]" 2>/dev/null; cat ./*.out | sort | uniq -c
curl -sS https://127.0.0.1:$port/ 2>&1 | head -n 1; curl -s http://127.0.0.1:$port/ -o /dev/null -w '%{http_code}\n'
beside rm -rf "$where"
END
app_done
