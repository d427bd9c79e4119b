/* The TCG event log of the firmware, in the crypto-agile form: replaying it gives the PCRs.
 * Source: TCG PC Client Platform Firmware Profile Specification, 10.2 and 10.4. */
#ifndef ATTESTATION_EVENT_LOG_H
#define ATTESTATION_EVENT_LOG_H

#include "attestation/reader.h"
#include "attestation/verdict.h"

#define EVENT_LOG_EVENTS_MAX 65536
#define EVENT_LOG_BANKS_MAX 16

struct event_log_replay {
	struct attest_value pcrs[ATTEST_PCR_COUNT];
	uint32_t touched; /* a bit for each PCR that an event extended */
	uint32_t event_count;
};

/* Replay the bank of @hash (TPM_ALG_ID). FINAL findings: what is wrong with it. */
int event_log_replay(struct span log, uint16_t hash, struct event_log_replay *ret_replay,
	struct attest_result *result) MUST_CHECK;

/* Replay, and compare with the values of @claims: they must be known, and equal, for each PCR
 * quoted. */
int event_log_check(
	struct span log, struct attest_claims *claims, struct attest_result *result) MUST_CHECK;

#endif
