/* What was found wrong, kept in a result or an error with its reason. */
#ifndef ATTESTATION_VERDICT_H
#define ATTESTATION_VERDICT_H

#include "attestation/attestation.h"
#include "base/compiler.h"

enum verdict_kind {
	VERDICT_GOOD,
	VERDICT_POLICY,
	VERDICT_FINAL,
	VERDICT_OPEN,
	VERDICT_TCB,
};

enum verdict_kind verdict_kind(enum attest_verdict verdict);

/* ATTEST_VERDICT_COUNT: there is none of that name. */
enum attest_verdict verdict_from_name(const char *name);

/* Write into @error; returns -EINVAL. */
int verdict_fail(struct attest_error *error, enum attest_verdict verdict, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* Which of several was meant: "item 2: ..." */
void verdict_name_item(struct attest_error *error, const char *what, size_t number);

/* Note a finding, once for each verdict. A FINAL one returns -EINVAL, to be handed up; any other 0.
 */
int verdict_find(struct attest_result *result, enum attest_verdict verdict, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* The first finding that is FINAL; NULL: there is none. */
const struct attest_finding *verdict_final(const struct attest_result *result);

enum attest_verdict verdict_of_status(enum attest_tcb_status status);
enum attest_tcb_status tcb_status_from_name(const char *name); /* NONE: unknown */

#endif
