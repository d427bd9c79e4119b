#include "attestation/dcap_quote.h"

#include <errno.h>

#define KEY_TYPE_ECDSA_P256 2
#define TEE_SGX 0
#define TEE_TDX 0x81

enum body_type {
	BODY_SGX = 1,
	BODY_TDX_10 = 2,
	BODY_TDX_15 = 3,
};

static const uint8_t intel_qe_vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94,
	0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

bool dcap_quote_is(struct span evidence)
{
	struct reader reader = reader_of(evidence);
	uint16_t version = reader_le16(&reader), key_type = reader_le16(&reader);

	reader_skip(&reader, 44);
	return !reader.failed && version >= 1 && version <= 5 && key_type <= 3;
}

static int malformed(struct attest_result *result, const char *what)
{
	return verdict_find(result, ATTEST_EVIDENCE_MALFORMED, "quote: %s", what);
}

static int read_header(struct reader *reader, struct dcap_quote *quote, uint32_t *ret_tee,
	struct attest_result *result)
{
	uint16_t key_type;
	struct span vendor;

	quote->version = reader_le16(reader);
	key_type = reader_le16(reader);
	*ret_tee = reader_le32(reader);
	reader_skip(reader, 4);
	vendor = reader_take(reader, 16);
	reader_skip(reader, 20);
	if (reader->failed)
		return malformed(result, "ends within its header");
	if (quote->version < 3 || quote->version > 5)
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"quote of version %u; 3, 4 and 5 are known", quote->version);
	if (key_type != KEY_TYPE_ECDSA_P256)
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"quote with a key of type %u; 2, ECDSA with P-256, is known", key_type);
	if (memcmp(vendor.data, intel_qe_vendor, sizeof(intel_qe_vendor)))
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"quote by a quoting enclave of a vendor that is not known");
	/* In version 3 two fields for SGX alone stand here. */
	if (quote->version == 3)
		*ret_tee = TEE_SGX;
	if (*ret_tee != TEE_SGX && *ret_tee != TEE_TDX)
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"quote for a TEE of type %#x", *ret_tee);
	quote->is_tdx = *ret_tee == TEE_TDX;
	return 0;
}

static size_t body_size_of(uint16_t type, bool is_tdx)
{
	if (type == BODY_SGX && !is_tdx)
		return DCAP_SGX_BODY_SIZE;
	if (type == BODY_TDX_10 && is_tdx)
		return DCAP_TDX_10_BODY_SIZE;
	if (type == BODY_TDX_15 && is_tdx)
		return DCAP_TDX_15_BODY_SIZE;
	return 0;
}

static int read_body(struct reader *reader, struct dcap_quote *quote, struct attest_result *result)
{
	size_t size = quote->is_tdx ? DCAP_TDX_10_BODY_SIZE : DCAP_SGX_BODY_SIZE;

	if (quote->version == 5) {
		size = body_size_of(reader_le16(reader), quote->is_tdx);
		if (reader_le32(reader) != size || size == 0)
			return malformed(result, "its body has another type or size than is known");
	}
	quote->body = reader_take(reader, size);
	return reader->failed ? malformed(result, "ends within its body") : 0;
}

/* What vouches for the attestation key. */
static void read_qe_report(struct reader *reader, struct dcap_quote *quote)
{
	quote->qe_report = reader_take(reader, DCAP_SGX_BODY_SIZE);
	quote->qe_signature = reader_take(reader, 64);
	quote->authentication_data = reader_take(reader, reader_le16(reader));
}

static void read_certification(struct reader *reader, struct dcap_quote *quote)
{
	quote->certification = reader_le16(reader);
	quote->certification_data = reader_take(reader, reader_le32(reader));
}

/* Since version 4 the quoting enclave's report is certification data, and has such itself. */
static int read_nested(
	struct reader *reader, struct dcap_quote *quote, struct attest_result *result)
{
	struct reader inner;

	read_certification(reader, quote);
	if (!reader->failed && quote->certification != DCAP_CERTIFICATION_QE_REPORT)
		return malformed(
			result, "its certification data is not a report of a quoting enclave");
	inner = reader_of(quote->certification_data);
	read_qe_report(&inner, quote);
	read_certification(&inner, quote);
	if (inner.failed || reader_left(&inner))
		reader->failed = true;
	return 0;
}

static int read_signature(
	struct reader *reader, struct dcap_quote *quote, struct attest_result *result)
{
	struct reader data = reader_of(reader_take(reader, reader_le32(reader)));

	if (reader->failed)
		return malformed(result, "its signature is longer than it");
	quote->signature = reader_take(&data, 64);
	quote->key = reader_take(&data, 64);
	if (quote->version == 3) {
		read_qe_report(&data, quote);
		read_certification(&data, quote);
	} else if (read_nested(&data, quote, result) < 0) {
		return -EINVAL;
	}
	if (data.failed || reader_left(&data))
		return malformed(result, "the parts of its signature don't fit into it");
	return 0;
}

int dcap_quote_parse(
	struct span evidence, struct dcap_quote *ret_quote, struct attest_result *result)
{
	struct reader reader = reader_of(evidence);
	struct dcap_quote quote = {0};
	uint32_t tee;
	int r = read_header(&reader, &quote, &tee, result);

	if (r == 0)
		r = read_body(&reader, &quote, result);
	if (r < 0)
		return r;
	quote.signed_part = (struct span){evidence.data, reader.at};
	r = read_signature(&reader, &quote, result);
	if (r < 0)
		return r;
	/* Kernels hand quotes out in buffers of a fixed size. */
	if (!span_is_zero(reader_rest(&reader)))
		return malformed(result, "something follows it");
	*ret_quote = quote;
	return 0;
}

static void read_value(struct reader *reader, struct attest_value *to, size_t size)
{
	to->size = (uint8_t)size;
	reader_copy(reader, to->bytes, size);
}

#define SGX_ATTRIBUTE_DEBUG 2

void dcap_sgx_body_read(struct span body, struct attest_claims *claims)
{
	struct attest_sgx_claims *sgx = &claims->sgx;
	struct reader reader = reader_of(body);

	claims->type = ATTEST_TYPE_SGX;
	reader_copy(&reader, sgx->cpu_svn, 16);
	sgx->misc_select = reader_le32(&reader);
	reader_skip(&reader, 12);
	reader_copy(&reader, sgx->ext_product_id, 16);
	reader_copy(&reader, sgx->attributes, 16);
	read_value(&reader, &claims->measurement, 32);
	reader_skip(&reader, 32);
	read_value(&reader, &claims->signer, 32);
	reader_skip(&reader, 32);
	reader_copy(&reader, sgx->config_id, 64);
	claims->product = reader_le16(&reader);
	claims->svn = reader_le16(&reader);
	sgx->config_svn = reader_le16(&reader);
	reader_skip(&reader, 42);
	reader_copy(&reader, sgx->family_id, 16);
	read_value(&reader, &claims->report_data, 64);
	claims->host_data.size = 64;
	memcpy(claims->host_data.bytes, sgx->config_id, 64);
	claims->is_debug = (sgx->attributes[0] & SGX_ATTRIBUTE_DEBUG) != 0;
}

/* The group TUD: any of these bits puts the TD under its owner's eyes, or is not known to be
 * harmless. */
#define TDX_ATTRIBUTES_UNDER_DEBUG 0xff

void dcap_tdx_body_read(struct span body, struct attest_claims *claims)
{
	struct attest_tdx_claims *tdx = &claims->tdx;
	struct reader reader = reader_of(body);

	claims->type = ATTEST_TYPE_TDX;
	reader_copy(&reader, tdx->tee_tcb_svn, 16);
	reader_copy(&reader, tdx->mr_seam, 48);
	reader_copy(&reader, tdx->mr_signer_seam, 48);
	tdx->seam_attributes = reader_le64(&reader);
	tdx->td_attributes = reader_le64(&reader);
	tdx->xfam = reader_le64(&reader);
	reader_copy(&reader, tdx->mr_td, 48);
	reader_copy(&reader, tdx->mr_config_id, 48);
	reader_copy(&reader, tdx->mr_owner, 48);
	reader_copy(&reader, tdx->mr_owner_config, 48);
	reader_copy(&reader, tdx->rtmr, sizeof(tdx->rtmr));
	read_value(&reader, &claims->report_data, 64);
	tdx->is_1_5 = body.size == DCAP_TDX_15_BODY_SIZE;
	if (tdx->is_1_5) {
		reader_copy(&reader, tdx->tee_tcb_svn2, 16);
		reader_copy(&reader, tdx->mr_service_td, 48);
	}
	claims->measurement.size = 48;
	memcpy(claims->measurement.bytes, tdx->mr_td, 48);
	claims->host_data.size = 48;
	memcpy(claims->host_data.bytes, tdx->mr_config_id, 48);
	claims->is_debug = (tdx->td_attributes & TDX_ATTRIBUTES_UNDER_DEBUG) != 0;
}
