#include "attestation/csv_certificate.h"

#include <errno.h>
#include <string.h>

#include "attestation/signature.h"
#include "attestation/trust_anchors.h"

#define ALGORITHM_SM2_SIGN 4
#define CURVE_SM2 3
#define COORDINATE_FIELD 72
#define ID_SIZE_MAX 254
#define SIGNATURE_SIZE (2 * COORDINATE_FIELD)

/* In a chip's: */
#define CHIP_KEY_OFFSET 16
#define CHIP_SIGNED_SIZE 0x414
#define CHIP_SIGNATURE_STEP 520 /* usage, algorithm, 512 bytes */
#define CHIP_SIGNATURES 2

/* In a root's: */
#define ROOT_USAGE_OFFSET 0x24
#define ROOT_KEY_OFFSET 0x40
#define ROOT_SIGNED_SIZE 0x240

void csv_key_done(struct csv_key *key)
{
	EVP_PKEY_free(key->key);
	*key = (struct csv_key){0};
}

/* A number of 32 bytes, little-endian in a field that is larger than it. */
static bool read_number(struct reader *reader, uint8_t to[32])
{
	struct span field = reader_take(reader, COORDINATE_FIELD), above;

	if (reader->failed)
		return false;
	for (size_t i = 0; i < 32; i++)
		to[i] = field.data[31 - i];
	above = (struct span){field.data + 32, COORDINATE_FIELD - 32};
	return span_is_zero(above);
}

static int read_key(struct span certificate, size_t offset, struct csv_key *ret_key)
{
	struct reader reader = reader_of(certificate);
	uint8_t point[64];
	uint32_t curve;
	uint16_t id_size;

	reader_skip(&reader, offset);
	curve = reader_le32(&reader);
	if (!read_number(&reader, point) || !read_number(&reader, point + 32))
		return -EINVAL;
	id_size = reader_le16(&reader);
	ret_key->id = reader_take(&reader, id_size);
	if (reader.failed || curve != CURVE_SM2 || id_size > ID_SIZE_MAX)
		return -EINVAL;
	return signature_key_from_point("SM2", (struct span){point, sizeof(point)}, &ret_key->key);
}

int csv_chip_key(struct span certificate, uint32_t usage, struct csv_key *ret_key)
{
	struct reader reader = reader_of(certificate);
	uint32_t version, is_usage, algorithm;

	version = reader_le32(&reader);
	reader_skip(&reader, 4);
	is_usage = reader_le32(&reader);
	algorithm = reader_le32(&reader);
	if (reader.failed || certificate.size != CSV_CHIP_CERTIFICATE_SIZE || version != 1 ||
		is_usage != usage || algorithm != ALGORITHM_SM2_SIGN)
		return -EINVAL;
	return read_key(certificate, CHIP_KEY_OFFSET, ret_key);
}

bool csv_is_signed_by(const struct csv_key *key, struct span message, struct span signature)
{
	struct reader reader = reader_of(signature);
	uint8_t r[32], s[32];

	return read_number(&reader, r) && read_number(&reader, s) &&
	       signature_is_sm2(
		       key->key, key->id, message, (struct span){r, 32}, (struct span){s, 32});
}

/* A chip's certificate has room for two signatures; each says whose it is. */
static bool is_chip_signed_by(struct span certificate, uint32_t usage, const struct csv_key *key)
{
	struct span message = {certificate.data, CHIP_SIGNED_SIZE};

	for (size_t i = 0; i < CHIP_SIGNATURES; i++) {
		struct reader reader = reader_of(certificate);
		uint32_t is_usage, algorithm;

		reader_skip(&reader, CHIP_SIGNED_SIZE + i * CHIP_SIGNATURE_STEP);
		is_usage = reader_le32(&reader);
		algorithm = reader_le32(&reader);
		if (is_usage == usage && algorithm == ALGORITHM_SM2_SIGN &&
			csv_is_signed_by(key, message, reader_take(&reader, SIGNATURE_SIZE)))
			return true;
	}
	return false;
}

static bool is_root_usage(struct span certificate, uint32_t usage)
{
	struct reader reader = reader_of(certificate);

	reader_skip(&reader, ROOT_USAGE_OFFSET);
	return reader_le32(&reader) == usage && !reader.failed;
}

bool csv_root_is(struct span certificate)
{
	struct reader reader = reader_of(certificate);

	return certificate.size == CSV_ROOT_CERTIFICATE_SIZE && reader_le32(&reader) == 1 &&
	       is_root_usage(certificate, CSV_USAGE_HRK);
}

int csv_root_read(struct span certificate, EVP_PKEY **ret_key)
{
	struct span message = {certificate.data, ROOT_SIGNED_SIZE}, signature;
	CLEANUP(csv_key_done) struct csv_key key = {0};

	if (!csv_root_is(certificate) || read_key(certificate, ROOT_KEY_OFFSET, &key) < 0 ||
		!span_slice(certificate, ROOT_SIGNED_SIZE, SIGNATURE_SIZE, &signature) ||
		!csv_is_signed_by(&key, message, signature))
		return -EINVAL;
	*ret_key = TAKE(key.key);
	return 0;
}

/* Hygon's root as it is compiled in, or given. */
static int root_key(const struct attest_collateral *collateral, struct csv_key *ret_key)
{
	static const char id[] = "HYGON-SSD-HRK";

	ret_key->id = (struct span){(const uint8_t *)id, sizeof(id) - 1};
	for (size_t i = 0; i < trust_anchor_count && collateral->trusts_vendors; i++) {
		uint8_t point[64];

		if (trust_anchors[i].vendor != TRUST_VENDOR_HYGON)
			continue;
		if (!text_from_hex(trust_anchors[i].key, 128, point, sizeof(point)))
			return -EINVAL;
		return signature_key_from_point("SM2", (struct span){point, 64}, &ret_key->key);
	}
	for (size_t i = 0; i < collateral->key_count; i++) {
		if (!EVP_PKEY_is_a(collateral->keys[i], "SM2"))
			continue;
		EVP_PKEY_up_ref(collateral->keys[i]);
		ret_key->key = collateral->keys[i];
		return 0;
	}
	return -EINVAL;
}

/* The service hands out HSK and CEK in one file: one after the other. */
static bool find_pair(const struct attest_collateral *collateral, size_t index,
	struct span *ret_hsk, struct span *ret_cek)
{
	struct span blob = text_buffer_span(&collateral->blobs[index]);

	return span_slice(blob, 0, CSV_ROOT_CERTIFICATE_SIZE, ret_hsk) &&
	       span_slice(blob, CSV_ROOT_CERTIFICATE_SIZE, CSV_CHIP_CERTIFICATE_SIZE, ret_cek) &&
	       is_root_usage(*ret_hsk, CSV_USAGE_HSK);
}

static int check_pair(struct span hsk, struct span cek, struct span pek, const struct csv_key *root,
	struct attest_result *result)
{
	struct span message = {hsk.data, ROOT_SIGNED_SIZE};
	struct span signature = {hsk.data + ROOT_SIGNED_SIZE, SIGNATURE_SIZE};
	CLEANUP(csv_key_done) struct csv_key hsk_key = {0}, cek_key = {0};

	if (!csv_is_signed_by(root, message, signature))
		return verdict_find(result, ATTEST_ROOT_NOT_TRUSTED,
			"the HSK is not signed by the pinned root");
	if (read_key(hsk, ROOT_KEY_OFFSET, &hsk_key) < 0 ||
		csv_chip_key(cek, CSV_USAGE_CEK, &cek_key) < 0)
		return verdict_find(result, ATTEST_CERTIFICATE_MALFORMED,
			"HSK or CEK is not as Hygon has specified it");
	if (!is_chip_signed_by(cek, CSV_USAGE_HSK, &hsk_key))
		return verdict_find(
			result, ATTEST_CHAIN_INVALID, "the CEK is not signed by the HSK");
	if (!is_chip_signed_by(pek, CSV_USAGE_CEK, &cek_key))
		return verdict_find(
			result, ATTEST_CHAIN_INVALID, "the PEK is not signed by the CEK");
	return 0;
}

int csv_chain_verify(
	struct span pek, const struct attest_collateral *collateral, struct attest_result *result)
{
	CLEANUP(csv_key_done) struct csv_key root = {0};

	for (size_t i = 0; i < collateral->blob_count; i++) {
		struct span hsk, cek;

		if (!find_pair(collateral, i, &hsk, &cek))
			continue;
		if (root_key(collateral, &root) < 0)
			return verdict_find(result, ATTEST_ROOT_NOT_TRUSTED,
				"no key of SM2 is pinned to end the chip's chain at");
		return check_pair(hsk, cek, pek, &root, result);
	}
	return verdict_find(result, ATTEST_KEY_NOT_CERTIFIED,
		"the HSK and CEK certificates of the chip are missing");
}
