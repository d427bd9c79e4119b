/* Evidence of Casemate's own platforms, to the byte: evidence.md explains. Little-endian, but for
 * what a TPM has written and for the numbers of elliptic curves. */
#ifndef ABI_EVIDENCE_H
#define ABI_EVIDENCE_H

#include <stdint.h>

#define EVIDENCE_MAGIC "CMEVIDNC"
#define EVIDENCE_VERSION 1

struct evidence_header {
	uint8_t magic[8];
	uint16_t version;
	uint16_t part_count;
	uint32_t reserved; /* 0 */
};

_Static_assert(sizeof(struct evidence_header) == 16, "format");

/* Each part: this, then @size bytes, without padding. No kind stands twice. */
struct evidence_part {
	uint16_t kind;
	uint16_t reserved; /* 0 */
	uint32_t size;
};

_Static_assert(sizeof(struct evidence_part) == 8, "format");

enum evidence_part_kind {
	EVIDENCE_PART_REPORT = 1,    /* struct evidence_report */
	EVIDENCE_PART_SIGNATURE = 2, /* of the report: ECDSA, P-256, SHA-256; r and s, 64 bytes */
	EVIDENCE_PART_KEY = 3,       /* that signed it: x and y, 64 bytes */
	EVIDENCE_PART_TPM_QUOTE = 4, /* TPMS_ATTEST */
	EVIDENCE_PART_TPM_SIGNATURE = 5,    /* TPMT_SIGNATURE */
	EVIDENCE_PART_TPM_KEY = 6,          /* TPM2B_PUBLIC, or SubjectPublicKeyInfo in DER */
	EVIDENCE_PART_PCRS = 7,             /* the values quoted, in the order of their numbers */
	EVIDENCE_PART_EVENT_LOG = 8,        /* crypto-agile, of the TCG */
	EVIDENCE_PART_TPM_CERTIFICATES = 9, /* of the TPM's key, in PEM, its own first */
};

#define EVIDENCE_PARTS_MAX 9 /* of these kinds; no other is known */

enum evidence_platform {
	EVIDENCE_PLATFORM_SIMULATION = 1,
	EVIDENCE_PLATFORM_HYPERVISOR = 2,
};

#define EVIDENCE_REPORT_MAGIC "CMREPORT"

enum evidence_flag {
	EVIDENCE_FLAG_DEBUG = 1u << 0,        /* the host can read the enclave's memory */
	EVIDENCE_FLAG_USER_MODE = 1u << 1,    /* SGX-compatible; otherwise it runs the LibOS */
	EVIDENCE_FLAG_TPM_EMULATED = 1u << 2, /* the TPM was software when the hypervisor started */
};

#define EVIDENCE_FLAGS_KNOWN 7u

struct evidence_report {
	uint8_t magic[8];
	uint16_t version; /* EVIDENCE_VERSION */
	uint16_t platform;
	uint32_t flags;
	uint8_t measurement[32]; /* as the image lists it for the platform */
	uint8_t signer[32];
	uint8_t image_digest[32];
	uint16_t product, svn;
	uint8_t reserved[12]; /* 0 */
	uint8_t report_data[64];
	uint8_t host_data[64]; /* what the host configured when it started the enclave */
};

_Static_assert(sizeof(struct evidence_report) == 256, "format");

/* The TPM quote vouches for the quoting key by its nonce: SHA-256 over this, without a NUL, and the
 * key. */
#define EVIDENCE_KEY_LABEL "casemate quoting key v1"

#endif
