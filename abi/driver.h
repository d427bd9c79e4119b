/* /dev/casemate: what the driver does for programs. Opened by root alone. */
#ifndef ABI_DRIVER_H
#define ABI_DRIVER_H

#include <linux/ioctl.h>
#include <stdint.h>

#define CASEMATE_DEVICE "/dev/casemate"
#define CASEMATE_FIRMWARE "casemate/hypervisor.bin" /* below /lib/firmware */
#define CASEMATE_IOC 0xce

struct casemate_status {
	uint32_t is_enabled;
	uint32_t cpu_count; /* processors demoted */
	uint32_t enclave_count;
	uint32_t flags;           /* HYPERVISOR_STATUS_... */
	uint64_t frames_free;     /* given away, unused */
	uint64_t frames_incoming; /* given away, not usable yet */
	uint64_t frames_enclave;
	uint64_t frames_hypervisor;
	uint64_t exits;       /* from the demoted Linux, all processors */
	uint64_t denied;      /* writes to registers and ports that were refused, all processors */
	uint64_t demotion_ns; /* how long the processors were held while they were demoted */
	uint32_t trust;       /* enum casemate_trust; 0 when it is off */
	uint32_t reserved;
};

/* Where the root key comes from, that all enclaves' keys are derived of. */
enum casemate_trust {
	CASEMATE_TRUST_TPM =
		1, /* the TPM's, for what was booted and launched: the next one's, too */
	CASEMATE_TRUST_NO_TPM, /* random, as the others: lost when the hypervisor is switched off */
	CASEMATE_TRUST_SPENT,  /* there was a launch since the machine was reset */
	CASEMATE_TRUST_FAILED, /* the TPM did not do as asked; the kernel's log has why */
};

/* Demote this Linux, on all processors or none.
 * ENODEV: no SVM with nested paging, or an unusual APIC. EPERM: firmware has switched SVM off.
 * EBUSY: on already, SVM is in use (KVM), or a processor is offline. ENOENT: no image below
 * /lib/firmware. ENOEXEC: that is none, or for another driver. EOPNOTSUPP: memory encryption is on.
 * ENOMEM. */
#define CASEMATE_IOC_ENABLE _IO(CASEMATE_IOC, 0)
/* Give the machine back. The argument: 0, or CASEMATE_DISABLE_FORCE to end enclaves first.
 * EBUSY: there are enclaves. ENODEV: it is off. */
#define CASEMATE_IOC_DISABLE _IO(CASEMATE_IOC, 1)
#define CASEMATE_DISABLE_FORCE 1
#define CASEMATE_IOC_STATUS _IOR(CASEMATE_IOC, 2, struct casemate_status)

/* What launches since the machine was reset have extended a PCR with: TCG_PCR_EVENT2 after
 * TCG_PCR_EVENT2, to go behind firmware's log. Each event's digest is the SHA-256 of the event, cut
 * to the bank's size or filled up with zeros. EMSGSIZE: @size is too small;
 * CASEMATE_EVENT_LOG_SIZE_MAX is not. */
struct casemate_event_log {
	uint64_t to;
	uint64_t size; /* bytes there; then, of the log */
};
#define CASEMATE_IOC_EVENT_LOG _IOWR(CASEMATE_IOC, 3, struct casemate_event_log)
#define CASEMATE_EVENT_LOG_SIZE_MAX (64 * 1024)
#define CASEMATE_LAUNCH_PCR 13
#define CASEMATE_DRIVER_VERSION 1 /* raised with each change of what a launch does */

/* An EV_EVENT_TAG (TCG PC Client Platform Firmware Profile, 10.4.2.1). Little-endian. */
#define CASEMATE_EVENT_LAUNCH 0x4d534301
#define CASEMATE_EVENT_CAP 0x4d534302
struct casemate_launch_event {
	uint32_t tag;
	uint32_t size;     /* of what follows */
	uint32_t driver;   /* CASEMATE_DRIVER_VERSION */
	uint32_t abi;      /* HYPERVISOR_ABI */
	uint32_t flags;    /* CASEMATE_LAUNCH_... */
	uint8_t image[32]; /* SHA-256 of the hypervisor's file */
};
#define CASEMATE_LAUNCH_IOMMU 1U /* there are IOMMUs for the hypervisor to contain devices with */

/* The root key was given, and is given no more. */
struct casemate_cap_event {
	uint32_t tag;
	uint32_t size; /* 0 */
};

/* An open file is at most one enclave; closing it ends the enclave. ENODEV: the hypervisor is off.
 */
/* The argument points to a struct sgx_secs. EBUSY: the file has an enclave. */
#define CASEMATE_IOC_CREATE _IOW(CASEMATE_IOC, 16, uint64_t)

struct casemate_add {
	uint64_t source; /* address of the pages here */
	uint64_t offset; /* in the enclave */
	uint64_t size;   /* bytes; all multiples of 4096 */
	uint64_t secinfo_flags;
};
#define CASEMATE_IOC_ADD _IOW(CASEMATE_IOC, 17, struct casemate_add)

/* The argument points to a struct sgx_sigstruct. EKEYREJECTED: it is not for what was added. */
#define CASEMATE_IOC_INIT _IOW(CASEMATE_IOC, 18, uint64_t)

struct casemate_enter {
	uint64_t tcs; /* offset */
	uint64_t words[4];
	uint32_t reason; /* HC_EXIT_CALL, HC_EXIT_CRASHED or HC_EXIT_MISSING */
	uint32_t reserved;
};
/* Blocks until the enclave calls, crashes or misses a page, whose offset is words[0] then: add it,
 * and enter again. EINTR: a signal is there; enter again and it goes on. */
#define CASEMATE_IOC_ENTER _IOWR(CASEMATE_IOC, 19, struct casemate_enter)

/* Whole pages of the enclave or of its window; bytes. Each goes from page to page, stops at the
 * first that fails, and those before stay done. */
struct casemate_range {
	uint64_t offset;
	uint64_t size;
};
/* Pages of zeros, which the enclave has to accept (abi/hypervisor.h, EC_ACCEPT). EEXIST. */
#define CASEMATE_IOC_AUGMENT _IOW(CASEMATE_IOC, 20, struct casemate_range)
/* Ask the enclave for pages; then take those that it has agreed to give. EPERM: it has not. */
#define CASEMATE_IOC_TRIM _IOW(CASEMATE_IOC, 21, struct casemate_range)
#define CASEMATE_IOC_REMOVE _IOW(CASEMATE_IOC, 22, struct casemate_range)

struct casemate_share {
	uint64_t source; /* address of the pages here: ordinary memory that may be written */
	uint64_t offset; /* in the window */
	uint64_t size;   /* bytes; all multiples of 4096 */
};
/* Memory of the caller's that the enclave reads and writes too, in its window. EEXIST: something is
 * there; EFAULT: it is not ordinary memory, or it is in a window. */
#define CASEMATE_IOC_SHARE _IOW(CASEMATE_IOC, 23, struct casemate_share)
/* Pages that are not shared are passed over. EINVAL: size 0. */
#define CASEMATE_IOC_UNSHARE _IOW(CASEMATE_IOC, 24, struct casemate_range)
/* Each processor notices what has changed: what EC_ACCEPT and EC_PROTECT wait for. */
#define CASEMATE_IOC_FLUSH _IO(CASEMATE_IOC, 25)

#endif
