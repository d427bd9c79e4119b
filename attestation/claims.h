/* Claims as JSON: each kind's fields under the names that its platform gives them. */
#ifndef ATTESTATION_CLAIMS_H
#define ATTESTATION_CLAIMS_H

#include <jansson.h>

#include "attestation/attestation.h"

/* NULL without memory. json_decref() it. */
json_t *claims_to_json(const struct attest_claims *claims);

#endif
