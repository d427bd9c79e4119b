/* Intel SGX structures, as far as an image needs them on every platform: how an enclave is
 * measured and who signed that. All integers little-endian; the four big numbers of SIGSTRUCT too.
 *
 * Source: Intel SDM, volume 3D, chapter "Enclave Access Control and Data Structures". Its number
 * moves between editions (38 in 2017-2018, lower later), the sections inside it hardly do:
 * 7 SECS, 7.1 ATTRIBUTES, 8 TCS, 11 (later 12) SECINFO, 13 (later 14) SIGSTRUCT. The measurement is
 * in "SGX Instruction References" under ECREATE, EADD and EEXTEND. */
#ifndef ABI_SGX_H
#define ABI_SGX_H

#include <stddef.h>
#include <stdint.h>

#define SGX_PAGE_SIZE 4096
#define SGX_EEXTEND_SIZE 256 /* bytes that one EEXTEND measures */
#define SGX_KEY_SIZE 384     /* RSA-3072 */
#define SGX_KEY_EXPONENT 3

/* ATTRIBUTES (section 7.1) */
#define SGX_ATTRIBUTE_INIT 0x1UL
#define SGX_ATTRIBUTE_DEBUG 0x2UL
#define SGX_ATTRIBUTE_MODE64BIT 0x4UL
#define SGX_XFRM_LEGACY 0x3UL /* x87 and SSE: the least that is legal */
#define SGX_XFRM_AVX 0x4UL
#define SGX_XFRM_AVX512 0xe0UL

struct sgx_attributes {
	uint64_t flags;
	uint64_t xfrm; /* as XCR0 */
};
_Static_assert(sizeof(struct sgx_attributes) == 16, "ABI");

/* SECS: SGX Enclave Control Structure (section 7) */
struct sgx_secs {
	uint64_t size; /* bytes; a power of two */
	uint64_t base;
	uint32_t ssa_frame_size; /* pages */
	uint32_t misc_select;
	uint8_t reserved1[24];
	struct sgx_attributes attributes;
	uint8_t mrenclave[32];
	uint8_t reserved2[32];
	uint8_t mrsigner[32];
	uint8_t reserved3[32];
	uint8_t config_id[64];
	uint16_t isv_prod_id;
	uint16_t isv_svn;
	uint16_t config_svn;
	uint8_t reserved4[3834];
};
_Static_assert(sizeof(struct sgx_secs) == 4096, "ABI");
_Static_assert(offsetof(struct sgx_secs, mrsigner) == 128, "ABI");
_Static_assert(offsetof(struct sgx_secs, isv_prod_id) == 256, "ABI");

/* TCS: Thread Control Structure (section 8) */
struct sgx_tcs {
	uint64_t state;
	uint64_t flags;
	uint64_t ssa_offset;   /* OSSA */
	uint32_t ssa_current;  /* CSSA */
	uint32_t ssa_count;    /* NSSA */
	uint64_t entry_offset; /* OENTRY */
	uint64_t aep;
	uint64_t fs_base_offset;
	uint64_t gs_base_offset;
	uint32_t fs_limit;
	uint32_t gs_limit;
	uint8_t reserved[4024];
};
_Static_assert(sizeof(struct sgx_tcs) == 4096, "ABI");

/* SECINFO (section 11): what a page is. */
#define SGX_SECINFO_R 0x1UL
#define SGX_SECINFO_W 0x2UL
#define SGX_SECINFO_X 0x4UL
#define SGX_SECINFO_TYPE_SHIFT 8
#define SGX_SECINFO_SECS (0UL << SGX_SECINFO_TYPE_SHIFT)
#define SGX_SECINFO_TCS (1UL << SGX_SECINFO_TYPE_SHIFT)
#define SGX_SECINFO_REG (2UL << SGX_SECINFO_TYPE_SHIFT)

struct sgx_secinfo {
	uint64_t flags;
	uint8_t reserved[56];
};
_Static_assert(sizeof(struct sgx_secinfo) == 64, "ABI");

/* The records that ECREATE, EADD and EEXTEND add to the measurement: each one SHA-256 block.
 * EEXTEND's is followed by the 256 bytes themselves. */
struct sgx_measure_ecreate {
	char tag[8]; /* "ECREATE\0" */
	uint32_t ssa_frame_size;
	uint64_t size;
	uint8_t reserved[44];
} __attribute__((packed));
_Static_assert(sizeof(struct sgx_measure_ecreate) == 64, "ABI");

struct sgx_measure_eadd {
	char tag[8];     /* "EADD\0\0\0\0" */
	uint64_t offset; /* of the page from the enclave's base */
	uint64_t secinfo_flags;
	uint8_t reserved[40]; /* the next 40 bytes of SECINFO */
};
_Static_assert(sizeof(struct sgx_measure_eadd) == 64, "ABI");

struct sgx_measure_eextend {
	char tag[8]; /* "EEXTEND\0" */
	uint64_t offset;
	uint8_t reserved[48];
};
_Static_assert(sizeof(struct sgx_measure_eextend) == 64, "ABI");

/* SIGSTRUCT (section 13). The signature (RSASSA-PKCS1-v1_5, SHA-256) covers the bytes of the
 * two parts marked "signed", one after the other. */
#define SGX_SIGSTRUCT_HEADER "\x06\0\0\0\xe1\0\0\0\0\0\x01\0\0\0\0\0"
#define SGX_SIGSTRUCT_HEADER2 "\x01\x01\0\0\x60\0\0\0\x60\0\0\0\x01\0\0\0"

struct sgx_sigstruct_header { /* signed, 128 bytes */
	uint8_t header[16];
	uint32_t vendor; /* 0: not Intel's */
	uint32_t date;   /* yyyymmdd in BCD */
	uint8_t header2[16];
	uint32_t sw_defined;
	uint8_t reserved[84];
};
_Static_assert(sizeof(struct sgx_sigstruct_header) == 128, "ABI");

struct sgx_sigstruct_body { /* signed, 128 bytes */
	uint32_t misc_select;
	uint32_t misc_mask;
	uint8_t cet_attributes;
	uint8_t cet_attributes_mask;
	uint8_t reserved1[2];
	uint8_t isv_family_id[16];
	struct sgx_attributes attributes;
	struct sgx_attributes attributes_mask;
	uint8_t enclave_hash[32]; /* MRENCLAVE */
	uint8_t reserved2[16];
	uint8_t isv_ext_prod_id[16];
	uint16_t isv_prod_id;
	uint16_t isv_svn;
} __attribute__((packed));
_Static_assert(sizeof(struct sgx_sigstruct_body) == 128, "ABI");

struct sgx_sigstruct {
	struct sgx_sigstruct_header header;
	uint8_t modulus[SGX_KEY_SIZE];
	uint32_t exponent; /* 3 */
	uint8_t signature[SGX_KEY_SIZE];
	struct sgx_sigstruct_body body;
	uint8_t reserved[12];
	uint8_t q1[SGX_KEY_SIZE]; /* floor(signature^2 / modulus) */
	uint8_t q2[SGX_KEY_SIZE]; /* floor((signature^3 - q1 * signature * modulus) / modulus) */
} __attribute__((packed));
_Static_assert(sizeof(struct sgx_sigstruct) == 1808, "ABI");
_Static_assert(offsetof(struct sgx_sigstruct, body) == 900, "ABI");
_Static_assert(offsetof(struct sgx_sigstruct, body.enclave_hash) == 960, "ABI");
_Static_assert(offsetof(struct sgx_sigstruct, body.isv_prod_id) == 1024, "ABI");
_Static_assert(offsetof(struct sgx_sigstruct, q1) == 1040, "ABI");

#endif
