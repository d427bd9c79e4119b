#include "image/sign_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "image/digest.h"
#include "image/file.h"

#define PEM_SIZE_MAX 65536

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static void bignum_freep(BIGNUM **number)
{
	BN_free(*number);
}

static void pkey_context_freep(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

void sign_key_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

/* Never ask on the terminal: a build must not wait for somebody. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static int check_key(EVP_PKEY *key, const char *path, struct image_error *error)
{
	CLEANUP(bignum_freep) BIGNUM *exponent = NULL;

	if (!EVP_PKEY_is_a(key, "RSA"))
		return image_fail(error, -EINVAL, "%s: not an RSA key; %s", path,
			"make one with: openssl genrsa -3 -out FILE 3072");
	if (EVP_PKEY_get_bits(key) != 3072)
		return image_fail(error, -EINVAL, "%s: an RSA key of %d bits, 3072 are needed; %s",
			path, EVP_PKEY_get_bits(key),
			"make one with: openssl genrsa -3 -out FILE 3072");
	if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) ||
		!BN_is_word(exponent, SGX_KEY_EXPONENT))
		return image_fail(error, -EINVAL,
			"%s: the public exponent is not 3, which SIGSTRUCT needs; %s", path,
			"make one with: openssl genrsa -3 -out FILE 3072");
	return 0;
}

static int load(const char *path, bool want_private, EVP_PKEY **ret, struct image_error *error)
{
	CLEANUP(sign_key_freep) EVP_PKEY *key = NULL;
	CLEANUP(buffer_done) struct buffer pem = {0};
	CLEANUP(bio_freep) BIO *bio = NULL;
	int r = file_read(path, PEM_SIZE_MAX, &pem, error);

	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	if (bio && !key && !want_private && BIO_reset(bio) == 1)
		key = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
	memory_wipe(pem.data, pem.size);
	if (!key)
		return image_fail(error, -EINVAL, "%s: no PEM %s key without a passphrase in it",
			path, want_private ? "private" : "private or public");
	r = check_key(key, path, error);
	if (r == 0)
		*ret = TAKE(key);
	return r;
}

int sign_key_load(const char *path, EVP_PKEY **ret, struct image_error *error)
{
	return load(path, true, ret, error);
}

int sign_key_load_public(const char *path, EVP_PKEY **ret, struct image_error *error)
{
	return load(path, false, ret, error);
}

static EVP_PKEY *generate(void)
{
	CLEANUP(pkey_context_freep)
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	CLEANUP(bignum_freep) BIGNUM *exponent = BN_new();
	EVP_PKEY *key = NULL;

	if (!context || !exponent || !BN_set_word(exponent, SGX_KEY_EXPONENT))
		return NULL;
	if (EVP_PKEY_keygen_init(context) <= 0 ||
		EVP_PKEY_CTX_set_rsa_keygen_bits(context, 3072) <= 0 ||
		EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, exponent) <= 0 ||
		EVP_PKEY_generate(context, &key) <= 0)
		return NULL;
	return key;
}

static int write_pem(int fd, EVP_PKEY *key)
{
	CLEANUP(bio_freep) BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);

	if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		return -EIO;
	return fsync(fd) < 0 ? -errno : 0;
}

/* Two builds at once may both generate: link(2) lets one win, and both use its key. */
static int generate_at(const char *path, struct image_error *error)
{
	CLEANUP(sign_key_freep) EVP_PKEY *key = generate();
	CLEANUP(freep) char *temporary = NULL;
	CLEANUP(close_fdp) int fd = -1;
	int r;

	if (!key)
		return image_fail(error, -EIO, "OpenSSL can't generate an RSA key");
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return image_fail_errno(error, -ENOMEM, "%s", path);
	fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return image_fail_errno(error, -errno, "%s", temporary);
	r = write_pem(fd, key);
	if (r == 0 && link(temporary, path) < 0 && errno != EEXIST)
		r = -errno;
	unlink(temporary);
	if (r < 0)
		return image_fail_errno(error, r, "%s", path);
	return 0;
}

static int make_directories(const char *path, struct image_error *error)
{
	CLEANUP(freep) char *copy = strdup(path);

	if (!copy)
		return image_fail_errno(error, -ENOMEM, "%s", path);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return image_fail_errno(error, -errno, "%s", copy);
		*slash = '/';
	}
	return 0;
}

static int development_path(char **ret, struct image_error *error)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	/* The XDG base directory specification: a relative path is not one. */
	if (config && config[0] == '/')
		n = asprintf(ret, "%s/casemate/sign-key.pem", config);
	else if (home && home[0] == '/')
		n = asprintf(ret, "%s/.config/casemate/sign-key.pem", home);
	else
		return image_fail(error, -ENOENT,
			"no place for a development key: set HOME, or give --sign-key");
	return n < 0 ? image_fail_errno(error, -ENOMEM, "sign-key.pem") : 0;
}

int sign_key_load_development(
	EVP_PKEY **ret, char **ret_path, bool *ret_made, struct image_error *error)
{
	CLEANUP(freep) char *path = NULL;
	bool made = false;
	int r = development_path(&path, error);

	if (r < 0)
		return r;
	if (access(path, F_OK) < 0) {
		r = make_directories(path, error);
		if (r == 0)
			r = generate_at(path, error);
		if (r < 0)
			return image_fail_in(error, r,
				"no place for a development key: set HOME, or give --sign-key");
		made = true;
	}
	r = sign_key_load(path, ret, error);
	if (r < 0)
		return r;
	*ret_path = TAKE(path);
	*ret_made = made;
	return 0;
}

int sign_key_modulus(EVP_PKEY *key, uint8_t ret_modulus[SGX_KEY_SIZE])
{
	CLEANUP(bignum_freep) BIGNUM *modulus = NULL;

	if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) ||
		BN_bn2lebinpad(modulus, ret_modulus, SGX_KEY_SIZE) != SGX_KEY_SIZE)
		return -EINVAL;
	return 0;
}

int sign_key_signer(EVP_PKEY *key, uint8_t ret_signer[IMAGE_DIGEST_SIZE])
{
	uint8_t modulus[SGX_KEY_SIZE];
	int r = sign_key_modulus(key, modulus);

	return r < 0 ? r : digest_of(modulus, sizeof(modulus), ret_signer);
}
