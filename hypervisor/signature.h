/* Does a SIGSTRUCT's signature hold? RSA-3072 with exponent 3, RSASSA-PKCS1-v1_5 with SHA-256
 * (Intel SDM, "EINIT"; RFC 8017, 8.2.2). SIGSTRUCT brings the quotients of the two modular
 * products, so that multiplying and subtracting is all there is to do. No secret is involved. */
#ifndef HYPERVISOR_SIGNATURE_H
#define HYPERVISOR_SIGNATURE_H

#include "abi/sgx.h"
#include "base/compiler.h"

/* -EKEYREJECTED: it does not. */
MUST_CHECK int signature_verify(const struct sgx_sigstruct *sigstruct);

#endif
