# The attestation library as others use it: installed, found by pkg-config, linked either way into a program
# that knows nothing of this tree.
. "$TOP/tests/system/lib.sh"

DESTDIR="$PWD/root" meson install --no-rebuild -C "$BUILD" >install.log 2>&1

cat >program.c <<'PROGRAM'
#include <attestation.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names that the library might have for its own parts. */
int certificate_verify(void) { return 1; }
int verdict_find(void) { return 2; }
int text_hex(void) { return 3; }

int main(void)
{
	static const char policy_text[] = "{\"rules\": [{\"type\": \"simulation\", \"measurement\": "
		"\"0000000000000000000000000000000000000000000000000000000000000000\","
		" \"tolerate\": [\"NO_PROTECTION\"]}]}";
	struct attest_result *result = calloc(1, sizeof(*result));
	struct attest_claims claims;
	struct attest_bytes data, text, evidence;
	struct attest_policy *policy;
	struct attest_error error;
	uint8_t *bytes;
	size_t size;

	memset(&claims, 0, sizeof(claims));
	claims.measurement.size = claims.signer.size = 32;
	data.data = "nonce";
	data.size = 5;
	text.data = policy_text;
	text.size = strlen(policy_text);
	if (attest_simulation_evidence_new(&claims, data, &bytes, &size) < 0 ||
	    attest_policy_new(text, &policy, &error) < 0)
		return 1;
	evidence.data = bytes;
	evidence.size = size;
	attest_verify(evidence, NULL, policy, 1750000000, result);
	printf("%s, %s\n", attest_verdict_name(result->verdict),
		attest_result_binds(result, data) ? "fresh" : "stale");
	attest_policy_free(policy);
	free(bytes);
	free(result);
	return certificate_verify() + verdict_find() + text_hex() != 6;
}
PROGRAM
sed -e 's/= calloc/= (struct attest_result *)calloc/' program.c >program.cc
cat >tpm.c <<'PROGRAM'
#include <attestation.h>
#include <stdio.h>

int main(void)
{
	struct attest_tpm_options options = {.tcti = "device:/nowhere"};
	struct attest_platform *platform;
	struct attest_error error = {0};
	struct attest_tpm_identity identity;

	if (attest_platform_tpm_new(&options, &platform) < 0)
		return 1;
	if (attest_tpm_identity_read(platform, &identity, &error) < 0)
		printf("no TPM: %s\n", error.reason);
	attest_platform_free(platform);
	return 0;
}
PROGRAM

# The shared libraries in one place, the static ones in another: each is linked with what it says itself.
libdir=$(dirname "$(find root -name libcasemate-attestation.so)")
cp -r root static
rm "$PWD/static/${libdir#root/}"/libcasemate-attestation*.so*

flags() # ROOT OPTION...
{
	local root=$1
	shift
	PKG_CONFIG_SYSROOT_DIR=$PWD/$root PKG_CONFIG_PATH=$PWD/$root/${libdir#root/}/pkgconfig pkg-config "$@"
}

# made NAME ROOT COMPILER LIBRARY PKG-CONFIG-OPTION...
made()
{
	local name=$1 root=$2 source=$3 compiler=$4 library=$5
	shift 5
	# shellcheck disable=SC2046 # a list of words
	$compiler -Wall -Wextra -Werror "$source" -o "$name" $(flags "$root" "$@" --cflags --libs "$library")
}

# The library that is not installed for good is found where it is.
runs() { says "$1" env LD_LIBRARY_PATH="$PWD/$libdir" "$2"; }
alone() { says "$1" "$2" && ! ldd "$2" | grep casemate; }

point "a C program is linked with the shared library" \
	made shared root program.c "cc -std=c11" casemate-attestation
point "it runs" runs '^ACCEPTED, fresh$' ./shared
point "a C program is linked with the static library" \
	made static-program static program.c "cc -std=c11" casemate-attestation --static
point "it runs, and needs no library of ours" alone '^ACCEPTED, fresh$' ./static-program
point "a C++ program is linked with the shared library" \
	made shared-cc root program.cc "g++ -std=c++11" casemate-attestation
point "it runs" runs '^ACCEPTED, fresh$' ./shared-cc
if [ -n "$(find root -name casemate-attestation-tpm.pc)" ]; then
	point "a program is linked with the TPM's shared library" \
		made tpm-shared root tpm.c "cc -std=c11" casemate-attestation-tpm
	point "it runs" runs '^no TPM: .' ./tpm-shared
	point "a program is linked with the TPM's static library" \
		made tpm-static static tpm.c "cc -std=c11" casemate-attestation-tpm --static
	point "it runs, and needs no library of ours" alone '^no TPM: .' ./tpm-static
fi
system_done
