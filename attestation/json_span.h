/* Where in a JSON text a member's value stands: signatures are over just those bytes. (Apart from
 * all that uses jansson: its names and those of base/json.h collide.) */
#ifndef ATTESTATION_JSON_SPAN_H
#define ATTESTATION_JSON_SPAN_H

#include "base/span.h"

/* The value of the member @name of the object that @text is, without white space around it.
 * false: not an object in JSON, no such member, or more than one. */
bool json_span_member(struct span text, const char *name, struct span *ret_value) MUST_CHECK;

#endif
