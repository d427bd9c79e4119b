/* The platform of a TPM, for what is done with one besides evidence. */
#ifndef ATTESTATION_TPM_PLATFORM_H
#define ATTESTATION_TPM_PLATFORM_H

#include "attestation/platform.h"
#include "attestation/tpm_device.h"

struct tpm_platform {
	struct attest_platform platform;
	char *tcti, *event_log, *ak_certificate; /* NULL: not given */
	enum attest_tpm_key_kind key;
	uint32_t pcrs;
	uint16_t bank;
};

/* NULL: it is not the platform of a TPM. */
struct tpm_platform *tpm_platform_of(struct attest_platform *platform);

#endif
