# `casemate verify-evidence` and whoever gives it something else than it wants: what it says, and how it ends.
. "$TOP/tests/system/lib.sh"

mkdir samples
"$BUILD/tests/vectors/attestation_seeds" "$PWD/samples" || exit 1
cp samples/dcap_quote-0 quote
cp samples/dcap_quote.collateral collateral
cp samples/dcap_quote.root root
aa=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
echo "{\"rules\": [{\"type\": \"sgx\", \"measurement\": \"$aa$aa\"}]}" >policy
echo '{"rules": []}' >nobody
echo '{"rules": [{"type": "sgx", "mrenclave": "aa"}]}' >unknown
: >empty
head -c 100 quote >short
(cat quote; echo x) >long
od -An -v -tx1 quote | tr -d ' \n' >hex
(printf 0x; cat hex) >hex0x
base64 quote >base64
head -c 5000000 /dev/zero >large
head -c 200 /dev/urandom | tr '\0-\377' 'z' >other
AT=2025-06-15T15:06:40Z

verify() { "$CASEMATE" verify-evidence "$@"; }
judge() { verify --collateral collateral --root root --at $AT "$@"; }

point "evidence that a policy accepts: 0" exits 0 judge --policy policy quote
point "... in hexadecimal" exits 0 judge --policy policy hex
point "... behind 0x" exits 0 judge --policy policy hex0x
point "... in base64" exits 0 judge --policy policy base64
point "... as of a number of seconds" exits 0 verify --collateral collateral --root root --at 1750000000 \
	--policy policy quote
point "... as JSON" says '"verdict": "ACCEPTED"' judge --json --policy policy quote
point "a policy without rules accepts nothing: 1" exits 1 judge --policy nobody quote
point "no policy: 1" exits 1 judge quote
point "... and what to do about it" says '[-]-policy FILE' judge quote

point "no evidence: 2" exits 2 judge
point "two pieces of evidence: 2" exits 2 judge quote quote
point "an option that is not known: 2" exits 2 judge --colateral collateral quote
point "an option without its value: 2" exits 2 judge quote --at
point "a member of the policy that is not known: 2" exits 2 judge --policy unknown quote
point "... is named" says '"mrenclave" is not known; casemate-policy' judge --policy unknown quote
point "a policy that is no JSON: 2" exits 2 judge --policy quote quote
point "two policies: 2" exits 2 judge --policy policy --policy policy quote

point "evidence that is not there: 1" exits 1 judge --policy policy nowhere
point "... is named" says '^casemate: verify-evidence: nowhere: No such file' judge nowhere
point "a directory" says 'samples: Is a directory' judge samples
point "an empty file" says 'EVIDENCE_MALFORMED: empty' judge empty
point "evidence that is cut off" says 'EVIDENCE_MALFORMED: quote: ends within' judge short
point "evidence that goes on" says 'EVIDENCE_MALFORMED: quote: something follows' judge long
point "evidence that is too large" says 'large: larger than 4194304 bytes' judge large
point "what is no evidence" says 'EVIDENCE_UNSUPPORTED' judge other
point "... and where the kinds are listed" says 'casemate-verify-evidence\(1\) lists' judge other
point "collateral as evidence" says 'JSON without "quote"' judge collateral

point "no collateral" says 'COLLATERAL_MISSING: .*revocation list' verify --root root --at $AT quote
point "... and what to do about it" says '[-]-collateral FILE' verify --root root --at $AT quote
point "no root" says 'ROOT_NOT_TRUSTED' verify --collateral collateral --at $AT quote
point "... and what to do about it" says '[-]-root FILE' verify --collateral collateral --at $AT quote
point "collateral that is not there" says 'nowhere: No such file' judge --collateral nowhere quote
point "empty collateral, and which" says 'COLLATERAL_MALFORMED: item 2: empty' judge --collateral empty quote
point "an empty root, and which" says 'CERTIFICATE_MALFORMED: root 2: empty' judge --root empty quote
point "what is no collateral" says 'COLLATERAL_MALFORMED: item 2: neither PEM' judge --collateral other quote
point "what is no root" says 'CERTIFICATE_MALFORMED: root 2: neither PEM' judge --root other quote

point "as of now, when all has expired" says '^verdict (COLLATERAL|CERTIFICATE)_EXPIRED' \
	verify --collateral collateral --root root --policy policy quote
point "... and what to do about it" says '[-]-at TIME' \
	verify --collateral collateral --root root --policy policy quote
for time in '' yesterday 2025-06-19 2025-02-30T00:00:00Z 2025-06-15T25:00:00Z 2025-06-15T15:06:40 -1 1e9 0x10 \
	99999999999999999999 253402300800; do
	point "as of '$time': 2" exits 2 verify --at "$time" quote
done
point "... is said" says 'must be a date and time such as' verify --at yesterday quote
point "as of the last second there is: 1" exits 1 verify --at 9999-12-31T23:59:59Z quote
point "as of the first: 1" exits 1 verify --at 1970-01-01T00:00:00Z quote
point "help: 0" exits 0 verify --help
system_done
