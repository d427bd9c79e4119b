/* Between the driver, the demoted Linux and the hypervisor: the image's first bytes, what the
 * driver hands over before demotion, and the hypercalls (hypervisor/SPEC.md). All integers
 * little-endian.
 *
 * A hypercall is VMMCALL at CPL 0: rax = its number, rdi, rsi and rdx = its arguments; rax returns
 * 0 or more, or a negative errno. Addresses are physical, and name memory that Linux owns. */
#ifndef ABI_HYPERVISOR_H
#define ABI_HYPERVISOR_H

#include <stddef.h>
#include <stdint.h>

#define HYPERVISOR_MAGIC 0x6574616d65736163UL /* "casemate" */
#define HYPERVISOR_ABI 1
#define HYPERVISOR_CPU_COUNT_MAX 256
#define HYPERVISOR_RAM_COUNT_MAX 64
#define HYPERVISOR_FRAME_SIZE 4096UL

/* The first bytes of the image. Offsets are from its start and multiples of a frame. */
struct hypervisor_image {
	uint64_t magic;
	uint32_t abi;
	uint32_t text_end;   /* [0, text_end) is executed */
	uint32_t rodata_end; /* [text_end, rodata_end) is read */
	uint32_t file_end;   /* the file's size; up to here and on to image_end is written */
	uint32_t image_end;
	uint32_t cpu_size; /* bytes that follow for each processor */
	uint32_t init;     /* hypervisor_init_fn */
	uint32_t enter;    /* hypervisor_enter_fn */
};

/* Physically contiguous frames for the permission maps of ports and MSRs, and the IOMMUs' commands.
 */
#define HYPERVISOR_MAP_FRAMES 32

struct hypervisor_ram {
	uint64_t first; /* frame number */
	uint64_t count;
};

/* Ports of ACPI that end a session with this machine; 0: there is none. */
struct hypervisor_ports {
	uint16_t sleep[2];    /* PM1a_CNT and PM1b_CNT */
	uint8_t sleep_off[2]; /* the SLP_TYP that switches off */
	uint16_t reset;       /* RESET_REG, if it is a port */
	uint8_t reset_value;
	uint8_t reserved[7]; /* must be 0 */
};

/* An IOMMU (AMD I/O Virtualization Technology specification, 48882). */
#define HYPERVISOR_IOMMU_COUNT_MAX 16
#define HYPERVISOR_IOMMU_FRAMES 4 /* of registers */
#define HYPERVISOR_DEVICE_TABLE_FRAMES 512

struct hypervisor_iommu {
	uint64_t frame;   /* the first of its registers' */
	uint64_t control; /* what firmware wants set in its control register */
};

/* What the driver hands to init. The pointers are Linux's and are not kept. */
struct hypervisor_boot {
	uint64_t region;      /* address of the image, then of each processor's memory, then of the
				 owner array; mapped by Linux there, and later by the hypervisor */
	uint64_t direct_map;  /* where Linux maps physical address 0 */
	uint64_t frame_count; /* the owner array tells of the frames below this number */
	const uint64_t *region_frames;
	uint64_t region_count;
	const uint64_t *pool_frames; /* for page tables; zeroed */
	uint64_t pool_count;
	uint64_t map_frame; /* the first of HYPERVISOR_MAP_FRAMES frames; zeroed */
	uint32_t cpu_count;
	uint32_t ram_count;
	struct hypervisor_ram ram[HYPERVISOR_RAM_COUNT_MAX];
	uint64_t device_table; /* first of HYPERVISOR_DEVICE_TABLE_FRAMES; if there are IOMMUs */
	uint32_t iommu_count;  /* 0: DMA is not contained */
	uint32_t reserved;
	struct hypervisor_iommu iommus[HYPERVISOR_IOMMU_COUNT_MAX];
	struct hypervisor_ports ports;
	uint8_t root_key[32]; /* if has_root_key; else the hypervisor draws one */
	uint32_t has_root_key;
	uint32_t reserved2;
};

#define HYPERVISOR_OWNER_SIZE 8 /* bytes of the owner array for each frame */

/* Once, on one processor, before any enters: checks and builds all tables. 0 or negative errno. */
typedef int hypervisor_init_fn(const struct hypervisor_boot *boot);
/* On each processor, interrupts off: goes below Linux, and returns to a demoted one. @cpu counts
 * from 0. Returns 0; or a negative errno, and nothing has changed. */
typedef int hypervisor_enter_fn(uint32_t cpu);

/* Answers of the negative kind beside errno's: none. */
#define HC_LEAVE                                                                                   \
	1          /* this processor's Linux is alone again; wipes all secrets the first time.     \
		      -EBUSY: there are enclaves. */
#define HC_FLUSH 2 /* notice, on this processor, which frames Linux has lost */
#define HC_DONATE                                                                                  \
	3 /* rdi: address of a frame full of frame numbers, rsi: how many (<= 512):                \
	     Linux loses them; they can be used once each processor did HC_FLUSH. Returns          \
	     how many: it stops at the first that is not Linux's ordinary memory.                  \
	     -EAGAIN: before HC_START */
#define HC_RECLAIM                                                                                 \
	4           /* rdi: as above, rsi: how many at most; returns how many unused frames Linux  \
		       has now, and their numbers there */
#define HC_STATUS 5 /* rdi: address of a struct hypervisor_status within one frame */
#define HC_WIPE                                                                                    \
	6 /* end all enclaves and forget all keys, for good; any processor, any time.              \
	     From then on all HC_ENCLAVE_... are -ESHUTDOWN */

#define HC_START                                                                                   \
	7 /* all processors are demoted: from now on devices reach Linux's memory alone. Before it \
	     nothing is donated. -EIO: an IOMMU does not answer */

#define HC_ENCLAVE_CREATE                                                                          \
	8 /* rdi: address of a struct sgx_secs. Measured as ECREATE. Returns the                   \
	     enclave's number, from 1. -EINVAL: size, attributes; -ENOMEM;                         \
	     -ENOSPC: HYPERVISOR_ENCLAVE_COUNT_MAX */
#define HC_ENCLAVE_ADD                                                                             \
	9 /* rdi: address of a struct hc_enclave_add within one frame. Copied, then                \
	     measured as EADD and EEXTEND. -EINVAL, -EEXIST, -ENOMEM: donate more */
#define HC_ENCLAVE_INIT                                                                            \
	10 /* rdi: enclave, rsi: address of a frame that begins with its SIGSTRUCT.                \
	      -EKEYREJECTED: forged or for another enclave */
#define HC_ENCLAVE_DESTROY 11 /* rdi: enclave. Its memory is wiped. -EBUSY: a thread is inside */
#define HC_ENCLAVE_ENTER                                                                           \
	12             /* rdi: enclave, rsi: offset of a TCS, rdx, r8, r9, r10: words for it.      \
			  Starts the thread, or goes on with it where it was. Returns HC_EXIT_...; \
			  rdx, r8, r9, r10 then hold the enclave's words, or as before.            \
			  -EBUSY: the thread is inside; -ENOENT; -EINVAL: not initialised;         \
			  -EPIPE: the thread has crashed */
#define HC_EXIT_CALL 0 /* the enclave has something to say */
#define HC_EXIT_INTERRUPTED 1 /* enter again, when there is time */
#define HC_EXIT_CRASHED 2     /* for ever */
#define HC_EXIT_MISSING                                                                            \
	3 /* it touched a page that is not there, or not accepted yet: rdx holds its offset.       \
	     Enter again, and it tries again */

/* Pages of an enclave that is READY, with its consent: rdi: enclave, rsi: offset of a page.
 * -EINVAL: no such enclave, or it is not initialised, or no such offset; -ENOENT: there is no page.
 */
#define HC_ENCLAVE_AUGMENT                                                                         \
	13 /* a page of zeros, read and written once it is accepted. -EEXIST, -ENOMEM */
#define HC_ENCLAVE_TRIM 14 /* nobody reaches the page any more. -EBUSY: that is so already */
#define HC_ENCLAVE_REMOVE                                                                          \
	15 /* its frame is wiped and unused. -EPERM: the enclave has it, or has not agreed */

/* The enclave's window of Linux's memory: rdi: enclave, rsi: page number there. -EINVAL: no such
 * enclave or page. */
#define HC_WINDOW_MAP                                                                              \
	16 /* rdx: frame number. -EEXIST: something is there; -EFAULT: not Linux's                 \
	      memory, or in a window; -ENOMEM */
#define HC_WINDOW_UNMAP                                                                            \
	17 /* the enclave can write to the frame until each processor did HC_FLUSH. -ENOENT */
#define HYPERVISOR_WINDOW HYPERVISOR_ENCLAVE_SIZE_MAX /* its nested address */
#define HYPERVISOR_WINDOW_COUNT_MAX (1UL << 18)       /* pages: 1 GiB */

#define HYPERVISOR_ENCLAVE_COUNT_MAX 14
#define HYPERVISOR_THREAD_COUNT_MAX 32 /* of one enclave */
#define HYPERVISOR_ENCLAVE_SIZE_MAX (1UL << 36)

struct hc_enclave_add {
	uint64_t enclave;
	uint64_t offset;        /* from the enclave's base */
	uint64_t secinfo_flags; /* SGX_SECINFO_... : type REG with R and perhaps W or X; or TCS */
	uint64_t source;        /* address of a frame of Linux's memory */
};
_Static_assert(sizeof(struct hc_enclave_add) == 32, "ABI");

/* A TCS page: the start of struct sgx_tcs, of which entry_offset counts; and what a thread at CPL 0
 * needs besides. It starts in 64-bit mode with interrupts off, no IDT, rip = base + entry_offset,
 * these two, rdi, rsi, rdx and rcx = the host's words, all else 0. Nested addresses are offsets. */
struct hypervisor_tcs {
	uint8_t sgx1[32];
	uint64_t entry_offset;
	uint8_t sgx2[32];
	uint64_t page_table;                          /* offset of its top page table: CR3 */
	uint64_t stack;                               /* rsp; 0 is fine */
	uint64_t cpuid_table;                         /* offset; 0: CPUID is the processor's */
	uint8_t reserved[HYPERVISOR_FRAME_SIZE - 96]; /* must be 0 */
};
_Static_assert(sizeof(struct hypervisor_tcs) == HYPERVISOR_FRAME_SIZE, "ABI");

/* What CPUID answers in a thread whose TCS names such a page: the first entry that fits, or zeros.
 */
#define ENCLAVE_CPUID_COUNT (HYPERVISOR_FRAME_SIZE / 24)
#define ENCLAVE_CPUID_ANY UINT32_MAX /* @subleaf: whatever ECX is */

struct enclave_cpuid {
	uint32_t leaf, subleaf;
	uint32_t eax, ebx, ecx, edx;
};
_Static_assert(sizeof(struct enclave_cpuid) == 24, "ABI");

/* What an enclave asks for: VMMCALL at CPL 0 inside, rax = number; rax returns 0 or a negative
 * errno. */
#define EC_EXIT 1   /* rdi, rsi, rdx, rcx: words for the host; returns its words there */
#define EC_REPORT 2 /* rdi: offset of a struct enclave_report, rsi: of a struct enclave_target */
#define EC_KEY 3    /* rdi: offset of a struct enclave_key_request */
#define EC_ACCEPT                                                                                  \
	4 /* rdi: offset of a page, rsi: ENCLAVE_ACCEPT_... -ENOENT: no page;                      \
	     -EINVAL: there is nothing of that kind to accept; -EAGAIN: a processor has not        \
	     done HC_FLUSH since */
#define EC_PROTECT                                                                                 \
	5 /* rdi: offset of a page, rsi: SGX_SECINFO_R and perhaps one of W and X: what it         \
	     allows from now on. -ENOENT, -EINVAL; -EAGAIN: it is so, but a processor has not      \
	     done HC_FLUSH since */

enum enclave_accept {
	ENCLAVE_ACCEPT_NEW = 1,  /* HC_ENCLAVE_AUGMENT: a page of zeros */
	ENCLAVE_ACCEPT_TRIM = 2, /* HC_ENCLAVE_TRIM: it may be taken away */
};

/* The error code of the #PF that an enclave's handler gets for a page that waits for EC_ACCEPT,
 * with the page's offset in CR2. No #PF of its own page tables has it. */
#define ENCLAVE_FAULT_MISSING 0x8000

/* Which enclave is to believe a report. */
struct enclave_target {
	uint8_t mrenclave[32];
	uint8_t data[64]; /* put into the report */
};

struct enclave_report {
	uint8_t mrenclave[32];
	uint8_t mrsigner[32];
	uint64_t attributes[2];
	uint16_t isv_prod_id;
	uint16_t isv_svn;
	uint32_t reserved;
	uint8_t data[64];
	uint8_t mac[32]; /* HMAC-SHA-256 of all before it, under the target's report key */
};
_Static_assert(sizeof(struct enclave_report) == 184, "ABI");
_Static_assert(offsetof(struct enclave_report, mac) == 152, "ABI");

enum enclave_key_name {
	ENCLAVE_KEY_REPORT = 1,       /* checks reports made for this enclave */
	ENCLAVE_KEY_SEAL_ENCLAVE = 2, /* for this measurement alone */
	ENCLAVE_KEY_SEAL_SIGNER =
		3, /* for this signer's product, at svn: not above the enclave's */
};

struct enclave_key_request {
	uint32_t name;
	uint16_t svn; /* SEAL_SIGNER; else 0 */
	uint16_t reserved;
	uint8_t key_id[32]; /* the caller's choice */
	uint8_t key[32];    /* the answer */
};
_Static_assert(sizeof(struct enclave_key_request) == 72, "ABI");

#define HC_LIST_COUNT_MAX (HYPERVISOR_FRAME_SIZE / 8)

/* Why Linux left for the hypervisor. */
enum hypervisor_exit {
	HYPERVISOR_EXIT_CALL,
	HYPERVISOR_EXIT_NESTED, /* a translation that was not there */
	HYPERVISOR_EXIT_APIC,   /* a write to its local APIC's page */
	HYPERVISOR_EXIT_CPUID,
	HYPERVISOR_EXIT_MSR,
	HYPERVISOR_EXIT_PORT,
	HYPERVISOR_EXIT_OTHER,
	HYPERVISOR_EXIT_COUNT
};

struct hypervisor_status {
	uint32_t abi;
	uint32_t cpu_count; /* processors demoted now */
	uint32_t enclave_count;
	uint32_t flags; /* HYPERVISOR_STATUS_... */
	uint64_t frames_free;
	uint64_t frames_incoming; /* donated, but not yet noticed by each processor */
	uint64_t frames_enclave;
	uint64_t exits[HYPERVISOR_EXIT_COUNT]; /* from Linux, since it was demoted, on this
						  processor */
	uint64_t denied; /* MSR, port and APIC writes refused, on this processor */
};

#define HYPERVISOR_STATUS_WIPED 1U
#define HYPERVISOR_STATUS_IOMMU 2U    /* devices are kept from what is not Linux's */
#define HYPERVISOR_STATUS_ROOT_KEY 4U /* the driver gave the root key; else it is random */

#endif
