/* For tests: authorities named as AMD's are, chips of each family, and the reports that they sign.
 */
#ifndef ATTESTATION_SNP_FIXTURE_H
#define ATTESTATION_SNP_FIXTURE_H

#include "attestation/pki_fixture.h"

enum snp_fixture_list {
	SNP_FIXTURE_LIST_EMPTY,
	SNP_FIXTURE_LIST_NONE,
	SNP_FIXTURE_LIST_REVOKES, /* the key between the root and the chip */
	SNP_FIXTURE_LIST_EXPIRED,
	SNP_FIXTURE_LIST_OF_THE_FUTURE,
	SNP_FIXTURE_LIST_FORGED, /* not signed by the root */
};

/* All 0: a report of version 2 of a Milan chip, signed by its VCEK, and nothing is wrong. */
struct snp_fixture_options {
	const char *product; /* as the certificate names it; NULL: "Milan-B0" */
	const char *family;  /* of the authorities; NULL: "Milan" */
	uint32_t version;    /* 0: 2 */
	uint64_t policy;     /* bits besides those that every guest has */
	bool is_vlek;
	bool is_vlek_claimed; /* by the report; the certificate is a VCEK's */
	bool is_unsigned;     /* the firmware says that no key signed */
	bool is_older, is_another_chip, is_chip_hidden, is_another_key, is_expired,
		is_of_the_future;
	bool is_chip_wrapped;  /* the certificate has the chip's identity in an OCTET STRING */
	bool is_chip_like_der; /* the chip's identity begins as an OCTET STRING does */
	bool is_product_missing;
	enum snp_fixture_list list;
	const uint8_t *report_digest; /* 32 bytes; NULL: "nonce" */
};

struct snp_fixture {
	EVP_PKEY *root_key, *issuer_key, *chip_key, *other_key;
};

/* @root, @issuer: PEM; @list, @chip: DER. */
struct snp_evidence {
	struct bytes report, root, issuer, list, chip;
};

void snp_fixture_init(struct snp_fixture *fixture);
void snp_fixture_done(struct snp_fixture *fixture);

void snp_fixture_make(const struct snp_fixture *fixture, const struct snp_fixture_options *options,
	struct snp_evidence *to);
void snp_evidence_done(struct snp_evidence *evidence);

/* The chip's certificate and its issuer's, as a host hands them out behind a report. */
void snp_fixture_put_table(const struct snp_evidence *evidence, struct bytes *to);

#endif
