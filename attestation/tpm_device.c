#include "attestation/tpm_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "attestation/platform.h"

#define CERTIFICATE_SIZE_MAX 8192
#define NV_PART_SIZE 512 /* read at a time: every TPM can */

/* TCG EK Credential Profile 2.5, 2.2.1.4: where the certificates for the default keys are. */
#define NV_CERTIFICATE_RSA 0x01c00002
#define NV_CERTIFICATE_ECC 0x01c0000a

int tpm_device_fail(struct attest_error *error, TSS2_RC rc, const char *what)
{
	return platform_fail(error, -EIO, "TPM: %s: %s", what, Tss2_RC_Decode(rc));
}

int tpm_device_open(const char *tcti, struct tpm_device *ret, struct attest_error *error)
{
	struct tpm_device device = {0};
	TSS2_RC rc = Tss2_TctiLdr_Initialize(tcti, &device.tcti);

	if (rc != TSS2_RC_SUCCESS)
		return tpm_device_fail(error, rc, tcti ? tcti : "no TPM is there");
	rc = Esys_Initialize(&device.esys, device.tcti, NULL);
	if (rc != TSS2_RC_SUCCESS) {
		tpm_device_done(&device);
		return tpm_device_fail(error, rc, "it can't be opened");
	}
	*ret = device;
	return 0;
}

void tpm_device_done(struct tpm_device *device)
{
	Esys_Finalize(&device->esys);
	Tss2_TctiLdr_Finalize(&device->tcti);
}

/* Keys */

static void set_ecc(TPMT_PUBLIC *public, size_t unique_size)
{
	TPMS_ECC_PARMS *parms = &public->parameters.eccDetail;

	public->type = TPM2_ALG_ECC;
	parms->curveID = TPM2_ECC_NIST_P256;
	parms->scheme.scheme = TPM2_ALG_NULL;
	parms->kdf.scheme = TPM2_ALG_NULL;
	public->unique.ecc.x.size = public->unique.ecc.y.size = (uint16_t)unique_size;
}

static void set_rsa(TPMT_PUBLIC *public, size_t unique_size)
{
	TPMS_RSA_PARMS *parms = &public->parameters.rsaDetail;

	public->type = TPM2_ALG_RSA;
	parms->keyBits = 2048;
	parms->scheme.scheme = TPM2_ALG_NULL;
	public->unique.rsa.size = (uint16_t)unique_size;
}

/* A signing key that only signs what the TPM itself has made. */
static void fill_ak(enum attest_tpm_key_kind kind, TPMT_PUBLIC *public)
{
	public->nameAlg = TPM2_ALG_SHA256;
	public->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
				   TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
				   TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
				   TPMA_OBJECT_SIGN_ENCRYPT;
	if (kind == ATTEST_TPM_RSA) {
		set_rsa(public, 0);
		public->parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
		public->parameters.rsaDetail.scheme.scheme = TPM2_ALG_RSASSA;
		public->parameters.rsaDetail.scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
	} else {
		set_ecc(public, 0);
		public->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
		public->parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
		public->parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
	}
}

/* TCG EK Credential Profile 2.5, annex B: templates L-1 (RSA) and L-2 (ECC). */
static void fill_ek(enum attest_tpm_key_kind kind, TPMT_PUBLIC *public)
{
	static const uint8_t policy[32] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a,
		0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b,
		0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69,
		0xaa}; /* PolicySecret(endorsement) */
	TPMT_SYM_DEF_OBJECT symmetric = {
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};

	public->nameAlg = TPM2_ALG_SHA256;
	public->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
				   TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
				   TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
	public->authPolicy.size = sizeof(policy);
	memcpy(public->authPolicy.buffer, policy, sizeof(policy));
	if (kind == ATTEST_TPM_RSA) {
		set_rsa(public, 256);
		public->parameters.rsaDetail.symmetric = symmetric;
	} else {
		set_ecc(public, 32);
		public->parameters.eccDetail.symmetric = symmetric;
	}
}

static int create_primary(struct tpm_device *device, const TPM2B_PUBLIC *template,
	struct tpm_key *ret, const char *what, struct attest_error *error)
{
	const TPM2B_SENSITIVE_CREATE sensitive = {0};
	const TPML_PCR_SELECTION no_pcrs = {0};
	struct tpm_key key = {.handle = ESYS_TR_NONE};
	const TPM2B_DATA no_data = {0};
	TSS2_RC rc = Esys_CreatePrimary(device->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
		ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, template, &no_data, &no_pcrs, &key.handle,
		&key.public, NULL, NULL, NULL);

	if (rc != TSS2_RC_SUCCESS)
		return tpm_device_fail(error, rc, what);
	*ret = key;
	return 0;
}

int tpm_device_load_ak(struct tpm_device *device, enum attest_tpm_key_kind kind,
	struct tpm_key *ret, struct attest_error *error)
{
	TPM2B_PUBLIC template = {0};

	fill_ak(kind, &template.publicArea);
	return create_primary(device, &template, ret, "the attestation key", error);
}

int tpm_device_load_ek(struct tpm_device *device, enum attest_tpm_key_kind kind,
	struct tpm_key *ret, struct attest_error *error)
{
	TPM2B_PUBLIC template = {0};

	fill_ek(kind, &template.publicArea);
	return create_primary(device, &template, ret, "the endorsement key", error);
}

void tpm_device_unload(struct tpm_device *device, struct tpm_key *key)
{
	if (key->handle != ESYS_TR_NONE)
		Esys_FlushContext(device->esys, key->handle);
	Esys_Free(key->public);
	*key = (struct tpm_key){.handle = ESYS_TR_NONE};
}

int tpm_device_get_public(
	const struct tpm_key *key, struct text_buffer *ret, struct attest_error *error)
{
	uint8_t *bytes = malloc(sizeof(TPM2B_PUBLIC));
	size_t size = 0;
	TSS2_RC rc;

	if (!bytes)
		return platform_fail(error, -ENOMEM, "TPM");
	rc = Tss2_MU_TPM2B_PUBLIC_Marshal(key->public, bytes, sizeof(TPM2B_PUBLIC), &size);
	if (rc != TSS2_RC_SUCCESS) {
		free(bytes);
		return tpm_device_fail(error, rc, "a key's public half");
	}
	*ret = (struct text_buffer){bytes, size};
	return 0;
}

/* Certificates */

static int read_nv(struct tpm_device *device, ESYS_TR index, size_t size, struct text_buffer *ret,
	struct attest_error *error)
{
	CLEANUP(text_buffer_done) struct text_buffer buffer = {malloc(size + 1), 0};

	if (!buffer.data)
		return platform_fail(error, -ENOMEM, "TPM");
	while (buffer.size < size) {
		size_t want = MIN(size - buffer.size, (size_t)NV_PART_SIZE);
		TPM2B_MAX_NV_BUFFER *part = NULL;
		TSS2_RC rc = Esys_NV_Read(device->esys, index, index, ESYS_TR_PASSWORD,
			ESYS_TR_NONE, ESYS_TR_NONE, (uint16_t)want, (uint16_t)buffer.size, &part);

		if (rc == TSS2_RC_SUCCESS && part->size != want)
			rc = TSS2_ESYS_RC_MALFORMED_RESPONSE;
		if (rc == TSS2_RC_SUCCESS)
			memcpy(buffer.data + buffer.size, part->buffer, want);
		buffer.size += want;
		Esys_Free(part);
		if (rc != TSS2_RC_SUCCESS)
			return tpm_device_fail(error, rc, "the maker's certificate");
	}
	*ret = buffer;
	buffer = (struct text_buffer){0};
	return 0;
}

int tpm_device_read_certificate(struct tpm_device *device, enum attest_tpm_key_kind kind,
	struct text_buffer *ret, struct attest_error *error)
{
	TPM2_HANDLE at = kind == ATTEST_TPM_RSA ? NV_CERTIFICATE_RSA : NV_CERTIFICATE_ECC;
	TPM2B_NV_PUBLIC *public = NULL;
	ESYS_TR index;
	size_t size;
	TSS2_RC rc;

	*ret = (struct text_buffer){0};
	rc = Esys_TR_FromTPMPublic(
		device->esys, at, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &index);
	if (rc != TSS2_RC_SUCCESS) /* such an index is not there */
		return 0;
	rc = Esys_NV_ReadPublic(
		device->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_device_fail(error, rc, "the maker's certificate");
	size = public->nvPublic.dataSize;
	Esys_Free(public);
	if (size > CERTIFICATE_SIZE_MAX)
		return platform_fail(error, -EFBIG, "TPM: the maker's certificate");
	return read_nv(device, index, size, ret, error);
}
