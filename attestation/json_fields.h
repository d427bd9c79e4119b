/* The members of a JSON object from outside, each checked. The first that is not as it should be is
 * remembered with its name: check fields->failed once, when all is read and before anything is
 * used. */
#ifndef ATTESTATION_JSON_FIELDS_H
#define ATTESTATION_JSON_FIELDS_H

#include <jansson.h>

#include "attestation/text.h"
#include "attestation/verdict.h"

struct json_fields {
	const json_t *object;
	const char *where; /* "tcbLevels": for the reason */
	enum attest_verdict verdict;
	struct attest_error *error;
	bool failed;
};

void json_freep(json_t **json);

/* Parse strictly: one object, no name twice. NULL with @error. json_decref() it. */
json_t *json_fields_parse(
	struct span text, enum attest_verdict verdict, struct attest_error *error);

void json_fields_fail(struct json_fields *fields, const char *name, const char *what);

bool json_fields_has(const struct json_fields *fields, const char *name);
const char *json_fields_string(struct json_fields *fields, const char *name); /* "" if it fails */
uint32_t json_fields_unsigned(struct json_fields *fields, const char *name, uint32_t max);
void json_fields_hex(struct json_fields *fields, const char *name, void *to, size_t size);
int64_t json_fields_time(struct json_fields *fields, const char *name);
const json_t *json_fields_object(struct json_fields *fields, const char *name); /* or NULL */
const json_t *json_fields_array(struct json_fields *fields, const char *name);  /* or NULL */

/* Base64 or hexadecimal, whichever the text is. 0, -EINVAL, -ENOMEM; failing is remembered. */
int json_fields_bytes(
	struct json_fields *fields, const char *name, struct text_buffer *ret) MUST_CHECK;

#endif
