/* The key that signs evidence on the simulation platform. Everybody has it. */
#ifndef ATTESTATION_SIMULATION_KEY_H
#define ATTESTATION_SIMULATION_KEY_H

#include <openssl/evp.h>

#include "base/span.h"

/* Is @point (x, y) its public half? */
bool simulation_key_is(struct span point);
void simulation_key_point(uint8_t to[64]);

/* With its private half; NULL without memory. EVP_PKEY_free() it. */
EVP_PKEY *simulation_key_new(void);

#endif
