# `casemate ratls`: programs that know nothing of it speak through it. curl and openssl are those.
. "$TOP/tests/system/lib.sh"
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait' EXIT
us=5a00000000000000000000000000000000000000000000000000000000000000
others=6b00000000000000000000000000000000000000000000000000000000000000

policy() { echo "{\"rules\":[{\"type\":\"simulation\",\"measurement\":\"$1\",\"tolerate\":[\"NO_PROTECTION\"]}]}"; }
policy $us >us.json
policy $others >others.json

# background NAME COMMAND...: starts it; its output goes to NAME.log.
background()
{
	local name=$1
	shift
	"$@" >"$name.log" 2>&1 </dev/null &
	pids+=($!)
}

# port_of NAME: the port that NAME says it listens at, once it does.
port_of()
{
	local i
	for ((i = 0; i < 600; i++)); do
		sed -nE 's/^.*(listening at|Serving HTTP on|ACCEPT) .*[:( ]([0-9]+).*$/\2/p;T;q' "$1.log" 2>/dev/null | grep . && return
		sleep 0.1
	done
	echo "0"
}

# ratls NAME listen|connect PORT OPTION...: serves NAME; carries on to PORT.
ratls()
{
	local name=$1 verb=$2 to=$3
	shift 3
	background "$name" "$CASEMATE" ratls "$verb" "$@" 127.0.0.1:0 "127.0.0.1:$to"
}
simulation=(--platform simulation --measurement "$us")

mkdir -p served && echo "served" >served/file && head -c 3000000 /dev/urandom >served/large
background http python3 -u -m http.server --bind 127.0.0.1 --directory served 0
http=$(port_of http)

ratls listener listen "$http" "${simulation[@]}"
listener=$(port_of listener)
ratls connector connect "$listener" --policy us.json
connector=$(port_of connector)
ratls wrong connect "$listener" --policy others.json
wrong=$(port_of wrong)

get() { curl -sS --max-time 120 "http://127.0.0.1:$1/$2"; }
large_arrives() { get "$connector" large | cmp - served/large; }
many_at_once()
{
	local i jobs=()
	for i in 1 2 3 4 5 6 7 8; do
		get "$connector" large | cmp - served/large & jobs+=($!)
	done
	for i in "${jobs[@]}"; do wait "$i" || return 1; done
}
point "curl gets a file through the pair" is "served" "$(get "$connector" file)"
point "a large file arrives whole" large_arrives
point "eight at once" many_at_once
point "a listener that is another enclave is refused" exits 56 get "$wrong" file
point "the reason is printed" grep -q POLICY_NOT_MATCHED wrong.log

# Mutual.
ratls mutual listen "$http" "${simulation[@]}" --policy others.json
mutual=$(port_of mutual)
ratls known connect "$mutual" --policy us.json --platform simulation --measurement $others
ratls unknown connect "$mutual" --policy us.json --platform simulation
ratls silent connect "$mutual" --policy us.json
point "mutual: who is wanted gets in" is "served" "$(get "$(port_of known)" file)"
point "mutual: another enclave does not" exits 56 get "$(port_of unknown)" file
point "mutual: who shows nothing does not" exits 56 get "$(port_of silent)" file

# openssl as programs that speak TLS themselves, through the pair.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost 2>/dev/null
background s_server openssl s_server -accept 127.0.0.1:0 -key key.pem -cert cert.pem -rev
s_server=$(port_of s_server)
ratls tls_listener listen "$s_server" "${simulation[@]}"
ratls tls_connector connect "$(port_of tls_listener)" --policy us.json
s_client() { (echo "$2"; sleep 10) | timeout 120 openssl s_client -connect "127.0.0.1:$1" -quiet -no_ign_eof 2>/dev/null; }
point "s_client and s_server through the pair" is "olleh" "$(s_client "$(port_of tls_connector)" hello)"
ratls ordinary connect "$s_server" --policy us.json --certificate-only
point "a certificate without evidence is refused" exits 56 get "$(port_of ordinary)" file
point "and named" grep -q "EVIDENCE_UNSUPPORTED" ordinary.log

# openssl at the attested end: it gets the certificate, whose evidence anyone can verify.
ratls lenient listen "$http" "${simulation[@]}" --certificate-only
lenient=$(port_of lenient)
s_client_gets() { (printf 'GET /file HTTP/1.0\r\n\r\n'; sleep 2) | timeout 120 openssl s_client -connect "127.0.0.1:$1" -ign_eof 2>/dev/null; }
s_client_gets "$lenient" >s_client.txt
openssl x509 -in s_client.txt -out shown.pem 2>/dev/null
point "s_client speaks to a listener with --certificate-only" grep -q served s_client.txt
point "its certificate's evidence is good" exits 0 "$CASEMATE" verify-evidence --policy us.json shown.pem
point "and is not another enclave's" exits 1 "$CASEMATE" verify-evidence --policy others.json shown.pem
s_client_gets "$listener" >refused.txt
point "s_client does not get past a listener without it" exits 1 grep -q served refused.txt

# Peers that are slow or send nonsense.
ratls hasty listen "$http" "${simulation[@]}" --handshake-timeout 1 --connections 2 --idle-timeout 1
hasty=$(port_of hasty)
ratls hasty_connector connect "$hasty" --policy us.json
hasty_connector=$(port_of hasty_connector)
exec 5<>"/dev/tcp/127.0.0.1/$hasty" 6<>"/dev/tcp/127.0.0.1/$hasty"
point "silent peers hold it up no longer than their time" is "served" "$(get "$hasty_connector" file)"
point "they are told of" grep -q "took too long" hasty.log
exec 5<&- 6<&-
nonsense() { head -c 100000 /dev/urandom >"/dev/tcp/127.0.0.1/$listener"; get "$connector" file; }
point "nonsense ends nothing but its connection" is "served" "$(nonsense)"
exec 7<>"/dev/tcp/127.0.0.1/$hasty_connector"
ends() { timeout 120 cat <&7 >/dev/null 2>&1; [ $? != 124 ]; }
point "idle connections end" ends
exec 7<&-

point "listen needs --platform" exits 2 "$CASEMATE" ratls listen 127.0.0.1:0 127.0.0.1:1
point "connect needs --policy" exits 2 "$CASEMATE" ratls connect 127.0.0.1:0 127.0.0.1:1
point "an address needs a port" exits 2 "$CASEMATE" ratls connect --policy us.json 127.0.0.1 127.0.0.1:1
system_done
