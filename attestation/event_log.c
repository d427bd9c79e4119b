#include "attestation/event_log.h"

#include <errno.h>
#include <string.h>

#include "attestation/signature.h"
#include "attestation/tpm_quote.h"

#define EV_NO_ACTION 3
#define SHA1_SIZE 20
#define FIRST_DYNAMIC_PCR 17 /* to 22: all ones until there is a dynamic launch */
#define LAST_DYNAMIC_PCR 22

static const char spec_id[16] = "Spec ID Event03";
static const char startup_locality[16] = "StartupLocality";

struct bank {
	uint16_t hash, size;
};

struct replay {
	struct reader reader;
	struct bank banks[EVENT_LOG_BANKS_MAX];
	uint32_t bank_count;
	uint16_t hash;
	const char *hash_name;
	size_t hash_size;
	struct event_log_replay *state;
	struct attest_result *result;
};

static int malformed(struct replay *replay, const char *what)
{
	return verdict_find(replay->result, ATTEST_EVENT_LOG_MALFORMED, "event log, event %u: %s",
		replay->state->event_count, what);
}

/* The first event has the form of TPM 1.2, and tells the sizes of what follows. */
static int read_header(struct replay *replay)
{
	struct reader *reader = &replay->reader, event;
	uint32_t type;
	struct span name;

	reader_skip(reader, 4);
	type = reader_le32(reader);
	reader_skip(reader, SHA1_SIZE);
	event = reader_of(reader_take(reader, reader_le32(reader)));
	name = reader_take(&event, sizeof(spec_id));
	if (event.failed || type != EV_NO_ACTION || memcmp(name.data, spec_id, sizeof(spec_id)))
		return malformed(replay, "does not say that it is a crypto-agile log");
	reader_skip(&event, 8);
	replay->bank_count = reader_le32(&event);
	if (event.failed || replay->bank_count > EVENT_LOG_BANKS_MAX)
		return malformed(replay, "too many banks");
	for (uint32_t i = 0; i < replay->bank_count; i++) {
		replay->banks[i].hash = reader_le16(&event);
		replay->banks[i].size = reader_le16(&event);
		if (replay->banks[i].hash == replay->hash &&
			replay->banks[i].size != replay->hash_size)
			return malformed(replay, "digests of the wrong size");
	}
	return event.failed ? malformed(replay, "ends within its header") : 0;
}

static size_t digest_size(const struct replay *replay, uint16_t hash)
{
	for (uint32_t i = 0; i < replay->bank_count; i++)
		if (replay->banks[i].hash == hash)
			return replay->banks[i].size;
	return 0;
}

/* PCR 0 does not begin with 0 if the TPM was started from another locality. */
static void note_startup(struct replay *replay, struct span event)
{
	struct attest_value *pcr = &replay->state->pcrs[0];

	if (event.size == sizeof(startup_locality) + 1 &&
		!memcmp(event.data, startup_locality, sizeof(startup_locality)) &&
		!(replay->state->touched & 1))
		pcr->bytes[replay->hash_size - 1] = event.data[sizeof(startup_locality)];
}

static int extend(struct replay *replay, uint32_t index, struct span digest)
{
	struct attest_value *pcr = &replay->state->pcrs[index];
	const struct span parts[] = {{pcr->bytes, replay->hash_size}, digest};
	uint8_t out[EVP_MAX_MD_SIZE];

	if (digest.size != replay->hash_size)
		return malformed(replay, "has no digest of the bank that was quoted");
	if (signature_digest(replay->hash_name, parts, 2, out) != replay->hash_size)
		return verdict_find(replay->result, ATTEST_INTERNAL_ERROR, "a digest failed");
	memcpy(pcr->bytes, out, replay->hash_size);
	replay->state->touched |= 1u << index;
	return 0;
}

static int read_event(struct replay *replay)
{
	struct reader *reader = &replay->reader;
	uint32_t index = reader_le32(reader), type = reader_le32(reader);
	uint32_t count = reader_le32(reader);
	struct span wanted = {0}, event;

	if (reader->failed || count > EVENT_LOG_BANKS_MAX)
		return malformed(replay, "too many digests");
	for (uint32_t i = 0; i < count; i++) {
		uint16_t hash = reader_le16(reader);
		struct span digest;

		if (!digest_size(replay, hash))
			return malformed(
				replay, "a digest of a bank that the header does not name");
		digest = reader_take(reader, digest_size(replay, hash));
		if (hash == replay->hash)
			wanted = digest;
	}
	event = reader_take(reader, reader_le32(reader));
	if (reader->failed)
		return malformed(replay, "ends within it");
	replay->state->event_count++;
	if (type == EV_NO_ACTION) {
		note_startup(replay, event);
		return 0;
	}
	if (index >= ATTEST_PCR_COUNT)
		return malformed(replay, "of a PCR above 23");
	return extend(replay, index, wanted);
}

/* A buffer that is larger than the log is filled up with ones, or zeros. */
static bool is_end(const struct reader *reader)
{
	struct span rest = {reader->span.data + reader->at, reader_left(reader)};
	size_t same = 0;

	/* Asked before each event: it must not look through all of the log each time. */
	while (same < rest.size && rest.data[same] == rest.data[0])
		same++;
	return same == rest.size && (!same || rest.data[0] == 0xff || rest.data[0] == 0);
}

int event_log_replay(struct span log, uint16_t hash, struct event_log_replay *ret_replay,
	struct attest_result *result)
{
	struct replay replay = {
		.reader = reader_of(log), .hash = hash, .state = ret_replay, .result = result};
	int r;

	memset(ret_replay, 0, sizeof(*ret_replay));
	replay.hash_name = tpm_hash_name(hash, &replay.hash_size);
	if (!replay.hash_name)
		return malformed(&replay, "no bank of a known kind was quoted");
	for (unsigned int i = 0; i < ATTEST_PCR_COUNT; i++) {
		ret_replay->pcrs[i].size = (uint8_t)replay.hash_size;
		if (i >= FIRST_DYNAMIC_PCR && i <= LAST_DYNAMIC_PCR)
			memset(ret_replay->pcrs[i].bytes, 0xff, replay.hash_size);
	}
	r = read_header(&replay);
	while (r == 0 && !is_end(&replay.reader)) {
		if (ret_replay->event_count == EVENT_LOG_EVENTS_MAX)
			return malformed(&replay, "too many events");
		r = read_event(&replay);
	}
	return r;
}

int event_log_check(struct span log, struct attest_claims *claims, struct attest_result *result)
{
	struct attest_tpm_claims *tpm = &claims->tpm;
	struct event_log_replay replay;
	int r = event_log_replay(log, tpm->hash, &replay, result);

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < ATTEST_PCR_COUNT; i++) {
		if (!(replay.touched & tpm->quoted & 1u << i))
			continue;
		if (!(tpm->valued & 1u << i) ||
			memcmp(replay.pcrs[i].bytes, tpm->pcrs[i].bytes, replay.pcrs[i].size))
			return verdict_find(result, ATTEST_EVENT_LOG_MISMATCH,
				"the events of PCR %u don't lead to its value", i);
	}
	tpm->has_event_log = true;
	tpm->event_count = replay.event_count;
	return 0;
}
