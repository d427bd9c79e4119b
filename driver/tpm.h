/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few commands of a TPM 2.0 that a launch needs (TCG, Trusted Platform Module Library, part 3).
 * The TPM is outside of the processor, so its answers are foreign bytes: each is read within its
 * length, and a short or odd one is -EPROTO. An error that the TPM reports is -EIO.
 */
#ifndef DRIVER_TPM_H
#define DRIVER_TPM_H

#include <linux/tpm.h>
#include <linux/types.h>

#define TPM_KEY_SIZE 32

struct tpm_channel {
	struct tpm_chip *chip;
	struct tpm_buf buffer; /* a page: a command, then its answer in the same place */
	u32 at, end;           /* of the answer: what is read, and what there is */
};

/* The machine's first TPM. -ENODEV: there is none, or none of version 2; -ENOMEM. */
int tpm_channel_open(struct tpm_channel *channel);
/* Wipes what passed through it. */
void tpm_channel_close(struct tpm_channel *channel);

/* -EIO: there is no SHA-256 bank. */
int tpm_channel_pcr_read(struct tpm_channel *channel, u32 pcr, u8 ret_value[32]);
/* All banks, with @digest cut to the bank's size or filled up with zeros. */
int tpm_channel_pcr_extend(struct tpm_channel *channel, u32 pcr, const u8 digest[32]);

/* A key that this TPM makes of its owner hierarchy's seed for the present values of @pcrs (a bit
 * for each; SHA-256 bank) and @label. The same values give the same key, on this TPM alone; once
 * they have changed, it does not give that key to anyone. */
int tpm_channel_key(
	struct tpm_channel *channel, u32 pcrs, const char *label, u8 ret_key[TPM_KEY_SIZE]);
/* What was answered last may still stand in memory that the TPM shares with its driver: a long
 * answer goes over it. */
void tpm_channel_overwrite(struct tpm_channel *channel);

#endif
