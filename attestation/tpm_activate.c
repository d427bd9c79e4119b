/* The prover's half of enrolling a TPM's attestation key: who it is, and ActivateCredential. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <tss2/tss2_mu.h>

#include "attestation/tpm_platform.h"

struct keys {
	struct tpm_device device;
	struct tpm_key ek, ak;
};

static void keys_done(struct keys *keys)
{
	tpm_device_unload(&keys->device, &keys->ak);
	tpm_device_unload(&keys->device, &keys->ek);
	tpm_device_done(&keys->device);
}

static int keys_load(
	struct attest_platform *platform, struct keys *keys, struct attest_error *error)
{
	struct tpm_platform *tpm = tpm_platform_of(platform);
	int r;

	if (!tpm)
		return platform_fail(error, -EINVAL, "not the platform of a TPM");
	r = tpm_device_open(tpm->tcti, &keys->device, error);
	if (r == 0)
		r = tpm_device_load_ek(&keys->device, tpm->key, &keys->ek, error);
	if (r == 0)
		r = tpm_device_load_ak(&keys->device, tpm->key, &keys->ak, error);
	return r;
}

int attest_tpm_identity_read(struct attest_platform *platform, struct attest_tpm_identity *ret,
	struct attest_error *error)
{
	CLEANUP(keys_done)
	struct keys keys = {.ek.handle = ESYS_TR_NONE, .ak.handle = ESYS_TR_NONE};
	struct text_buffer ek = {0}, ak = {0}, certificate = {0};
	int r = keys_load(platform, &keys, error);

	if (r == 0)
		r = tpm_device_get_public(&keys.ek, &ek, error);
	if (r == 0)
		r = tpm_device_get_public(&keys.ak, &ak, error);
	if (r == 0)
		r = tpm_device_read_certificate(
			&keys.device, tpm_platform_of(platform)->key, &certificate, error);
	if (r < 0) {
		text_buffer_done(&ek);
		text_buffer_done(&ak);
		return r;
	}
	*ret = (struct attest_tpm_identity){
		ek.data, ak.data, certificate.data, ek.size, ak.size, certificate.size};
	return 0;
}

void attest_tpm_identity_done(struct attest_tpm_identity *identity)
{
	free(identity->ek_public);
	free(identity->ak_public);
	free(identity->ek_certificate);
	*identity = (struct attest_tpm_identity){0};
}

/* The endorsement key may be used by who may use its hierarchy. */
static int start_policy(struct tpm_device *device, ESYS_TR *ret, struct attest_error *error)
{
	TPMT_SYM_DEF none = {.algorithm = TPM2_ALG_NULL};
	ESYS_TR session = ESYS_TR_NONE;
	TSS2_RC rc = Esys_StartAuthSession(device->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
		ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_POLICY, &none, TPM2_ALG_SHA256, &session);

	if (rc != TSS2_RC_SUCCESS)
		return tpm_device_fail(error, rc, "a session");
	rc = Esys_PolicySecret(device->esys, ESYS_TR_RH_ENDORSEMENT, session, ESYS_TR_PASSWORD,
		ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL);
	if (rc != TSS2_RC_SUCCESS) {
		Esys_FlushContext(device->esys, session);
		return tpm_device_fail(error, rc, "the endorsement key's policy");
	}
	*ret = session;
	return 0;
}

struct credential {
	TPM2B_ID_OBJECT object;
	TPM2B_ENCRYPTED_SECRET secret;
};

static int read_credential(
	struct attest_bytes bytes, struct credential *ret, struct attest_error *error)
{
	size_t at = 0;

	if (bytes.size &&
		Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(bytes.data, bytes.size, &at, &ret->object) ==
			TSS2_RC_SUCCESS &&
		Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(
			bytes.data, bytes.size, &at, &ret->secret) == TSS2_RC_SUCCESS &&
		at == bytes.size)
		return 0;
	return platform_fail(
		error, -EINVAL, "a credential is TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET");
}

/* What a TPM says when the keys are not those that it was made for, or it was changed. FAILURE is
 * libtpms' word where OAEP does not decrypt; the TPM itself has not failed, for it has just loaded
 * two keys. */
static bool is_refusal(TSS2_RC rc)
{
	TSS2_RC code = rc & TPM2_RC_FMT1 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc;

	return code == TPM2_RC_INTEGRITY || code == TPM2_RC_VALUE || code == TPM2_RC_SIZE ||
	       code == TPM2_RC_ECC_POINT || code == TPM2_RC_INSUFFICIENT || code == TPM2_RC_FAILURE;
}

int attest_tpm_credential_activate(struct attest_platform *platform, struct attest_bytes bytes,
	uint8_t ret_secret[64], size_t *ret_size, struct attest_error *error)
{
	CLEANUP(keys_done)
	struct keys keys = {.ek.handle = ESYS_TR_NONE, .ak.handle = ESYS_TR_NONE};
	struct credential credential;
	TPM2B_DIGEST *secret = NULL;
	ESYS_TR session = ESYS_TR_NONE;
	TSS2_RC rc;
	int r = read_credential(bytes, &credential, error);

	if (r == 0)
		r = keys_load(platform, &keys, error);
	if (r == 0)
		r = start_policy(&keys.device, &session, error);
	if (r < 0)
		return r;
	rc = Esys_ActivateCredential(keys.device.esys, keys.ak.handle, keys.ek.handle,
		ESYS_TR_PASSWORD, session, ESYS_TR_NONE, &credential.object, &credential.secret,
		&secret);
	Esys_FlushContext(keys.device.esys, session);
	if (is_refusal(rc))
		return platform_fail(error, -EACCES, "TPM: a credential for other keys: %s",
			"it was made for another TPM or attestation key, or changed");
	if (rc != TSS2_RC_SUCCESS)
		return tpm_device_fail(error, rc, "ActivateCredential");
	*ret_size = secret->size;
	memcpy(ret_secret, secret->buffer, secret->size);
	OPENSSL_cleanse(secret->buffer, secret->size);
	Esys_Free(secret);
	return 0;
}
