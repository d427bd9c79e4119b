/* Whom this library trusts if its caller names nobody: the hardware vendors' keys. */
#ifndef ATTESTATION_TRUST_ANCHORS_H
#define ATTESTATION_TRUST_ANCHORS_H

#include "base/compiler.h"

enum trust_vendor {
	TRUST_VENDOR_INTEL, /* ECDSA P-256 */
	TRUST_VENDOR_AMD,   /* RSA 4096 */
	TRUST_VENDOR_HYGON, /* SM2; its certificates are not X.509 */
};

struct trust_anchor {
	enum trust_vendor vendor;
	const char *common_name;
	const char *issuer_name;       /* the same: a root */
	uint32_t serial;               /* 0: of no interest */
	int64_t not_before, not_after; /* seconds since 1970 */
	const char *key_id;            /* subject key identifier, hexadecimal */
	const char *key;               /* hexadecimal */
};

extern const struct trust_anchor trust_anchors[];
extern const size_t trust_anchor_count;

#endif
