// SPDX-License-Identifier: GPL-2.0
#include "driver/tpm.h"

#include <asm/unaligned.h>
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/string.h>

#define CC_HMAC 0x155
#define CC_START_AUTH_SESSION 0x176
#define CC_POLICY_PCR 0x17f
#define CC_POLICY_GET_DIGEST 0x189

#define RH_OWNER 0x40000001
#define RH_NULL 0x40000007
#define SE_POLICY 1
#define ALG_HMAC 5

/* What is not in it: userWithAuth. Who uses the key has to satisfy its policy. */
#define OBJECT_FIXED_TPM BIT(1)
#define OBJECT_FIXED_PARENT BIT(4)
#define OBJECT_SENSITIVE_DATA_ORIGIN BIT(5)
#define OBJECT_ADMIN_WITH_POLICY BIT(7)
#define OBJECT_NO_DA BIT(10)
#define OBJECT_SIGN BIT(18)

#define DIGEST_SIZE 32
#define NONCE_SIZE 16
#define CAPABILITY_COUNT 64

static_assert(TPM_KEY_SIZE == DIGEST_SIZE);

int tpm_channel_open(struct tpm_channel *channel)
{
	channel->chip = tpm_default_chip();
	if (!channel->chip)
		return -ENODEV;
	if (tpm_is_tpm2(channel->chip) != 1) {
		put_device(&channel->chip->dev);
		return -ENODEV;
	}
	if (tpm_buf_init(&channel->buffer, TPM2_ST_NO_SESSIONS, 0) < 0) {
		put_device(&channel->chip->dev);
		return -ENOMEM;
	}
	return 0;
}

void tpm_channel_close(struct tpm_channel *channel)
{
	memzero_explicit(channel->buffer.data, PAGE_SIZE);
	tpm_buf_destroy(&channel->buffer);
	put_device(&channel->chip->dev);
}

/* ---- An answer ---- */

/* NULL: it is shorter than that. */
static const u8 *take(struct tpm_channel *channel, u32 size)
{
	const u8 *from = channel->buffer.data + channel->at;

	if (size > channel->end - channel->at)
		return NULL;
	channel->at += size;
	return from;
}

static int take_u32(struct tpm_channel *channel, u32 *ret_value)
{
	const u8 *from = take(channel, 4);

	if (!from)
		return -EPROTO;
	*ret_value = get_unaligned_be32(from);
	return 0;
}

/* A TPM2B_DIGEST of SHA-256. */
static int take_digest(struct tpm_channel *channel, u8 ret_digest[DIGEST_SIZE])
{
	const u8 *size = take(channel, 2);
	const u8 *digest = take(channel, DIGEST_SIZE);

	if (!size || !digest || get_unaligned_be16(size) != DIGEST_SIZE)
		return -EPROTO;
	memcpy(ret_digest, digest, DIGEST_SIZE);
	return 0;
}

/* ---- A command ---- */

static int transmit(struct tpm_channel *channel)
{
	int r = tpm_send(channel->chip, channel->buffer.data, tpm_buf_length(&channel->buffer));

	if (r > 0)
		pr_warn("casemate: the TPM answers with error %#x\n", r);
	if (r != 0)
		return r < 0 ? r : -EIO;
	channel->at = TPM_HEADER_SIZE;
	channel->end = tpm_buf_length(&channel->buffer);
	return channel->end < TPM_HEADER_SIZE || channel->end > PAGE_SIZE ? -EPROTO : 0;
}

static void put_session(struct tpm_buf *buffer, u32 session)
{
	tpm_buf_append_u32(buffer, 9); /* bytes that follow */
	tpm_buf_append_u32(buffer, session);
	tpm_buf_append_u16(buffer, 0); /* no nonce */
	tpm_buf_append_u8(buffer, 0);  /* the session ends with the command */
	tpm_buf_append_u16(buffer, 0); /* no password, no HMAC */
}

static int flush(struct tpm_channel *channel, u32 handle)
{
	tpm_buf_reset(&channel->buffer, TPM2_ST_NO_SESSIONS, TPM2_CC_FLUSH_CONTEXT);
	tpm_buf_append_u32(&channel->buffer, handle);
	return transmit(channel);
}

static int start_session(struct tpm_channel *channel, u32 *ret_session)
{
	struct tpm_buf *buffer = &channel->buffer;
	static const u8 nonce[NONCE_SIZE]; /* no HMAC is made with it */
	int r;

	tpm_buf_reset(buffer, TPM2_ST_NO_SESSIONS, CC_START_AUTH_SESSION);
	tpm_buf_append_u32(buffer, RH_NULL); /* no salt */
	tpm_buf_append_u32(buffer, RH_NULL); /* bound to nothing */
	tpm_buf_append_u16(buffer, NONCE_SIZE);
	tpm_buf_append(buffer, nonce, NONCE_SIZE);
	tpm_buf_append_u16(buffer, 0);
	tpm_buf_append_u8(buffer, SE_POLICY);
	tpm_buf_append_u16(buffer, TPM_ALG_NULL);
	tpm_buf_append_u16(buffer, TPM_ALG_SHA256);
	r = transmit(channel);
	return r < 0 ? r : take_u32(channel, ret_session);
}

/* The session speaks for the values that @pcrs have now. */
static int policy_pcr(struct tpm_channel *channel, u32 session, u32 pcrs)
{
	struct tpm_buf *buffer = &channel->buffer;

	tpm_buf_reset(buffer, TPM2_ST_NO_SESSIONS, CC_POLICY_PCR);
	tpm_buf_append_u32(buffer, session);
	tpm_buf_append_u16(buffer, 0); /* whatever they are */
	tpm_buf_append_u32(buffer, 1); /* one bank */
	tpm_buf_append_u16(buffer, TPM_ALG_SHA256);
	tpm_buf_append_u8(buffer, TPM2_PCR_SELECT_MIN);
	tpm_buf_append_u8(buffer, pcrs);
	tpm_buf_append_u8(buffer, pcrs >> 8);
	tpm_buf_append_u8(buffer, pcrs >> 16);
	return transmit(channel);
}

static int policy_digest(struct tpm_channel *channel, u32 session, u8 ret_digest[DIGEST_SIZE])
{
	int r;

	tpm_buf_reset(&channel->buffer, TPM2_ST_NO_SESSIONS, CC_POLICY_GET_DIGEST);
	tpm_buf_append_u32(&channel->buffer, session);
	r = transmit(channel);
	return r < 0 ? r : take_digest(channel, ret_digest);
}

/* An HMAC key that the seed and this template make, @policy among it. */
static void put_template(struct tpm_buf *buffer, const u8 policy[DIGEST_SIZE])
{
	tpm_buf_append_u16(buffer, 16 + DIGEST_SIZE); /* bytes that follow */
	tpm_buf_append_u16(buffer, TPM_ALG_KEYEDHASH);
	tpm_buf_append_u16(buffer, TPM_ALG_SHA256);
	tpm_buf_append_u32(buffer, OBJECT_FIXED_TPM | OBJECT_FIXED_PARENT |
					   OBJECT_SENSITIVE_DATA_ORIGIN | OBJECT_ADMIN_WITH_POLICY |
					   OBJECT_NO_DA | OBJECT_SIGN);
	tpm_buf_append_u16(buffer, DIGEST_SIZE);
	tpm_buf_append(buffer, policy, DIGEST_SIZE);
	tpm_buf_append_u16(buffer, ALG_HMAC);
	tpm_buf_append_u16(buffer, TPM_ALG_SHA256);
	tpm_buf_append_u16(buffer, 0); /* unique */
}

static int create_primary(
	struct tpm_channel *channel, const u8 policy[DIGEST_SIZE], u32 *ret_object)
{
	struct tpm_buf *buffer = &channel->buffer;
	int r;

	tpm_buf_reset(buffer, TPM2_ST_SESSIONS, TPM2_CC_CREATE_PRIMARY);
	tpm_buf_append_u32(buffer, RH_OWNER);
	put_session(buffer, TPM2_RS_PW);
	tpm_buf_append_u16(buffer, 4); /* of its sensitive part: neither password nor data */
	tpm_buf_append_u32(buffer, 0);
	put_template(buffer, policy);
	tpm_buf_append_u16(buffer, 0); /* no data from outside */
	tpm_buf_append_u32(buffer, 0); /* no PCRs to be told of */
	r = transmit(channel);
	return r < 0 ? r : take_u32(channel, ret_object);
}

/* Ends @session if it succeeds. */
static int hmac(struct tpm_channel *channel, u32 object, u32 session, const char *label,
	u8 ret_mac[DIGEST_SIZE])
{
	struct tpm_buf *buffer = &channel->buffer;
	u32 size;
	int r;

	tpm_buf_reset(buffer, TPM2_ST_SESSIONS, CC_HMAC);
	tpm_buf_append_u32(buffer, object);
	put_session(buffer, session);
	tpm_buf_append_u16(buffer, strlen(label));
	tpm_buf_append(buffer, label, strlen(label));
	tpm_buf_append_u16(buffer, TPM_ALG_SHA256);
	r = transmit(channel);
	if (r == 0)
		r = take_u32(channel, &size); /* of the parameters: the digest alone */
	return r < 0 ? r : take_digest(channel, ret_mac);
}

/* ---- What is done with them ---- */

int tpm_channel_pcr_read(struct tpm_channel *channel, u32 pcr, u8 ret_value[32])
{
	struct tpm_digest digest = {.alg_id = TPM_ALG_SHA256};
	int r = tpm_pcr_read(channel->chip, pcr, &digest);

	if (r != 0)
		return r < 0 ? r : -EIO;
	memcpy(ret_value, digest.digest, DIGEST_SIZE);
	return 0;
}

int tpm_channel_pcr_extend(struct tpm_channel *channel, u32 pcr, const u8 digest[32])
{
	struct tpm_chip *chip = channel->chip;
	struct tpm_digest digests[TPM2_MAX_PCR_BANKS] = {};
	u32 i;
	int r;

	for (i = 0; i < chip->nr_allocated_banks && i < TPM2_MAX_PCR_BANKS; i++) {
		digests[i].alg_id = chip->allocated_banks[i].alg_id;
		memcpy(digests[i].digest, digest, DIGEST_SIZE); /* the chip's size is sent */
	}
	r = tpm_pcr_extend(chip, pcr, digests);
	return r > 0 ? -EIO : r;
}

static int key_of_object(
	struct tpm_channel *channel, u32 session, const char *label, u8 ret_key[TPM_KEY_SIZE])
{
	u8 policy[DIGEST_SIZE];
	u32 object;
	int r = policy_digest(channel, session, policy);

	if (r == 0)
		r = create_primary(channel, policy, &object);
	if (r < 0)
		return r;
	r = hmac(channel, object, session, label, ret_key);
	flush(channel, object);
	return r;
}

int tpm_channel_key(
	struct tpm_channel *channel, u32 pcrs, const char *label, u8 ret_key[TPM_KEY_SIZE])
{
	u32 session;
	int r = start_session(channel, &session);

	if (r < 0)
		return r;
	r = policy_pcr(channel, session, pcrs);
	if (r == 0)
		r = key_of_object(channel, session, label, ret_key);
	if (r < 0)
		flush(channel, session);
	return r;
}

/* The list of its commands is the longest that any TPM has to give. */
void tpm_channel_overwrite(struct tpm_channel *channel)
{
	tpm_buf_reset(&channel->buffer, TPM2_ST_NO_SESSIONS, TPM2_CC_GET_CAPABILITY);
	tpm_buf_append_u32(&channel->buffer, TPM2_CAP_COMMANDS);
	tpm_buf_append_u32(&channel->buffer, TPM2_CC_FIRST);
	tpm_buf_append_u32(&channel->buffer, CAPABILITY_COUNT);
	transmit(channel);
}
