/* Evidence of a TPM 2.0: a quote, the PCRs' values and the event log, as abi/evidence.md has it. */
#include "attestation/tpm_platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <tss2/tss2_mu.h>

#include "attestation/platform_file.h"

#define EVENT_LOG_DEFAULT "/sys/kernel/security/tpm0/binary_bios_measurements"
#define EVENT_LOG_SIZE_MAX (2u << 20) /* as base64 it has to fit into evidence */
#define TRIES_MAX 5                   /* against who extends PCRs meanwhile */
#define PCRS_ALL ((1u << ATTEST_PCR_COUNT) - 1)

/* A quote, and the values that it is of. */
struct quote {
	TPM2B_ATTEST *message;
	TPMT_SIGNATURE *signature;
	TPM2B_DIGEST pcrs[ATTEST_PCR_COUNT]; /* size 0: not quoted */
};

static void quote_done(struct quote *quote)
{
	Esys_Free(quote->message);
	Esys_Free(quote->signature);
	*quote = (struct quote){0};
}

static TPML_PCR_SELECTION selection_of(uint16_t bank, uint32_t pcrs)
{
	TPML_PCR_SELECTION selection = {.count = 1};

	selection.pcrSelections[0].hash = bank;
	selection.pcrSelections[0].sizeofSelect = 3;
	for (unsigned int i = 0; i < 3; i++)
		selection.pcrSelections[0].pcrSelect[i] = (uint8_t)(pcrs >> (8 * i));
	return selection;
}

/* Which ones of those that were asked for it has given; 0: none, or not as a TPM answers. */
static uint32_t take_values(const TPML_PCR_SELECTION *selection, const TPML_DIGEST *values,
	uint32_t wanted, struct quote *quote)
{
	const TPMS_PCR_SELECTION *given = &selection->pcrSelections[0];
	uint32_t taken = 0;
	size_t count = 0;

	if (selection->count != 1)
		return 0;
	for (unsigned int i = 0; i < ATTEST_PCR_COUNT && i < 8u * given->sizeofSelect; i++) {
		if (!(given->pcrSelect[i / 8] & 1u << i % 8))
			continue;
		if (!(wanted & 1u << i) || count >= values->count)
			return 0;
		quote->pcrs[i] = values->digests[count++];
		taken |= 1u << i;
	}
	return taken;
}

/* A TPM gives a few at a time. */
static int read_pcrs(const struct tpm_platform *tpm, struct tpm_device *device, struct quote *quote,
	struct attest_error *error)
{
	uint32_t left = tpm->pcrs;

	while (left) {
		TPML_PCR_SELECTION selection = selection_of(tpm->bank, left), *given = NULL;
		TPML_DIGEST *values = NULL;
		uint32_t taken = 0;
		TSS2_RC rc = Esys_PCR_Read(device->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
			&selection, NULL, &given, &values);

		if (rc == TSS2_RC_SUCCESS)
			taken = take_values(given, values, left, quote);
		Esys_Free(given);
		Esys_Free(values);
		if (rc != TSS2_RC_SUCCESS)
			return tpm_device_fail(error, rc, "its PCRs");
		if (!taken)
			return platform_fail(error, -EOPNOTSUPP,
				"TPM: it has no such PCRs, or none of this bank");
		left &= ~taken;
	}
	return 0;
}

static int make_quote(const struct tpm_platform *tpm, struct tpm_device *device,
	const struct tpm_key *key, struct span nonce, struct quote *quote,
	struct attest_error *error)
{
	TPML_PCR_SELECTION selection = selection_of(tpm->bank, tpm->pcrs);
	TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL}; /* the key's */
	TPM2B_DATA data = {.size = (uint16_t)nonce.size};
	TSS2_RC rc;

	memcpy(data.buffer, nonce.data, nonce.size);
	rc = Esys_Quote(device->esys, key->handle, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
		&data, &scheme, &selection, &quote->message, &quote->signature);
	return rc == TSS2_RC_SUCCESS ? 0 : tpm_device_fail(error, rc, "the quote");
}

/* The quote says SHA-256 of the values, as our keys sign with it. */
static bool is_of_values(const struct quote *quote)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned int size = 0;
	uint8_t digest[EVP_MAX_MD_SIZE];
	TPMS_ATTEST attest;
	size_t at = 0;
	bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
		    Tss2_MU_TPMS_ATTEST_Unmarshal(quote->message->attestationData,
			    quote->message->size, &at, &attest) == TSS2_RC_SUCCESS;

	for (size_t i = 0; good && i < ATTEST_PCR_COUNT; i++)
		good = EVP_DigestUpdate(context, quote->pcrs[i].buffer, quote->pcrs[i].size) == 1;
	good = good && EVP_DigestFinal_ex(context, digest, &size) == 1 &&
	       attest.attested.quote.pcrDigest.size == size &&
	       !memcmp(attest.attested.quote.pcrDigest.buffer, digest, size);
	EVP_MD_CTX_free(context);
	return good;
}

/* The values are read after: until none has changed in between. */
static int quote_new(const struct tpm_platform *tpm, struct tpm_device *device,
	const struct tpm_key *key, struct span nonce, struct quote *ret, struct attest_error *error)
{
	for (int i = 0; i < TRIES_MAX; i++) {
		int r = make_quote(tpm, device, key, nonce, ret, error);

		if (r == 0)
			r = read_pcrs(tpm, device, ret, error);
		if (r < 0)
			return r;
		if (is_of_values(ret))
			return 0;
		quote_done(ret);
	}
	return platform_fail(error, -EAGAIN, "TPM: its PCRs change while they are read");
}

/* Writing it down */

static json_t *hex_new(const void *bytes, size_t size)
{
	CLEANUP(platform_freep) char *text = malloc(2 * size + 1);

	if (!text)
		return NULL;
	text_hex(bytes, size, text);
	return json_string(text);
}

static json_t *base64_new(const void *bytes, size_t size)
{
	CLEANUP(platform_freep) char *text = text_base64((struct span){bytes, size});

	return text ? json_string(text) : NULL;
}

static json_t *pcrs_new(const struct quote *quote)
{
	json_t *pcrs = json_object();
	int r = pcrs ? 0 : -1;
	char name[12];

	for (unsigned int i = 0; r == 0 && i < ATTEST_PCR_COUNT; i++) {
		if (!quote->pcrs[i].size)
			continue;
		snprintf(name, sizeof(name), "%u", i);
		r = json_object_set_new(
			pcrs, name, hex_new(quote->pcrs[i].buffer, quote->pcrs[i].size));
	}
	if (r == 0)
		return pcrs;
	json_decref(pcrs);
	return NULL;
}

static json_t *quote_to_json(const struct quote *quote)
{
	uint8_t signature[sizeof(TPMT_SIGNATURE)];
	json_t *json = json_object();
	size_t size = 0;

	if (json &&
		Tss2_MU_TPMT_SIGNATURE_Marshal(
			quote->signature, signature, sizeof(signature), &size) == TSS2_RC_SUCCESS &&
		json_object_set_new(json, "message",
			base64_new(quote->message->attestationData, quote->message->size)) == 0 &&
		json_object_set_new(json, "signature", hex_new(signature, size)) == 0 &&
		json_object_set_new(json, "pcrs", pcrs_new(quote)) == 0)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *to_json(const struct tpm_platform *tpm, const struct quote *quote,
	const struct text_buffer *key, const struct text_buffer *log)
{
	json_t *json = json_object();

	if (json && json_object_set_new(json, "tpm_quote", quote_to_json(quote)) == 0 &&
		json_object_set_new(json, "ak_public", hex_new(key->data, key->size)) == 0 &&
		(!tpm->ak_certificate || json_object_set_new(json, "ak_certificate",
						 json_string(tpm->ak_certificate)) == 0) &&
		(!log->data || json_object_set_new(
				       json, "event_log", base64_new(log->data, log->size)) == 0))
		return json;
	json_decref(json);
	return NULL;
}

static int put_evidence(const struct tpm_platform *tpm, const struct tpm_key *key,
	const struct quote *quote, const struct text_buffer *log, uint8_t **ret_evidence,
	size_t *ret_size, struct attest_error *error)
{
	CLEANUP(text_buffer_done) struct text_buffer public = {0};
	int r = tpm_device_get_public(key, &public, error);
	json_t *json;
	char *text;

	if (r < 0)
		return r;
	json = to_json(tpm, quote, &public, log);
	text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
	json_decref(json);
	if (!text)
		return platform_fail(error, -ENOMEM, "TPM");
	*ret_evidence = (uint8_t *)text;
	*ret_size = strlen(text);
	return 0;
}

/* The platform */

/* Only what the user has named must be there. */
static int read_log(
	const struct tpm_platform *tpm, struct text_buffer *ret, struct attest_error *error)
{
	const char *path = tpm->event_log ? tpm->event_log : EVENT_LOG_DEFAULT;
	int r;

	*ret = (struct text_buffer){0};
	if (!*path)
		return 0;
	r = platform_file_read(AT_FDCWD, path, EVENT_LOG_SIZE_MAX, ret);
	if (r < 0 && tpm->event_log)
		return platform_fail(error, r, "%.100s", path);
	return 0;
}

static int make_with(const struct tpm_platform *tpm, struct tpm_device *device, struct span nonce,
	uint8_t **ret_evidence, size_t *ret_size, struct attest_error *error)
{
	CLEANUP(text_buffer_done) struct text_buffer log = {0};
	CLEANUP(quote_done) struct quote quote = {0};
	struct tpm_key key;
	int r = read_log(tpm, &log, error);

	if (r == 0)
		r = tpm_device_load_ak(device, tpm->key, &key, error);
	if (r < 0)
		return r;
	r = quote_new(tpm, device, &key, nonce, &quote, error);
	if (r == 0)
		r = put_evidence(tpm, &key, &quote, &log, ret_evidence, ret_size, error);
	tpm_device_unload(device, &key);
	return r;
}

static int tpm_make(struct attest_platform *platform, const uint8_t report_data[64], size_t size,
	uint8_t **ret_evidence, size_t *ret_size, struct attest_error *error)
{
	struct tpm_platform *tpm = CONTAINER_OF(platform, struct tpm_platform, platform);
	CLEANUP(tpm_device_done) struct tpm_device device = {0};
	int r = tpm_device_open(tpm->tcti, &device, error);

	return r < 0 ? r
		     : make_with(tpm, &device, (struct span){report_data, size}, ret_evidence,
			       ret_size, error);
}

static void tpm_free(struct attest_platform *platform)
{
	struct tpm_platform *tpm = CONTAINER_OF(platform, struct tpm_platform, platform);

	free(tpm->tcti);
	free(tpm->event_log);
	free(tpm->ak_certificate);
	free(tpm);
}

static const struct platform_ops tpm_ops = {tpm_make, tpm_free};

struct tpm_platform *tpm_platform_of(struct attest_platform *platform)
{
	return platform->ops == &tpm_ops ? CONTAINER_OF(platform, struct tpm_platform, platform)
					 : NULL;
}

static int copy_text(const char *from, char **to)
{
	if (!from)
		return 0;
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

int attest_platform_tpm_new(
	const struct attest_tpm_options *options, struct attest_platform **ret_platform)
{
	uint16_t bank = options->bank ? options->bank : ATTEST_TPM_SHA256;
	struct tpm_platform *tpm;

	if (options->pcrs & ~PCRS_ALL || options->key > ATTEST_TPM_RSA ||
		(bank != ATTEST_TPM_SHA1 && bank != ATTEST_TPM_SHA256 && bank != ATTEST_TPM_SHA384))
		return -EINVAL;
	tpm = calloc(1, sizeof(*tpm));
	if (!tpm)
		return -ENOMEM;
	tpm->platform.ops = &tpm_ops;
	tpm->key = options->key;
	tpm->pcrs = options->pcrs;
	tpm->bank = bank;
	if (copy_text(options->tcti, &tpm->tcti) < 0 ||
		copy_text(options->event_log, &tpm->event_log) < 0 ||
		copy_text(options->ak_certificate, &tpm->ak_certificate) < 0) {
		tpm_free(&tpm->platform);
		return -ENOMEM;
	}
	*ret_platform = &tpm->platform;
	return 0;
}
