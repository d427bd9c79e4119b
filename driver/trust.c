// SPDX-License-Identifier: GPL-2.0
#include "driver/trust.h"

#include <asm/unaligned.h>
#include <crypto/sha2.h>
#include <linux/firmware.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "driver/tpm.h"

/* Firmware, its option ROMs, the boot loader, Secure Boot's keys, what GRUB measures of its
 * commands and files, what systemd's stub does of the command line; and the launch. */
#define KEY_PCRS                                                                                   \
	(BIT(0) | BIT(2) | BIT(4) | BIT(7) | BIT(8) | BIT(9) | BIT(12) | BIT(CASEMATE_LAUNCH_PCR))
#define EV_EVENT_TAG 6
#define LABEL "casemate root key"

static u8 event_log[CASEMATE_EVENT_LOG_SIZE_MAX];
static size_t event_log_size;
static u32 state;

#ifdef CASEMATE_TEST
static bool no_cap; /* so that it can be seen what the cap is good for */
module_param(no_cap, bool, 0600);
#else
static const bool no_cap;
#endif

u32 trust_state(void)
{
	return state;
}

long trust_event_log(struct casemate_event_log __user *argument)
{
	struct casemate_event_log log;

	if (copy_from_user(&log, argument, sizeof(log)))
		return -EFAULT;
	if (log.size < event_log_size)
		return -EMSGSIZE;
	if (copy_to_user((void __user *)log.to, event_log, event_log_size))
		return -EFAULT;
	log.size = event_log_size;
	return copy_to_user(argument, &log, sizeof(log)) ? -EFAULT : 0;
}

/* ---- The log: TCG_PCR_EVENT2 (PC Client Platform Firmware Profile, 10.2.2) ---- */

static void put(const void *from, size_t size)
{
	memcpy(event_log + event_log_size, from, size);
	event_log_size += size;
}

static void put_le32(u32 value)
{
	__le32 little = cpu_to_le32(value);

	put(&little, sizeof(little));
}

/* As tpm_channel_pcr_extend extends it. */
static void put_digest(const struct tpm_bank_info *bank, const u8 digest[32])
{
	static const u8 zeros[TPM2_MAX_DIGEST_SIZE - 32];
	__le16 algorithm = cpu_to_le16(bank->alg_id);

	put(&algorithm, sizeof(algorithm));
	put(digest, min_t(size_t, bank->digest_size, 32));
	if (bank->digest_size > 32)
		put(zeros, min_t(size_t, bank->digest_size - 32, sizeof(zeros)));
}

static size_t event_size_max(size_t size)
{
	return 16 + TPM2_MAX_PCR_BANKS * (2 + TPM2_MAX_DIGEST_SIZE) + size;
}

static void put_event(const struct tpm_chip *chip, const u8 digest[32], const void *event, u32 size)
{
	u32 i, count = min_t(u32, chip->nr_allocated_banks, TPM2_MAX_PCR_BANKS);

	put_le32(CASEMATE_LAUNCH_PCR);
	put_le32(EV_EVENT_TAG);
	put_le32(count);
	for (i = 0; i < count; i++)
		put_digest(&chip->allocated_banks[i], digest);
	put_le32(size);
	put(event, size);
}

static int measure(struct tpm_channel *channel, const void *event, u32 size)
{
	u8 digest[32];
	int r;

	if (event_size_max(size) > sizeof(event_log) - event_log_size)
		return -ENOSPC;
	sha256(event, size, digest);
	r = tpm_channel_pcr_extend(channel, CASEMATE_LAUNCH_PCR, digest);
	if (r == 0)
		put_event(channel->chip, digest, event, size);
	return r;
}

/* ---- A launch ---- */

static int measure_launch(struct tpm_channel *channel, const struct hypervisor_boot *boot,
	const struct firmware *file)
{
	struct casemate_launch_event event = {
		.tag = cpu_to_le32(CASEMATE_EVENT_LAUNCH),
		.size = cpu_to_le32(sizeof(event) - 8),
		.driver = cpu_to_le32(CASEMATE_DRIVER_VERSION),
		.abi = cpu_to_le32(HYPERVISOR_ABI),
		.flags = cpu_to_le32(boot->iommu_count ? CASEMATE_LAUNCH_IOMMU : 0),
	};

	sha256(file->data, file->size, event.image);
	return measure(channel, &event, sizeof(event));
}

static int cap(struct tpm_channel *channel)
{
	struct casemate_cap_event event = {.tag = cpu_to_le32(CASEMATE_EVENT_CAP)};

	return no_cap ? 0 : measure(channel, &event, sizeof(event));
}

/* Capped whatever happened: the key may have been made, and not arrived. */
static int establish(
	struct tpm_channel *channel, struct hypervisor_boot *boot, const struct firmware *file)
{
	u8 before[32];
	bool is_first;
	int r = tpm_channel_pcr_read(channel, CASEMATE_LAUNCH_PCR, before), capped;

	if (r < 0)
		return r;
	is_first = !memchr_inv(before, 0, sizeof(before));
	r = measure_launch(channel, boot, file);
	if (r == 0 && is_first)
		r = tpm_channel_key(channel, KEY_PCRS, LABEL, boot->root_key);
	capped = cap(channel);
	tpm_channel_overwrite(channel);
	if (r == 0)
		r = capped;
	return r < 0 ? r : is_first ? CASEMATE_TRUST_TPM : CASEMATE_TRUST_SPENT;
}

void trust_establish(struct hypervisor_boot *boot, const struct firmware *file)
{
	struct tpm_channel channel;
	int r = tpm_channel_open(&channel);

	state = CASEMATE_TRUST_NO_TPM;
	if (r < 0)
		return;
	r = establish(&channel, boot, file);
	tpm_channel_close(&channel);
	state = r < 0 ? CASEMATE_TRUST_FAILED : r;
	boot->has_root_key = state == CASEMATE_TRUST_TPM;
	if (!boot->has_root_key)
		memzero_explicit(boot->root_key, sizeof(boot->root_key));
	if (r < 0)
		pr_warn("casemate: no root key from the TPM (%d)\n", r);
}
