/* What AMD writes into the certificates of chips' keys, and the table in which hosts hand them out.
 */
#ifndef ATTESTATION_SNP_CERTIFICATE_H
#define ATTESTATION_SNP_CERTIFICATE_H

#include "attestation/certificate.h"

struct snp_certificate {
	bool is_vlek;
	char product[16]; /* "Milan", without the stepping */
	uint8_t boot_loader, tee, snp, microcode, fmc;
	uint8_t chip_id[64];
	uint8_t chip_id_size; /* 8 since Turin */
};

/* -EINVAL: not such a certificate. */
int snp_certificate_read(const X509 *certificate, struct snp_certificate *ret_content) MUST_CHECK;

/* Does it pack its versions as Turin and what came after do? */
bool snp_product_is_turin(const char *product);

/* @tcb: TCB_VERSION as in a report. Its layout depends on the product. */
bool snp_certificate_has_tcb(const struct snp_certificate *content, uint64_t tcb);
bool snp_certificate_has_chip(const struct snp_certificate *content, const uint8_t chip_id[64]);

/* Is @issuer the authority for keys of this kind and this family of products? AMD has one for each:
 * SEV-Milan, SEV-VLEK-Milan, ... */
bool snp_certificate_is_issued_for(const struct snp_certificate *content, const X509 *issuer);

/* Is it a table of GUIDs, offsets and sizes? */
bool snp_certificate_table_is(struct span table);
int snp_certificate_table_read(
	struct span table, STACK_OF(X509) *to, struct attest_error *error) MUST_CHECK;

#endif
