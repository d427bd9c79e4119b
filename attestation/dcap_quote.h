/* The layout of quotes for Intel SGX and TDX, versions 3 to 5. Nothing is verified here.
 * Source: Intel SGX ECDSA QuoteLibReference DCAP API, appendix A; Intel TDX DCAP Quoting Library
 * API, A. */
#ifndef ATTESTATION_DCAP_QUOTE_H
#define ATTESTATION_DCAP_QUOTE_H

#include "attestation/reader.h"
#include "attestation/verdict.h"

#define DCAP_SGX_BODY_SIZE 384
#define DCAP_TDX_10_BODY_SIZE 584
#define DCAP_TDX_15_BODY_SIZE 648

/* How the certificate of the processor's key is told. */
enum dcap_certification {
	DCAP_CERTIFICATION_PPID_CLEAR = 1,
	DCAP_CERTIFICATION_PPID_RSA2048 = 2,
	DCAP_CERTIFICATION_PPID_RSA3072 = 3,
	DCAP_CERTIFICATION_PCK_LEAF = 4,
	DCAP_CERTIFICATION_PCK_CHAIN = 5,
	DCAP_CERTIFICATION_QE_REPORT = 6,
};

/* All spans lie within the evidence. */
struct dcap_quote {
	uint16_t version;
	bool is_tdx;
	struct span signed_part; /* header and body */
	struct span body;
	struct span signature, key;      /* 64 bytes each: r, s; x, y */
	struct span qe_report;           /* as an SGX body */
	struct span qe_signature;        /* 64 bytes */
	struct span authentication_data; /* of the quoting enclave's choice */
	uint16_t certification;          /* enum dcap_certification */
	struct span certification_data;
};

/* Does it begin as such a quote does? */
bool dcap_quote_is(struct span evidence);

/* Zeros may follow. -EINVAL with a finding. */
int dcap_quote_parse(struct span evidence, struct dcap_quote *ret_quote,
	struct attest_result *result) MUST_CHECK;

/* An SGX report body's fields. @body: DCAP_SGX_BODY_SIZE bytes. */
void dcap_sgx_body_read(struct span body, struct attest_claims *claims);
void dcap_tdx_body_read(struct span body, struct attest_claims *claims);

#endif
