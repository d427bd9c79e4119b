#include "attestation/snp_fixture.h"

#include <stdio.h>
#include <string.h>

#define OID "1.3.6.1.4.1.3704.1."
#define BOOT_LOADER 3
#define TEE 1
#define SNP 20
#define MICROCODE 209
#define FMC 4
#define ISSUER_SERIAL 0x10001

void snp_fixture_init(struct snp_fixture *fixture)
{
	fixture->root_key = pki_key("RSA-4096");
	fixture->issuer_key = pki_key("RSA-4096");
	fixture->chip_key = pki_key("P-384");
	fixture->other_key = pki_key("P-384");
}

void snp_fixture_done(struct snp_fixture *fixture)
{
	EVP_PKEY_free(fixture->root_key);
	EVP_PKEY_free(fixture->issuer_key);
	EVP_PKEY_free(fixture->chip_key);
	EVP_PKEY_free(fixture->other_key);
}

void snp_evidence_done(struct snp_evidence *evidence)
{
	bytes_done(&evidence->report);
	bytes_done(&evidence->root);
	bytes_done(&evidence->issuer);
	bytes_done(&evidence->list);
	bytes_done(&evidence->chip);
}

static const char *product(const struct snp_fixture_options *options)
{
	return options->product ? options->product : "Milan-B0";
}

static bool is_turin(const struct snp_fixture_options *options)
{
	return !strncmp(product(options), "Turin", 5);
}

/* AMD 57230, "TCB_VERSION". */
static uint64_t tcb(const struct snp_fixture_options *options)
{
	uint64_t snp = options->is_older ? SNP - 1 : SNP;

	if (is_turin(options))
		return FMC | BOOT_LOADER << 8 | TEE << 16 | snp << 24 | (uint64_t)MICROCODE << 56;
	return BOOT_LOADER | TEE << 8 | snp << 48 | (uint64_t)MICROCODE << 56;
}

/* 64 bytes, of which a Turin's chip has 8. */
static void make_chip_id(const struct snp_fixture_options *options, uint8_t to[64])
{
	memset(to, 0, 64);
	memset(to, 0xc1, is_turin(options) ? 8 : 64);
	if (options->is_chip_like_der) {
		to[0] = 0x04;
		to[1] = is_turin(options) ? 6 : 62;
	}
}

struct extensions {
	struct pki_extension list[8];
	struct bytes contents[8];
	size_t count;
};

static struct bytes *add(struct extensions *to, const char *oid)
{
	struct bytes *content = &to->contents[to->count];

	to->list[to->count++] = (struct pki_extension){.oid = oid, .content = content};
	return content;
}

static void add_text(struct extensions *to, const char *oid, const char *text)
{
	struct bytes content = {0};

	bytes_put_text(&content, text);
	bytes_put_der(add(to, oid), 0x16, &content);
}

static void add_chip(struct extensions *to, const struct snp_fixture_options *options)
{
	struct bytes content = {0};
	uint8_t id[64];

	make_chip_id(options, id);
	bytes_put(&content, id, is_turin(options) ? 8 : 64);
	if (options->is_chip_wrapped) {
		bytes_put_der(add(to, OID "4"), 0x04, &content);
	} else {
		bytes_put(add(to, OID "4"), content.data, content.size);
		bytes_done(&content);
	}
}

static void add_extensions(struct extensions *to, const struct snp_fixture_options *options)
{
	if (!options->is_product_missing)
		add_text(to, OID "2", product(options));
	bytes_put_der_unsigned(add(to, OID "3.1"), BOOT_LOADER);
	bytes_put_der_unsigned(add(to, OID "3.2"), TEE);
	bytes_put_der_unsigned(add(to, OID "3.3"), SNP);
	bytes_put_der_unsigned(add(to, OID "3.8"), MICROCODE);
	if (is_turin(options))
		bytes_put_der_unsigned(add(to, OID "3.9"), FMC);
	if (options->is_vlek)
		add_text(to, OID "5", "cloud.example");
	else
		add_chip(to, options);
}

static void put_list(const struct snp_fixture *fixture, const struct snp_fixture_options *options,
	X509 *root, struct bytes *to)
{
	struct pki_list list = {.issuer = root, .key = fixture->root_key, .is_pss = true};

	switch (options->list) {
	case SNP_FIXTURE_LIST_NONE:
		return;
	case SNP_FIXTURE_LIST_REVOKES:
		list.revoked = ISSUER_SERIAL;
		break;
	case SNP_FIXTURE_LIST_EXPIRED:
		list.to = PKI_FIXTURE_NOW - 1;
		break;
	case SNP_FIXTURE_LIST_OF_THE_FUTURE:
		list.from = PKI_FIXTURE_NOW + 1;
		break;
	case SNP_FIXTURE_LIST_FORGED:
		list.key = fixture->issuer_key;
		break;
	case SNP_FIXTURE_LIST_EMPTY:
		break;
	}
	pki_crl(&list, to);
}

static X509 *make_chip(
	const struct snp_fixture *fixture, const struct snp_fixture_options *options, X509 *issuer)
{
	struct pki_request request = {.name = options->is_vlek ? "SEV-VLEK" : "SEV-VCEK",
		.key = options->is_another_key ? fixture->other_key : fixture->chip_key,
		.issuer_key = fixture->issuer_key,
		.issuer = issuer,
		.is_pss = true};
	struct extensions extensions = {0};

	if (options->is_expired)
		request.to = PKI_FIXTURE_NOW - 1;
	if (options->is_of_the_future)
		request.from = PKI_FIXTURE_NOW + 1;
	add_extensions(&extensions, options);
	request.extensions = extensions.list;
	request.extension_count = extensions.count;
	return pki_certificate(&request);
}

static void make_chain(const struct snp_fixture *fixture, const struct snp_fixture_options *options,
	struct snp_evidence *to)
{
	const char *family = options->family ? options->family : "Milan";
	struct pki_request request = {.key = fixture->root_key,
		.issuer_key = fixture->root_key,
		.is_ca = true,
		.is_pss = true,
		.serial = ISSUER_SERIAL - 1};
	X509 *root, *issuer, *chip;
	char name[32];

	snprintf(name, sizeof(name), "ARK-%s", family);
	request.name = name;
	root = pki_certificate(&request);
	snprintf(name, sizeof(name), "SEV-%s%s", options->is_vlek ? "VLEK-" : "", family);
	request.key = fixture->issuer_key;
	request.issuer = root;
	request.serial = ISSUER_SERIAL;
	issuer = pki_certificate(&request);
	chip = make_chip(fixture, options, issuer);
	put_list(fixture, options, root, &to->list);
	pki_put_pem(&to->root, root);
	pki_put_pem(&to->issuer, issuer);
	pki_put_der(&to->chip, chip);
	X509_free(root);
	X509_free(issuer);
	X509_free(chip);
}

#define POLICY_ALWAYS (1ULL << 17)
#define SIGNED_SIZE 0x2a0

static uint32_t signer_info(const struct snp_fixture_options *options)
{
	uint32_t key = options->is_unsigned                           ? 7
		       : options->is_vlek || options->is_vlek_claimed ? 1
								      : 0;

	return key << 2;
}

static void put_chip_id(struct bytes *to, const struct snp_fixture_options *options)
{
	uint8_t id[64];

	make_chip_id(options, id);
	id[7] ^= options->is_another_chip;
	if (options->is_vlek || options->is_chip_hidden)
		memset(id, 0, sizeof(id));
	bytes_put(to, id, sizeof(id));
}

/* AMD 56860, "ATTESTATION_REPORT structure", to where the signature begins. */
static void put_body(struct bytes *to, const struct snp_fixture_options *options)
{
	uint32_t version = options->version ? options->version : 2;
	uint8_t measurement[48], report_data[64] = "nonce";

	memset(measurement, 0xaa, sizeof(measurement));
	if (options->report_digest)
		memcpy(report_data, options->report_digest, 32);
	bytes_put_le(to, version, 4);
	bytes_put_le(to, 5, 4); /* the guest's SVN */
	bytes_put_le(to, POLICY_ALWAYS | options->policy, 8);
	bytes_put_zero(to, 32 + 4); /* family, image, VMPL */
	bytes_put_le(to, 1, 4);     /* ECDSA P-384 with SHA-384 */
	bytes_put_le(to, tcb(options), 8);
	bytes_put_le(to, 1, 8); /* platform: SMT */
	bytes_put_le(to, signer_info(options), 8);
	bytes_put(to, report_data, 64);
	bytes_put(to, measurement, 48);
	bytes_put_zero(to, 32 + 48 + 48 + 32 + 32);
	bytes_put_le(to, tcb(options), 8);
	bytes_put_be(to, version >= 3 ? is_turin(options) ? 0x1a0201 : 0x190101 : 0, 3);
	bytes_put_zero(to, 21);
	put_chip_id(to, options);
	bytes_put_le(to, tcb(options), 8);
	bytes_put_zero(to, 8);
	bytes_put_le(to, tcb(options), 8);
	bytes_put_zero(to, SIGNED_SIZE - to->size);
}

static void put_scalar(struct bytes *to, const uint8_t half[48])
{
	for (size_t i = 48; i > 0; i--)
		bytes_put(to, &half[i - 1], 1);
	bytes_put_zero(to, 72 - 48);
}

void snp_fixture_make(const struct snp_fixture *fixture, const struct snp_fixture_options *options,
	struct snp_evidence *to)
{
	uint8_t signature[96];

	put_body(&to->report, options);
	pki_sign(fixture->chip_key, "SHA384", bytes_span(&to->report), 48, signature);
	put_scalar(&to->report, signature);
	put_scalar(&to->report, signature + 48);
	bytes_put_zero(&to->report, 1184 - to->report.size);
	make_chain(fixture, options, to);
}

/* GHCB, "SNP Extended Guest Request": a GUID, an offset and a size for each. */
void snp_fixture_put_table(const struct snp_evidence *evidence, struct bytes *to)
{
	static const uint8_t vcek[] = {0x8d, 0x75, 0xda, 0x63, 0x64, 0xe6, 0x64, 0x45, 0xad, 0xc5,
		0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
	static const uint8_t ask[] = {0x79, 0xb3, 0xb7, 0x4a, 0xac, 0xbb, 0xe4, 0x4f, 0xa0, 0x2f,
		0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82};
	size_t at = 3 * 24;

	bytes_put(to, vcek, 16);
	bytes_put_le(to, at, 4);
	bytes_put_le(to, evidence->chip.size, 4);
	bytes_put(to, ask, 16);
	bytes_put_le(to, at + evidence->chip.size, 4);
	bytes_put_le(to, evidence->issuer.size, 4);
	bytes_put_zero(to, 24);
	bytes_put(to, evidence->chip.data, evidence->chip.size);
	bytes_put(to, evidence->issuer.data, evidence->issuer.size);
}
