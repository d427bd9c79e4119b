/* Attestation reports of Hygon CSV.
 * Source: Hygon CSV's kernel interface (include/uapi/linux/csv-guest.h) and its published
 * attestation tools: names and offsets only. */
#ifndef ATTESTATION_CSV_REPORT_H
#define ATTESTATION_CSV_REPORT_H

#include <jansson.h>

#include "attestation/collateral.h"

/* JSON: {"attestation_report": {"data": [bytes]...}, "cert_chain": {"pek": ...}, "serial_number":
 * [bytes]}. The certificates above the chip's own come in the collateral, as Hygon's service hands
 * them out. */
int csv_report_verify(const json_t *json, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result) MUST_CHECK;

#endif
