/* A TPM 2.0 by the TCG's software stack (libtss2-esys), opened for one task. */
#ifndef ATTESTATION_TPM_DEVICE_H
#define ATTESTATION_TPM_DEVICE_H

#include <tss2/tss2_esys.h>

#include "attestation/attestation.h"
#include "attestation/text.h"

struct tpm_device {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
};

/* @tcti: NULL: the default. -EIO with @error. */
int tpm_device_open(
	const char *tcti, struct tpm_device *ret, struct attest_error *error) MUST_CHECK;
void tpm_device_done(struct tpm_device *device);

/* -EIO, with what the stack says of @rc. */
int tpm_device_fail(struct attest_error *error, TSS2_RC rc, const char *what);

/* A key loaded in the TPM. */
struct tpm_key {
	ESYS_TR handle; /* ESYS_TR_NONE: not loaded */
	TPM2B_PUBLIC *public;
};

int tpm_device_load_ak(struct tpm_device *device, enum attest_tpm_key_kind kind,
	struct tpm_key *ret, struct attest_error *error) MUST_CHECK;
int tpm_device_load_ek(struct tpm_device *device, enum attest_tpm_key_kind kind,
	struct tpm_key *ret, struct attest_error *error) MUST_CHECK;
void tpm_device_unload(struct tpm_device *device, struct tpm_key *key);

/* TPM2B_PUBLIC as bytes. */
int tpm_device_get_public(
	const struct tpm_key *key, struct text_buffer *ret, struct attest_error *error) MUST_CHECK;

/* The maker's certificate for the endorsement key, in DER; empty if the TPM has none. */
int tpm_device_read_certificate(struct tpm_device *device, enum attest_tpm_key_kind kind,
	struct text_buffer *ret, struct attest_error *error) MUST_CHECK;

#endif
