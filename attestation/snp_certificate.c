#include "attestation/snp_certificate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attestation/der.h"

#define OID "1.3.6.1.4.1.3704.1."
#define TABLE_ENTRIES_MAX 16

static bool read_number(const X509 *certificate, const char *oid, uint8_t *to)
{
	struct span content;
	struct reader reader;

	if (!certificate_extension(certificate, oid, &content))
		return false;
	reader = reader_of(content);
	*to = (uint8_t)der_unsigned(&reader, UINT8_MAX);
	return !reader.failed && !reader_left(&reader);
}

/* "Milan-B0": what comes before the stepping. */
static bool read_product(const X509 *certificate, char to[16])
{
	struct span content, name;
	struct reader reader;

	if (!certificate_extension(certificate, OID "2", &content))
		return false;
	reader = reader_of(content);
	name = der_take(&reader, DER_IA5_STRING);
	if (reader.failed || reader_left(&reader) || !name.size || name.size > 15)
		return false;
	memset(to, 0, 16);
	for (size_t i = 0; i < name.size && name.data[i] != '-'; i++)
		to[i] = (char)name.data[i];
	return true;
}

static bool is_chip_size(size_t size)
{
	return size == 64 || size == 8;
}

/* The octets themselves, or wrapped into an OCTET STRING: both are in use. They can begin as an
 * OCTET STRING does: their number tells. */
static bool read_chip(const X509 *certificate, struct snp_certificate *to)
{
	struct span content, octets;
	struct reader reader;

	if (!certificate_extension(certificate, OID "4", &content))
		return false;
	octets = content;
	if (!is_chip_size(octets.size)) {
		reader = reader_of(content);
		octets = der_take(&reader, DER_OCTET_STRING);
		if (reader.failed || reader_left(&reader) || !is_chip_size(octets.size))
			return false;
	}
	to->chip_id_size = (uint8_t)octets.size;
	memcpy(to->chip_id, octets.data, octets.size);
	return true;
}

/* Products that share authorities and the layout of versions. */
static const char *family(const char *product)
{
	if (!strcmp(product, "Siena") || !strcmp(product, "Bergamo"))
		return "Genoa";
	return product;
}

bool snp_product_is_turin(const char *product)
{
	return strcmp(family(product), "Milan") && strcmp(family(product), "Genoa");
}

bool snp_certificate_is_issued_for(const struct snp_certificate *content, const X509 *issuer)
{
	char name[32];

	snprintf(name, sizeof(name), "SEV-%s%s", content->is_vlek ? "VLEK-" : "",
		family(content->product));
	return certificate_is_named(issuer, name);
}

int snp_certificate_read(const X509 *certificate, struct snp_certificate *ret_content)
{
	struct snp_certificate content = {0};
	struct span csp;

	if (!read_product(certificate, content.product) ||
		!read_number(certificate, OID "3.1", &content.boot_loader) ||
		!read_number(certificate, OID "3.2", &content.tee) ||
		!read_number(certificate, OID "3.3", &content.snp) ||
		!read_number(certificate, OID "3.8", &content.microcode))
		return -EINVAL;
	if (snp_product_is_turin(content.product) &&
		!read_number(certificate, OID "3.9", &content.fmc))
		return -EINVAL;
	content.is_vlek = certificate_extension(certificate, OID "5", &csp);
	if (!content.is_vlek && !read_chip(certificate, &content))
		return -EINVAL;
	*ret_content = content;
	return 0;
}

bool snp_certificate_has_tcb(const struct snp_certificate *content, uint64_t tcb)
{
	uint64_t milan = content->boot_loader | (uint64_t)content->tee << 8 |
			 (uint64_t)content->snp << 48 | (uint64_t)content->microcode << 56;
	uint64_t turin = content->fmc | (uint64_t)content->boot_loader << 8 |
			 (uint64_t)content->tee << 16 | (uint64_t)content->snp << 24 |
			 (uint64_t)content->microcode << 56;

	return tcb == (snp_product_is_turin(content->product) ? turin : milan);
}

bool snp_certificate_has_chip(const struct snp_certificate *content, const uint8_t chip_id[64])
{
	struct span rest = {chip_id + content->chip_id_size, (size_t)64 - content->chip_id_size};

	return !memcmp(content->chip_id, chip_id, content->chip_id_size) && span_is_zero(rest);
}

/* As in memory: the first three parts of a GUID are little-endian. */
static const uint8_t known[][16] = {
	/* VCEK 63da758d-e664-4564-adc5-f4b93be8accd */
	{0x8d, 0x75, 0xda, 0x63, 0x64, 0xe6, 0x64, 0x45, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac,
		0xcd},
	/* VLEK a8074bc2-a25a-483e-aae6-39c045a0b8a1 */
	{0xc2, 0x4b, 0x07, 0xa8, 0x5a, 0xa2, 0x3e, 0x48, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8,
		0xa1},
	/* ASK 4ab7b379-bbac-4fe4-a02f-05aef327c782 */
	{0x79, 0xb3, 0xb7, 0x4a, 0xac, 0xbb, 0xe4, 0x4f, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7,
		0x82},
	/* ARK c0b406a4-a803-4952-9743-3fb6014cd0ae */
	{0xa4, 0x06, 0xb4, 0xc0, 0x03, 0xa8, 0x52, 0x49, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0,
		0xae},
};

static bool is_known(struct span guid)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (guid.size == 16 && !memcmp(guid.data, known[i], 16))
			return true;
	return false;
}

bool snp_certificate_table_is(struct span table)
{
	struct reader reader = reader_of(table);

	return is_known(reader_take(&reader, 16));
}

int snp_certificate_table_read(struct span table, STACK_OF(X509) *to, struct attest_error *error)
{
	struct reader reader = reader_of(table);

	for (size_t i = 0; i < TABLE_ENTRIES_MAX; i++) {
		struct span guid = reader_take(&reader, 16), item;
		uint32_t offset = reader_le32(&reader), size = reader_le32(&reader);
		int r;

		if (reader.failed || !span_slice(table, offset, size, &item))
			return verdict_fail(error, ATTEST_CERTIFICATE_MALFORMED,
				"an entry of a table of certificates lies outside it");
		if (span_is_zero(guid))
			return 0;
		if (!is_known(guid)) /* a list of AMD's, or of the cloud's own use */
			continue;
		r = certificates_add(to, item, error);
		if (r < 0)
			return r;
	}
	return verdict_fail(
		error, ATTEST_CERTIFICATE_MALFORMED, "a table of certificates does not end");
}
