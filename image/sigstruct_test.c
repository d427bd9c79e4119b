#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "image/sigstruct.h"

static struct image_error error;

static const struct sigstruct_claims claims = {
	.measurement = {1, 2, 3},
	.date = 0x20260102,
	.product = 7,
	.svn = 8,
	.debug = true,
};

static EVP_PKEY *make_key(void)
{
	char directory[] = "/tmp/casemate-test-XXXXXX", nested[64];
	char *path = NULL;
	EVP_PKEY *key = NULL;
	bool made = false;

	CHECK(mkdtemp(directory));
	snprintf(nested, sizeof(nested), "%s/not/there", directory);
	setenv("XDG_CONFIG_HOME", nested, 1);
	CHECK_EQ(sign_key_load_development(&key, &path, &made, &error), 0);
	CHECK(made);
	if (path)
		unlink(path);
	free(path);
	snprintf(nested, sizeof(nested), "%s/not/there/casemate", directory);
	for (char *slash = nested; slash; slash = strrchr(nested, '/')) {
		if (strlen(nested) < strlen(directory) || rmdir(nested) < 0)
			break;
		*strrchr(nested, '/') = '\0';
	}
	return key;
}

static void test_good(EVP_PKEY *key)
{
	struct sgx_sigstruct s, again;
	struct sigstruct_claims read;

	CHECK_EQ(sigstruct_sign(&claims, key, &s), 0);
	CHECK_EQ(sigstruct_sign(&claims, key, &again), 0);
	CHECK(!memcmp(&s, &again, sizeof(s)));
	CHECK_EQ(sigstruct_verify(&s, &read, &error), 0);
	CHECK(!memcmp(read.measurement, claims.measurement, sizeof(read.measurement)));
	CHECK_EQ(read.date, claims.date);
	CHECK_EQ(read.product, 7);
	CHECK_EQ(read.svn, 8);
	CHECK(read.debug);
}

/* One bit of a good one is changed. */
static void check_flip(EVP_PKEY *key, size_t offset, const char *words)
{
	struct sigstruct_claims read;
	struct sgx_sigstruct s;

	CHECK_EQ(sigstruct_sign(&claims, key, &s), 0);
	((uint8_t *)&s)[offset] ^= 1;
	CHECK_EQ(sigstruct_verify(&s, &read, &error), -EBADMSG);
	CHECK_STR(error.text, words);
}

static void test_flips(EVP_PKEY *key)
{
	static const char constant[] =
		"a constant, reserved or attribute field is not as it must be";
	static const char signature[] = "the signature is wrong", quotient[] = "q1 or q2 is wrong";

	check_flip(key, 0, constant);
	check_flip(key, offsetof(struct sgx_sigstruct, header.vendor), constant);
	check_flip(key, offsetof(struct sgx_sigstruct, header.reserved), constant);
	check_flip(key, offsetof(struct sgx_sigstruct, exponent), constant);
	check_flip(key, offsetof(struct sgx_sigstruct, body.attributes.xfrm), constant);
	check_flip(key, offsetof(struct sgx_sigstruct, body.attributes_mask), constant);
	check_flip(key, offsetof(struct sgx_sigstruct, reserved), constant);
	check_flip(key, offsetof(struct sgx_sigstruct, header.date), signature);
	check_flip(key, offsetof(struct sgx_sigstruct, modulus), signature);
	check_flip(key, offsetof(struct sgx_sigstruct, signature), signature);
	check_flip(key, offsetof(struct sgx_sigstruct, body.enclave_hash), signature);
	check_flip(key, offsetof(struct sgx_sigstruct, body.isv_svn), signature);
	check_flip(key, offsetof(struct sgx_sigstruct, q1), quotient);
	check_flip(key, offsetof(struct sgx_sigstruct, q2) + SGX_KEY_SIZE - 1, quotient);
}

static void test_nonsense(void)
{
	struct sigstruct_claims read;
	struct sgx_sigstruct s;

	memset(&s, 0, sizeof(s));
	CHECK_EQ(sigstruct_verify(&s, &read, &error), -EBADMSG);
	memset(&s, 0xff, sizeof(s));
	CHECK_EQ(sigstruct_verify(&s, &read, &error), -EBADMSG);
}

static void test_dates(void)
{
	CHECK_EQ(sigstruct_date(0), 0x19700101);
	CHECK_EQ(sigstruct_date(1709164800), 0x20240229);
	CHECK_EQ(sigstruct_date(INT64_MAX), 0x19700101);
}

int main(void)
{
	CLEANUP(sign_key_freep) EVP_PKEY *key = make_key();

	test_good(key);
	test_flips(key);
	test_nonsense();
	test_dates();
	return test_done();
}
