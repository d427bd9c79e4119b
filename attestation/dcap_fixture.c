#include "attestation/dcap_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attestation/dcap_quote.h"
#include "attestation/signature.h"

#define PPID "\1\2\3" /* and zeros */
#define FMSPC "\x00\x90\x6e\xa1\x00\x00"
#define COMPONENT 5
#define PCE_SVN 13
#define QE_SVN 8
#define QE_PRODUCT 1
#define MODULE_SVN 3 /* of version 1 of the TDX module */
#define PCK_SERIAL 77

static const uint8_t oid_prefix[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

/* SEQUENCE { OID, value }. @second: 0, or one number more. */
static void put_field(struct bytes *to, uint8_t first, uint8_t second, struct bytes *value)
{
	struct bytes pair = {0}, oid = {0};

	bytes_put(&oid, oid_prefix, sizeof(oid_prefix));
	bytes_put(&oid, &first, 1);
	if (second)
		bytes_put(&oid, &second, 1);
	bytes_put_der(&pair, 0x06, &oid);
	bytes_put(&pair, value->data, value->size);
	bytes_done(value);
	bytes_put_der(to, 0x30, &pair);
}

static void put_octets(
	struct bytes *to, uint8_t first, uint8_t second, const void *octets, size_t size)
{
	struct bytes content = {0}, value = {0};

	bytes_put(&content, octets, size);
	bytes_put_der(&value, 0x04, &content);
	put_field(to, first, second, &value);
}

static void put_tcb(struct bytes *to)
{
	static const uint8_t cpu_svn[16] = {COMPONENT};
	struct bytes tcb = {0}, value = {0};

	for (uint8_t i = 1; i <= 17; i++) {
		bytes_put_der_unsigned(&value, i == 1 ? COMPONENT : i == 17 ? PCE_SVN : 0);
		put_field(&tcb, 2, i, &value);
	}
	put_octets(&tcb, 2, 18, cpu_svn, sizeof(cpu_svn));
	bytes_put_der(&value, 0x30, &tcb);
	put_field(to, 2, 0, &value);
}

static void put_extension(struct bytes *to)
{
	static const uint8_t ppid[16] = PPID;
	struct bytes fields = {0};

	put_octets(&fields, 1, 0, ppid, sizeof(ppid));
	put_tcb(&fields);
	put_octets(&fields, 3, 0, "\0", 2);
	put_octets(&fields, 4, 0, FMSPC, 6);
	bytes_put_der(to, 0x30, &fields);
}

void dcap_fixture_init(struct dcap_fixture *fixture)
{
	struct bytes content = {0};
	struct pki_extension sgx = {.oid = "1.2.840.113741.1.13.1", .content = &content};

	fixture->root_key = pki_key("P-256");
	fixture->ca_key = pki_key("P-256");
	fixture->pck_key = pki_key("P-256");
	fixture->signer_key = pki_key("P-256");
	fixture->attestation_key = pki_key("P-256");
	fixture->root = pki_certificate(&(struct pki_request){.name = "Test SGX Root CA",
		.key = fixture->root_key,
		.issuer_key = fixture->root_key,
		.is_ca = true,
		.serial = 1});
	fixture->ca = pki_certificate(&(struct pki_request){.name = "Test SGX PCK Platform CA",
		.key = fixture->ca_key,
		.issuer_key = fixture->root_key,
		.issuer = fixture->root,
		.is_ca = true,
		.serial = 2});
	fixture->signer = pki_certificate(&(struct pki_request){.name = "Intel SGX TCB Signing",
		.key = fixture->signer_key,
		.issuer_key = fixture->root_key,
		.issuer = fixture->root,
		.serial = 3});
	put_extension(&content);
	fixture->pck = pki_certificate(&(struct pki_request){.name = "Test SGX PCK Certificate",
		.key = fixture->pck_key,
		.issuer_key = fixture->ca_key,
		.issuer = fixture->ca,
		.serial = PCK_SERIAL,
		.extensions = &sgx,
		.extension_count = 1});
}

void dcap_fixture_done(struct dcap_fixture *fixture)
{
	EVP_PKEY_free(fixture->root_key);
	EVP_PKEY_free(fixture->ca_key);
	EVP_PKEY_free(fixture->pck_key);
	EVP_PKEY_free(fixture->signer_key);
	EVP_PKEY_free(fixture->attestation_key);
	X509_free(fixture->root);
	X509_free(fixture->ca);
	X509_free(fixture->pck);
	X509_free(fixture->signer);
}

void dcap_fixture_root(const struct dcap_fixture *fixture, struct bytes *to)
{
	pki_put_pem(to, fixture->root);
}

static void put_sgx_body(struct bytes *to, bool is_debug, uint8_t signer, uint16_t product,
	uint16_t svn, const uint8_t report_data[64])
{
	uint8_t digest[32];

	bytes_put_zero(to, 48);
	bytes_put(to, is_debug ? "\7" : "\5", 1);
	bytes_put_zero(to, 15);
	memset(digest, 0xaa, sizeof(digest));
	bytes_put(to, digest, 32);
	bytes_put_zero(to, 32);
	memset(digest, signer, sizeof(digest));
	bytes_put(to, digest, 32);
	bytes_put_zero(to, 96);
	bytes_put_le(to, product, 2);
	bytes_put_le(to, svn, 2);
	bytes_put_zero(to, 60);
	bytes_put(to, report_data, 64);
}

static uint8_t module_version(const struct dcap_fixture_options *options)
{
	if (options->module_version == FIXTURE_NO_VERSION)
		return 0;
	return options->module_version ? options->module_version : 1;
}

static void put_tdx_body(
	struct bytes *to, const struct dcap_fixture_options *options, const uint8_t report_data[64])
{
	uint8_t digest[48];

	bytes_put_le(to, options->is_relaunch_needed ? MODULE_SVN - 1 : MODULE_SVN, 1);
	bytes_put_le(to, module_version(options), 1);
	bytes_put_zero(to, 14 + 48 + 48 + 8);
	bytes_put_le(to, options->is_debug, 8);
	bytes_put_zero(to, 8);
	memset(digest, 0xbb, sizeof(digest));
	bytes_put(to, digest, 48);
	bytes_put_zero(to, 3 * 48 + 4 * 48);
	bytes_put(to, report_data, 64);
	if (!options->is_1_5)
		return;
	bytes_put_le(to, MODULE_SVN, 1);
	bytes_put_le(to, module_version(options), 1);
	bytes_put_zero(to, 14 + 48);
}

static void put_body(struct bytes *to, const struct dcap_fixture_options *options)
{
	uint8_t report_data[64] = {0};

	if (options->report_digest)
		memcpy(report_data, options->report_digest, 32);
	else if (options->report_data)
		memcpy(report_data, options->report_data, strlen(options->report_data));
	if (options->is_tdx)
		put_tdx_body(to, options, report_data);
	else
		put_sgx_body(to, options->is_debug, 0xcc, 7, 3, report_data);
}

static void put_header(
	struct bytes *to, uint16_t version, const struct dcap_fixture_options *options)
{
	bytes_put_le(to, version, 2);
	bytes_put_le(to, 2, 2);
	bytes_put_le(to, options->is_tdx ? 0x81 : 0, 4);
	bytes_put_zero(to, 4);
	bytes_put(to, "\x93\x9a\x72\x33\xf7\x9c\x4c\xa9\x94\x0a\x0d\xb3\x95\x7f\x06\x07", 16);
	bytes_put_zero(to, 20);
	if (version == 5) {
		bytes_put_le(to, options->is_tdx ? options->is_1_5 ? 3 : 2 : 1, 2);
		bytes_put_le(to, options->is_tdx ? options->is_1_5 ? 648 : 584 : 384, 4);
	}
}

static void put_certificate(
	const struct dcap_fixture_options *options, X509 *certificate, struct bytes *to)
{
	if (options->is_der)
		pki_put_der(to, certificate);
	else
		pki_put_pem(to, certificate);
}

/* Which processor it is: by its PPID, for whoever has the certificate, in clear or encrypted for
 * Intel; by the certificate; or by that with all above it. */
static void put_processor(const struct dcap_fixture *fixture,
	const struct dcap_fixture_options *options, uint16_t type, struct bytes *to)
{
	switch (type) {
	case DCAP_CERTIFICATION_PPID_CLEAR:
		bytes_put(to, options->is_another_ppid ? "\1\2\4" : PPID, 3);
		bytes_put_zero(to, 13 + 20);
		return;
	case DCAP_CERTIFICATION_PPID_RSA2048:
		bytes_put_zero(to, 256 + 20);
		return;
	case DCAP_CERTIFICATION_PPID_RSA3072:
		bytes_put_zero(to, 384 + 20);
		return;
	default:
		put_certificate(options, fixture->pck, to);
		if (type != DCAP_CERTIFICATION_PCK_CHAIN)
			return;
		if (!options->is_ca_missing)
			put_certificate(options, fixture->ca, to);
		put_certificate(options, fixture->root, to);
		return;
	}
}

static void put_certification(const struct dcap_fixture *fixture,
	const struct dcap_fixture_options *options, struct bytes *to)
{
	uint16_t type =
		options->certification ? options->certification : DCAP_CERTIFICATION_PCK_CHAIN;
	struct bytes data = {0};

	put_processor(fixture, options, type, &data);
	bytes_put_le(to, type, 2);
	bytes_put_le(to, data.size, 4);
	bytes_put(to, data.data, data.size);
	bytes_done(&data);
}

/* The quoting enclave's report, with the key and four bytes of its own in the digest. */
static void put_qe(const struct dcap_fixture *fixture, const struct dcap_fixture_options *options,
	struct bytes *to)
{
	struct bytes report = {0};
	uint8_t key[64], signature[64], report_data[EVP_MAX_MD_SIZE] = {0};
	const struct span parts[] = {{key, 64}, {(const uint8_t *)"auth", 4}};

	pki_point(fixture->attestation_key, 32, key);
	if (signature_digest("SHA256", parts, 2, report_data) != 32)
		abort();
	put_sgx_body(&report, options->is_qe_debug, 0xdd, QE_PRODUCT, QE_SVN, report_data);
	pki_sign(fixture->pck_key, "SHA256", bytes_span(&report), 32, signature);
	bytes_put(to, report.data, report.size);
	bytes_put(to, signature, 64);
	bytes_put_le(to, 4, 2);
	bytes_put_text(to, "auth");
	put_certification(fixture, options, to);
	bytes_done(&report);
}

void dcap_fixture_quote(const struct dcap_fixture *fixture,
	const struct dcap_fixture_options *options, struct bytes *to)
{
	uint16_t version = options->version ? options->version : 3;
	struct bytes signature_data = {0}, qe = {0};
	uint8_t signature[64], key[64];

	put_header(to, version, options);
	put_body(to, options);
	pki_sign(fixture->attestation_key, "SHA256", bytes_span(to), 32, signature);
	pki_point(fixture->attestation_key, 32, key);
	bytes_put(&signature_data, signature, 64);
	bytes_put(&signature_data, key, 64);
	put_qe(fixture, options, &qe);
	if (version > 3) {
		bytes_put_le(&signature_data, 6, 2);
		bytes_put_le(&signature_data, qe.size, 4);
	}
	bytes_put(&signature_data, qe.data, qe.size);
	bytes_put_le(to, signature_data.size, 4);
	bytes_put(to, signature_data.data, signature_data.size);
	bytes_done(&signature_data);
	bytes_done(&qe);
}

#define DATES "\"issueDate\":\"2025-06-15T00:00:00Z\",\"nextUpdate\":\"2025-06-16T00:00:00Z\","
#define ZEROS_16 "00000000000000000000000000000000"
#define ZEROS_48 ZEROS_16 ZEROS_16 ZEROS_16

/* Version 1 had no dates. */
static void put_judgement(
	struct bytes *to, uint8_t version, const char *status, const char *advisory)
{
	char text[200];

	snprintf(text, sizeof(text), "%s\"%s\":\"%s\"%s%s%s",
		version == 1 ? "" : "\"tcbDate\":\"2025-01-01T00:00:00Z\",",
		version == 1 ? "status" : "tcbStatus", status ? status : "UpToDate",
		advisory ? ",\"advisoryIDs\":[\"" : "", advisory ? advisory : "",
		advisory ? "\"]" : "");
	bytes_put_text(to, text);
}

static void put_named_components(struct bytes *to, unsigned int first)
{
	char text[64];

	for (unsigned int i = 1; i <= 16; i++) {
		snprintf(text, sizeof(text), "\"sgxtcbcomp%02usvn\":%u,", i, i == 1 ? first : 0);
		bytes_put_text(to, text);
	}
}

static void put_components(struct bytes *to, const char *name, unsigned int first)
{
	char text[64];

	snprintf(text, sizeof(text), "\"%s\":[{\"svn\":%u}", name, first);
	bytes_put_text(to, text);
	for (int i = 1; i < 16; i++)
		bytes_put_text(to, ",{\"svn\":0}");
	bytes_put_text(to, "],");
}

void dcap_fixture_tcb_info(const struct dcap_fixture_options *options, struct bytes *to)
{
	uint8_t version = options->tcb_version ? options->tcb_version : 3;
	char text[256];

	snprintf(text, sizeof(text), "{%s\"version\":%u," DATES "\"fmspc\":\"%s\",%s%s",
		version < 3       ? ""
		: options->is_tdx ? "\"id\":\"TDX\","
				  : "\"id\":\"SGX\",",
		version, options->is_another_processor ? "112233445566" : "00906EA10000",
		version == 1 ? "" : "\"pceId\":\"0000\",",
		version == 1 ? "" : "\"tcbType\":0,\"tcbEvaluationDataNumber\":17,");
	bytes_put_text(to, text);
	if (options->is_tdx) {
		bytes_put_text(to,
			"\"tdxModule\":{\"mrsigner\":\"" ZEROS_48 "\",\"attributes\":"
			"\"0000000000000000\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\"},"
			"\"tdxModuleIdentities\":[{\"id\":\"TDX_01\",\"mrsigner\":\"" ZEROS_48
			"\",\"attributes\":\"0000000000000000\",\"attributesMask\":"
			"\"FFFFFFFFFFFFFFFF\",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":3},");
		put_judgement(to, 3, options->module_status, NULL);
		bytes_put_text(to, "},{\"tcb\":{\"isvsvn\":1},");
		put_judgement(to, 3, "OutOfDate", NULL);
		bytes_put_text(to, "}]}],");
	}
	bytes_put_text(to, "\"tcbLevels\":[{\"tcb\":{");
	if (version < 3)
		put_named_components(to, options->needed_component);
	else
		put_components(to, "sgxtcbcomponents", options->needed_component);
	if (options->is_tdx)
		put_components(to, "tdxtcbcomponents", options->needed_tdx_component);
	bytes_put_text(to, "\"pcesvn\":13},");
	put_judgement(to, version, options->status, options->advisory);
	bytes_put_text(to, "}]}");
}

void dcap_fixture_identity(const struct dcap_fixture_options *options, struct bytes *to)
{
	bool is_first = options->identity_version == 1;
	char text[80];

	bytes_put_text(
		to, is_first ? "{\"version\":1,"
		    : options->is_tdx
			    ? "{\"id\":\"TD_QE\",\"version\":2,\"tcbEvaluationDataNumber\":17,"
			    : "{\"id\":\"QE\",\"version\":2,\"tcbEvaluationDataNumber\":17,");
	bytes_put_text(to, DATES "\"miscselect\":\"00000000\",\"miscselectMask\":"
				 "\"FFFFFFFF\",\"attributes\":\"05000000000000000000000000000000\","
				 "\"attributesMask\":"
				 "\"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\",\"mrsigner\":\"");
	for (int i = 0; i < 32; i++)
		bytes_put_text(to, "dd");
	snprintf(text, sizeof(text), "\",\"isvprodid\":1,%s\"isvsvn\":%u}",
		is_first ? "" : "\"tcbLevels\":[{\"tcb\":{",
		options->identity_svn ? options->identity_svn : QE_SVN);
	bytes_put_text(to, text);
	if (is_first)
		return;
	bytes_put_text(to, ",");
	put_judgement(to, 2, options->qe_status, NULL);
	bytes_put_text(to, "}]}");
}

/* Text as a member of JSON: it has neither control characters but newlines, nor backslashes. */
static void put_string(struct bytes *to, const char *name, const struct bytes *text)
{
	bytes_put_text(to, "\"");
	bytes_put_text(to, name);
	bytes_put_text(to, "\":\"");
	for (size_t i = 0; i < text->size; i++) {
		if (text->data[i] == '"')
			bytes_put_text(to, "\\\"");
		else if (text->data[i] == '\n')
			bytes_put_text(to, "\\n");
		else
			bytes_put(to, text->data + i, 1);
	}
	bytes_put_text(to, "\",");
}

static void put_hex_member(struct bytes *to, const char *name, const void *bytes, size_t size)
{
	struct bytes hex = {0};

	bytes_put_hex(&hex, bytes, size);
	put_string(to, name, &hex);
	bytes_done(&hex);
}

static void put_signed(const struct dcap_fixture *fixture, struct bytes *to, const char *name,
	const char *signature_name, struct bytes *text)
{
	uint8_t signature[64];

	pki_sign(fixture->signer_key, "SHA256", bytes_span(text), 32, signature);
	put_string(to, name, text);
	put_hex_member(to, signature_name, signature, 64);
	bytes_done(text);
}

static void put_list(struct bytes *to, const char *name, X509 *issuer, EVP_PKEY *key, long revoked)
{
	struct bytes der = {0};

	pki_crl(&(struct pki_list){.issuer = issuer, .key = key, .revoked = revoked}, &der);
	put_hex_member(to, name, der.data, der.size);
	bytes_done(&der);
}

void dcap_fixture_collateral(const struct dcap_fixture *fixture,
	const struct dcap_fixture_options *options, struct bytes *to)
{
	struct bytes text = {0};

	bytes_put_text(to, "{");
	put_list(to, "root_ca_crl", fixture->root, fixture->root_key, 0);
	put_list(to, "pck_crl", fixture->ca, fixture->ca_key,
		options->is_pck_revoked ? PCK_SERIAL : 0);
	pki_put_pem(&text, fixture->ca);
	put_string(to, "pck_crl_issuer_chain", &text);
	bytes_done(&text);
	if (options->certification && options->certification < DCAP_CERTIFICATION_PCK_LEAF) {
		pki_put_pem(&text, fixture->pck);
		put_string(to, "pck_certificate_chain", &text);
		bytes_done(&text);
	}
	pki_put_pem(&text, fixture->signer);
	put_string(to, "tcb_info_issuer_chain", &text);
	bytes_done(&text);
	dcap_fixture_tcb_info(options, &text);
	put_signed(fixture, to, "tcb_info", "tcb_info_signature", &text);
	dcap_fixture_identity(options, &text);
	put_signed(fixture, to, "qe_identity", "qe_identity_signature", &text);
	to->data[to->size - 1] = '}'; /* in place of the last comma */
}
