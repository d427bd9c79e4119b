#include "attestation/pck_certificate.h"

#include <errno.h>

#include "attestation/der.h"

#define SGX_EXTENSION "1.2.840.113741.1.13.1"

/* The OIDs within begin as that of the extension; what comes after is the name of the field. */
static const uint8_t prefix[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

enum field {
	FIELD_PPID = 1,
	FIELD_TCB = 2,
	FIELD_PCE_ID = 3,
	FIELD_FMSPC = 4,
	TCB_PCE_SVN = 17, /* 1 to 16 are the components */
	TCB_CPU_SVN = 18,
};

bool pck_certificate_is(const X509 *certificate)
{
	struct span content;

	return certificate_extension(certificate, SGX_EXTENSION, &content);
}

/* The last number of an OID that is @above and one more; 0 for any other. */
static unsigned int field_of(struct span oid, const uint8_t *above, size_t above_size)
{
	if (oid.size != above_size + 1 || memcmp(oid.data, above, above_size))
		return 0;
	return oid.data[above_size];
}

static void read_octets(struct reader *value, void *to, size_t size)
{
	struct span octets = der_take(value, DER_OCTET_STRING);

	if (octets.size == size)
		memcpy(to, octets.data, size);
	else
		value->failed = true;
}

/* Each field once: @seen has a bit for it. */
static bool is_new(uint32_t *seen, unsigned int field)
{
	bool fresh = !(*seen & 1u << field);

	*seen |= 1u << field;
	return fresh;
}

static int read_tcb(struct span tcb, struct pck_certificate *to)
{
	struct reader list = reader_of(tcb);
	uint8_t above[sizeof(prefix) + 1];
	uint32_t seen = 0;

	memcpy(above, prefix, sizeof(prefix));
	above[sizeof(prefix)] = FIELD_TCB;
	while (!list.failed && reader_left(&list)) {
		struct reader pair = reader_of(der_take(&list, DER_SEQUENCE));
		unsigned int field = field_of(der_take(&pair, DER_OID), above, sizeof(above));

		if (field < 1 || field > TCB_CPU_SVN || !is_new(&seen, field))
			return -EINVAL;
		if (field == TCB_CPU_SVN)
			read_octets(&pair, to->cpu_svn, sizeof(to->cpu_svn));
		else if (field == TCB_PCE_SVN)
			to->pce_svn = (uint16_t)der_unsigned(&pair, UINT16_MAX);
		else
			to->components[field - 1] = (uint8_t)der_unsigned(&pair, UINT8_MAX);
		if (pair.failed || reader_left(&pair))
			return -EINVAL;
	}
	return list.failed || seen != 0x7fffe ? -EINVAL : 0;
}

static int read_field(struct reader *pair, unsigned int field, struct pck_certificate *to)
{
	switch (field) {
	case FIELD_PPID:
		read_octets(pair, to->ppid, sizeof(to->ppid));
		break;
	case FIELD_TCB:
		return read_tcb(der_take(pair, DER_SEQUENCE), to);
	case FIELD_PCE_ID:
		read_octets(pair, to->pce_id, sizeof(to->pce_id));
		break;
	case FIELD_FMSPC:
		read_octets(pair, to->fmspc, sizeof(to->fmspc));
		break;
	default: /* SGX type, platform instance, configuration: of no interest here */
		break;
	}
	return pair->failed ? -EINVAL : 0;
}

int pck_certificate_read(const X509 *certificate, struct pck_certificate *ret_pck)
{
	struct pck_certificate pck = {0};
	struct reader outer, list;
	struct span content;
	uint32_t seen = 0;

	if (!certificate_extension(certificate, SGX_EXTENSION, &content))
		return -EINVAL;
	outer = reader_of(content);
	list = reader_of(der_take(&outer, DER_SEQUENCE));
	while (!outer.failed && !list.failed && reader_left(&list)) {
		struct reader pair = reader_of(der_take(&list, DER_SEQUENCE));
		unsigned int field = field_of(der_take(&pair, DER_OID), prefix, sizeof(prefix));

		if (field < 1 || field > 31 || !is_new(&seen, field) ||
			read_field(&pair, field, &pck) < 0)
			return -EINVAL;
	}
	if (outer.failed || list.failed || reader_left(&outer) || (seen & 0x1e) != 0x1e)
		return -EINVAL;
	*ret_pck = pck;
	return 0;
}
