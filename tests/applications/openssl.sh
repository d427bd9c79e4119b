# covers: openssl (speed, dgst, req, x509, enc, genpkey, verify)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/openssl
modules=/usr/lib/x86_64-linux-gnu/ossl-modules
app_image --copy /usr/bin/openssl --copy /bin/bash --copy /usr/bin/seq --copy /bin/sed --copy /usr/bin/wc --copy /bin/grep \
	--copy /usr/bin/cmp --add /usr/lib/ssl:/usr/lib/ssl --add /etc/ssl/openssl.cnf:/etc/ssl/openssl.cnf \
	--add "$modules:$modules"

compare "digests and macs" bash <<'END'
seq 100000 >data
for d in md5 sha1 sha256 sha512 sha3-256 blake2b512 sm3; do openssl dgst -$d data; done
openssl dgst -sha256 -hmac key data; openssl rand 100 | wc -c; openssl rand -hex 8 | wc -c; openssl prime 1000003; openssl version
END

compare "encryption and encodings" bash <<'END'
seq 100000 >data
for c in aes-256-cbc aes-128-ctr chacha20 camellia-256-cbc; do
	openssl enc -$c -pbkdf2 -k secret -S 0102030405060708 -in data -out x && openssl dgst -sha256 x
	openssl enc -d -$c -pbkdf2 -k secret -S 0102030405060708 -in x | cmp - data && echo same
done
openssl base64 <<<hello; openssl asn1parse -genstr UTF8:hi; openssl enc -d -aes-256-cbc -pbkdf2 -k wrong -in data 2>/dev/null; echo $?
END

compare "keys, requests, certificates" bash <<'END'
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out k.pem 2>/dev/null || openssl genpkey -algorithm RSA -out k.pem 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out e.pem; openssl genpkey -algorithm ED25519 -out d.pem
openssl req -x509 -new -key k.pem -subj /CN=ca -days 30 -out ca.pem && openssl req -new -key e.pem -subj /CN=leaf -out leaf.csr && openssl req -in leaf.csr -noout -verify -subject 2>&1
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey k.pem -CAcreateserial -days 10 -out leaf.pem 2>/dev/null; openssl verify -CAfile ca.pem leaf.pem; openssl x509 -in leaf.pem -noout -subject -issuer
seq 100 >m; openssl dgst -sha256 -sign k.pem -out s m && openssl dgst -sha256 -verify <(openssl pkey -in k.pem -pubout) -signature s m
openssl pkeyutl -sign -rawin -inkey d.pem -in m -out s && openssl pkeyutl -verify -rawin -inkey d.pem -in m -sigfile s; openssl rsa -in k.pem -check -noout; openssl verify leaf.pem >/dev/null 2>&1; echo $?
END

compare "speed, in several processes" bash <<'END'
openssl speed -seconds 1 -bytes 1024 -evp aes-128-gcm 2>/dev/null | grep -c '^AES-128-GCM'
openssl speed -seconds 1 -bytes 1024 -multi 2 sha256 2>/dev/null | grep -c '^sha256'
END
app_done
