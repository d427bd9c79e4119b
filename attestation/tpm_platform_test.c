/* Evidence and credentials of a TPM 2.0 that swtpm plays. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attestation/attestation.h"
#include "attestation/evidence_fixture.h"
#include "attestation/swtpm_fixture.h"
#include "base/test.h"

#define PCRS (1u << 0 | 1u << 1 | 1u << 4 | 1u << 7 | 1u << 17 | 1u << 23)
#define PCRS_ALL 0xffffffu

static const char nonce[] = "asked for just now";
static const char secret[] = "a secret of thirty-two bytes, no";

static struct attest_bytes text(const char *of)
{
	return (struct attest_bytes){of, strlen(of)};
}

static int make(const struct attest_tpm_options *options, struct attest_bytes asked,
	struct bytes *ret, struct attest_error *error)
{
	struct attest_platform *platform;
	uint8_t *evidence = NULL;
	size_t size = 0;
	int r;

	memset(error, 0, sizeof(*error));
	if (attest_platform_tpm_new(options, &platform) < 0)
		abort();
	r = attest_evidence_new(platform, asked, &evidence, &size, error);
	attest_platform_free(platform);
	if (r < 0)
		printf("# %s\n", error->reason);
	bytes_done(ret);
	*ret = (struct bytes){evidence, r == 0 ? size : 0};
	return r;
}

static void read_identity(const struct attest_tpm_options *options, struct attest_tpm_identity *ret)
{
	struct attest_platform *platform;
	struct attest_error error;

	if (attest_platform_tpm_new(options, &platform) < 0)
		abort();
	if (attest_tpm_identity_read(platform, ret, &error) < 0) {
		printf("# %s\n", error.reason);
		abort();
	}
	attest_platform_free(platform);
}

static void put_pem(struct span public, struct bytes *to)
{
	char *pem = NULL;

	if (attest_tpm_key_to_pem((struct attest_bytes){public.data, public.size}, &pem) < 0)
		abort();
	bytes_put_text(to, pem);
	free(pem);
}

/* Quotes */

static void test_quote(struct attest_tpm_options options, struct attest_result *result)
{
	struct attest_tpm_identity identity = {0};
	struct bytes evidence = {0}, root = {0};
	struct attest_collateral *collateral;
	struct attest_policy *policy = fixture_policy(
		"{\"rules\":[{\"type\":\"tpm\",\"nonce\":\"61736b656420666f72206a757374206e6f77\","
		"\"tolerate\":[\"HASH_WEAK\"],\"jq\":\"true\"}]}");
	struct attest_error error;
	uint8_t digest[32];

	read_identity(&options, &identity);
	put_pem((struct span){identity.ak_public, identity.ak_public_size}, &root);
	collateral = fixture_collateral(NULL, &root);
	CHECK_EQ(make(&options, text(nonce), &evidence, &error), 0);
	attest_verify(given(&evidence), collateral, policy, PKI_FIXTURE_NOW, result);
	CHECK_EQ(result->verdict, ATTEST_ACCEPTED);
	CHECK(attest_result_binds(result, text(nonce)));
	CHECK_EQ(result->claims[0].tpm.quoted, options.pcrs);
	CHECK_EQ(result->claims[0].tpm.valued, options.pcrs);
	CHECK_EQ(result->claims[0].tpm.hash, options.bank);
	memcpy(digest, result->claims[0].tpm.key_digest.bytes, 32);
	attest_verify(given(&evidence), NULL, policy, PKI_FIXTURE_NOW, result);
	CHECK_EQ(result->verdict, ATTEST_KEY_NOT_CERTIFIED);
	/* The key is the same each time. */
	CHECK_EQ(make(&options, text("another time"), &evidence, &error), 0);
	attest_verify(given(&evidence), collateral, policy, PKI_FIXTURE_NOW, result);
	CHECK_EQ(result->verdict, ATTEST_POLICY_NOT_MATCHED);
	CHECK(!memcmp(digest, result->claims[0].tpm.key_digest.bytes, 32));
	attest_tpm_identity_done(&identity);
	attest_collateral_free(collateral);
	attest_policy_free(policy);
	bytes_done(&evidence);
	bytes_done(&root);
}

static void test_log(struct attest_tpm_options options, struct attest_result *result)
{
	struct bytes evidence = {0};
	struct attest_error error;
	FILE *log = fopen("log", "w");

	if (!log || fputs("no event log", log) < 0 || fclose(log) != 0)
		abort();
	options.event_log = "log";
	CHECK_EQ(make(&options, text(nonce), &evidence, &error), 0);
	attest_verify(given(&evidence), NULL, NULL, PKI_FIXTURE_NOW, result);
	CHECK_EQ(result->verdict, ATTEST_EVENT_LOG_MALFORMED);
	remove("log");
	CHECK_EQ(make(&options, text(nonce), &evidence, &error), -ENOENT);
	CHECK(strstr(error.reason, "log"));
	bytes_done(&evidence);
}

static void test_options(struct attest_tpm_options options)
{
	uint8_t asked[64] = {1};
	struct attest_platform *platform;
	struct attest_error error;
	struct bytes evidence = {0};

	CHECK_EQ(make(&options, (struct attest_bytes){asked, 64}, &evidence, &error), 0);
	options.tcti = "swtpm:path=nobody-listens-here";
	CHECK_EQ(make(&options, text(nonce), &evidence, &error), -EIO);
	options.tcti = "no such thing";
	CHECK_EQ(make(&options, text(nonce), &evidence, &error), -EIO);
	options.pcrs = 1u << 24;
	CHECK_EQ(attest_platform_tpm_new(&options, &platform), -EINVAL);
	options.pcrs = 1;
	options.bank = 0x0012; /* SM3 */
	CHECK_EQ(attest_platform_tpm_new(&options, &platform), -EINVAL);
	bytes_done(&evidence);
}

/* Credentials */

/* 1: the secret comes back; 0: it does not, with the errno in @ret_r. */
static bool activates(
	const struct attest_tpm_options *options, struct attest_bytes credential, int *ret_r)
{
	struct attest_platform *platform;
	struct attest_error error;
	uint8_t got[64];
	size_t size = 0;

	if (attest_platform_tpm_new(options, &platform) < 0)
		abort();
	*ret_r = attest_tpm_credential_activate(platform, credential, got, &size, &error);
	attest_platform_free(platform);
	if (*ret_r < 0 && *ret_r != -EACCES && *ret_r != -EINVAL)
		printf("# %s\n", error.reason);
	return *ret_r == 0 && size == strlen(secret) && !memcmp(got, secret, size);
}

static int make_credential(struct span ek, struct span ak, struct attest_bytes what,
	struct bytes *ret, struct attest_error *error)
{
	uint8_t *credential = NULL;
	size_t size = 0;
	int r = attest_tpm_credential_new((struct attest_bytes){ek.data, ek.size},
		(struct attest_bytes){ak.data, ak.size}, what, &credential, &size, error);

	bytes_done(ret);
	*ret = (struct bytes){credential, r == 0 ? size : 0};
	return r;
}

static void test_damage(const struct attest_tpm_options *options, struct bytes *credential)
{
	size_t step = credential->size / 20;
	int r, accepted = 0, wrong_errno = 0;

	for (size_t i = 0; i < credential->size; i += step) {
		credential->data[i] ^= 0x10;
		accepted += activates(options, given(credential), &r);
		wrong_errno += r != -EACCES && r != -EINVAL;
		credential->data[i] ^= 0x10;
	}
	CHECK_EQ(accepted, 0);
	CHECK_EQ(wrong_errno, 0);
	for (size_t size = 0; size < credential->size; size += step)
		accepted += activates(options, (struct attest_bytes){credential->data, size}, &r) ||
			    r != -EINVAL;
	CHECK_EQ(accepted, 0);
}

/* An endorsement key that differs in the key alone: nobody's, or that of another TPM. */
static void change_key(struct bytes *ek, bool is_rsa)
{
	EVP_PKEY *other = pki_key(is_rsa ? "RSA" : "P-256");
	uint8_t point[64];

	if (is_rsa) {
		ek->data[ek->size - 1] ^= 0x20;
	} else {
		pki_point(other, 32, point);
		memcpy(ek->data + ek->size - 66, point, 32);
		memcpy(ek->data + ek->size - 32, point + 32, 32);
	}
	EVP_PKEY_free(other);
}

static void test_keys(const struct attest_tpm_options *options, struct span ek, struct span ak,
	struct span other_ak)
{
	struct bytes credential = {0}, changed = {0};
	struct attest_error error;
	int r;

	CHECK_EQ(make_credential(ek, other_ak, text(secret), &credential, &error), 0);
	CHECK(!activates(options, given(&credential), &r));
	CHECK_EQ(r, -EACCES);
	bytes_put(&changed, ek.data, ek.size);
	change_key(&changed, options->key == ATTEST_TPM_RSA);
	CHECK_EQ(make_credential(bytes_span(&changed), ak, text(secret), &credential, &error), 0);
	CHECK(!activates(options, given(&credential), &r));
	CHECK_EQ(r, -EACCES);
	/* Only keys that are what they should be. */
	CHECK_EQ(make_credential(ek, ek, text(secret), &credential, &error), -EINVAL);
	CHECK_EQ(error.verdict, ATTEST_KEY_NOT_CERTIFIED);
	CHECK_EQ(make_credential(ak, ak, text(secret), &credential, &error), -EINVAL);
	CHECK_EQ(make_credential(ek, ak, text("too short"), &credential, &error), -EINVAL);
	CHECK_EQ(make_credential(
			 ek, ak, text("thirty-three bytes, which is more"), &credential, &error),
		-EINVAL);
	bytes_done(&changed);
	changed = (struct bytes){0};
	bytes_put(&changed, ak.data, ak.size);
	for (size_t i = 0; i < 32; i++) { /* TPMA_OBJECT, behind a size, a type and a digest */
		changed.data[6 + i / 8] ^= (uint8_t)(1u << i % 8);
		r = make_credential(ek, bytes_span(&changed), text(secret), &credential, &error);
		CHECK(r == -EINVAL || !activates(options, given(&credential), &r));
		changed.data[6 + i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t size = 0; size < ek.size; size += 5)
		CHECK_EQ(make_credential((struct span){ek.data, size}, ak, text(secret),
				 &credential, &error),
			-EINVAL);
	bytes_done(&changed);
	bytes_done(&credential);
}

static void test_credential(struct attest_tpm_options options)
{
	struct attest_tpm_options others = options;
	struct attest_tpm_identity identity = {0}, other = {0};
	struct span ek, ak;
	struct bytes credential = {0};
	struct attest_error error;
	int r, activated = 0;

	others.key = options.key == ATTEST_TPM_RSA ? ATTEST_TPM_ECC : ATTEST_TPM_RSA;
	read_identity(&options, &identity);
	read_identity(&others, &other);
	CHECK_EQ(identity.ek_certificate_size, 0); /* swtpm alone has no maker */
	ek = (struct span){identity.ek_public, identity.ek_public_size};
	ak = (struct span){identity.ak_public, identity.ak_public_size};
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(make_credential(ek, ak, text(secret), &credential, &error), 0);
		activated += activates(&options, given(&credential), &r);
	}
	CHECK_EQ(activated, 4);
	CHECK(!activates(&others, given(&credential), &r));
	CHECK_EQ(r, -EACCES);
	test_damage(&options, &credential);
	test_keys(&options, ek, ak, (struct span){other.ak_public, other.ak_public_size});
	attest_tpm_identity_done(&identity);
	attest_tpm_identity_done(&other);
	bytes_done(&credential);
}

static void test_other_platform(void)
{
	struct attest_claims claims = {.measurement.size = 32, .signer.size = 32};
	struct attest_tpm_identity identity;
	struct attest_platform *platform;
	struct attest_error error;

	if (attest_platform_simulation_new(&claims, &platform) < 0)
		abort();
	CHECK_EQ(attest_tpm_identity_read(platform, &identity, &error), -EINVAL);
	attest_platform_free(platform);
}

int main(void)
{
	static const uint16_t banks[] = {ATTEST_TPM_SHA256, ATTEST_TPM_SHA384, ATTEST_TPM_SHA1};
	struct attest_result *result = malloc(sizeof(*result));
	struct swtpm_fixture tpm;

	if (!swtpm_fixture_is_installed()) {
		test_skip("a TPM", "swtpm is not installed");
		return test_done();
	}
	setenv("TSS2_LOG", "all+none", 1);
	swtpm_fixture_init(&tpm, "a");
	for (int kind = 0; kind < 2; kind++) {
		struct attest_tpm_options options = {.tcti = tpm.tcti,
			.key = kind ? ATTEST_TPM_RSA : ATTEST_TPM_ECC,
			.pcrs = PCRS,
			.event_log = ""};

		for (size_t i = 0; i < ARRAY_SIZE(banks); i++) {
			options.bank = banks[i];
			test_quote(options, result);
		}
		options.bank = ATTEST_TPM_SHA256;
		options.pcrs = PCRS_ALL;
		test_quote(options, result);
		test_log(options, result);
		test_options(options);
		test_credential(options);
	}
	test_other_platform();
	swtpm_fixture_done(&tpm);
	free(result);
	return test_done();
}
