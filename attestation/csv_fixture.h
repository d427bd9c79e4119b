/* For tests: Hygon's authorities, HRK -> HSK -> CEK -> PEK, and a report under them. */
#ifndef ATTESTATION_CSV_FIXTURE_H
#define ATTESTATION_CSV_FIXTURE_H

#include "attestation/pki_fixture.h"

struct csv_fixture {
	EVP_PKEY *root_key, *hsk_key, *cek_key, *pek_key, *other_key;
};

/* All 0: a report with nothing wrong. */
struct csv_fixture_options {
	bool is_debug;
	bool is_hsk_forged, is_cek_forged, is_pek_forged, is_report_forged; /* by another key */
	bool is_pek_of_another_usage, is_cek_of_another_curve, is_serial_binary;
	bool is_chain_missing;
	bool is_countersigned; /* the CEK's signature is the second of two */
};

/* @evidence: JSON; @report: the bytes in it; @chain: HSK and CEK; @root: a public key in PEM;
 * @root_certificate: the same key's, as Hygon hands it out. */
struct csv_evidence {
	struct bytes evidence, report, chain, root, root_certificate;
};

void csv_fixture_init(struct csv_fixture *fixture);
void csv_fixture_done(struct csv_fixture *fixture);

void csv_fixture_make(const struct csv_fixture *fixture, const struct csv_fixture_options *options,
	struct csv_evidence *to);
/* The report of @evidence as JSON, anew. */
void csv_fixture_put_json(const struct bytes *report, struct bytes *to);
void csv_evidence_done(struct csv_evidence *evidence);

#endif
