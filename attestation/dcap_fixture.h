/* For tests: a processor, its authorities and its quoting enclave, which make quotes for SGX and
 * TDX. */
#ifndef ATTESTATION_DCAP_FIXTURE_H
#define ATTESTATION_DCAP_FIXTURE_H

#include "attestation/pki_fixture.h"

#define FIXTURE_NO_VERSION 0xff

struct dcap_fixture {
	EVP_PKEY *root_key, *ca_key, *pck_key, *signer_key, *attestation_key;
	X509 *root, *ca, *pck, *signer;
};

/* What the quote is, and what the collateral says of it. All 0: an SGX quote of version 3, up to
 * date. */
struct dcap_fixture_options {
	uint16_t version;    /* 3, 4, 5; 0: 3 */
	bool is_tdx, is_1_5; /* is_1_5: of version 5 */
	bool is_debug, is_pck_revoked, is_qe_debug, is_another_processor;
	const char *status;        /* of the platform; NULL: UpToDate */
	const char *qe_status;     /* of the quoting enclave */
	const char *module_status; /* of the TDX module */
	const char *advisory;
	uint8_t needed_component; /* what the best level asks of the first component; the platform
				     has 5 */
	uint8_t needed_tdx_component; /* the same of TDX's first; the module has 3 */
	uint8_t module_version;       /* of the TDX module; 0: 1; FIXTURE_NO_VERSION: 0 */
	bool is_relaunch_needed;      /* what launched the TD was older than what runs now */
	uint8_t certification;        /* enum dcap_certification; 0: 5, the chain */
	bool is_der;                  /* the certificates in it; otherwise PEM */
	bool is_another_ppid;         /* in a quote that names its processor by it */
	bool is_ca_missing;           /* in the chain */
	uint8_t tcb_version, identity_version; /* of the JSON; 0: 3 and 2 */
	uint8_t identity_svn; /* what its first level asks; 0: 8, which the quoting enclave has */
	const char *report_data;      /* up to 64 characters */
	const uint8_t *report_digest; /* instead: 32 bytes */
};

void dcap_fixture_init(struct dcap_fixture *fixture);
void dcap_fixture_done(struct dcap_fixture *fixture);

void dcap_fixture_quote(const struct dcap_fixture *fixture,
	const struct dcap_fixture_options *options, struct bytes *to);
/* A bundle in JSON. */
void dcap_fixture_collateral(const struct dcap_fixture *fixture,
	const struct dcap_fixture_options *options, struct bytes *to);
/* What is signed in it. */
void dcap_fixture_tcb_info(const struct dcap_fixture_options *options, struct bytes *to);
void dcap_fixture_identity(const struct dcap_fixture_options *options, struct bytes *to);
void dcap_fixture_root(const struct dcap_fixture *fixture, struct bytes *to);

#endif
