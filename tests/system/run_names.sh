# Names of the world, which the host's name server knows: asked by glibc, which connects its socket, and
# by musl, which looks at who answers. The host's server is one of our own, in a network of our own.
. "$TOP/tests/system/lib.sh"
cat >server.py <<'PY'
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
print("ready", flush=True)
while True:
    query, peer = s.recvfrom(512)
    end = query.index(b"\0", 12) + 5
    is_known = query[12:end - 4] == b"\6answer\4test\0" and query[end - 4:end - 2] == b"\0\1"
    answer = b"\xc0\x0c" + struct.pack(">HHIH4B", 1, 1, 60, 4, 192, 0, 2, 7) if is_known else b""
    s.sendto(query[:2] + struct.pack(">5H", 0x8180, 1, int(is_known), 0, 0) + query[12:end] + answer, peer)
PY
cat >lookup.c <<'C'
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
int main(int argc, char **argv)
{
	struct addrinfo *list, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	int r = argc > 1 ? getaddrinfo(argv[1], NULL, &hints, &list) : 1;
	if (r)
		printf("%s\n", gai_strerror(r));
	else
		printf("%s\n", inet_ntoa(((struct sockaddr_in *)list->ai_addr)->sin_addr));
	return 0;
}
C
cc -o lookup lookup.c && musl-gcc -static -o lookup-musl lookup.c || exit 1
"$CASEMATE" build --copy "$PWD/lookup" --add "$PWD/lookup-musl:/lookup-musl" -o lookup.enclave >build.log 2>&1 ||
	{ cat build.log; exit 1; }

# beside SERVER COMMAND...: where the host's name server has this address
beside()
{
	echo "nameserver $1" >resolv.conf
	unshare --user --map-root-user --mount --net bash -c '
		ip link set lo up && mount --bind resolv.conf "$(readlink -f /etc/resolv.conf)" || exit 1
		python3 server.py "$1" >ready & server=$!
		for _ in $(seq 200); do grep -qs ready ready && break; sleep 0.1; done
		"${@:2}"; kill $server' - "$@" 2>&1
}
if ! unshare --user --map-root-user --mount --net ip link set lo up 2>/dev/null; then
	echo "1..0 # SKIP this machine lets nobody make a network of his own"
	exit 0
fi

for server in 127.0.0.1 127.0.0.53; do
	for program in "$PWD/lookup" /lookup-musl; do
		point "a server at $server, asked by $(basename "$program")" \
			is 192.0.2.7 "$(beside $server "$CASEMATE" run lookup.enclave "$program" answer.test)"
	done
done
point "a name that it does not know" \
	says 'No address associated|does not|Name' beside 127.0.0.53 "$CASEMATE" run lookup.enclave "$PWD/lookup" other.test
system_done
