#include "hypervisor/enclave_call.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "hypervisor/enclave.h"
#include "hypervisor/key.h"
#include "hypervisor/lock.h"
#include "hypervisor/page.h"
#include "hypervisor/stop.h"
#include "hypervisor/validate.h"

static int64_t report(const struct enclave *enclave, uint64_t to, uint64_t from)
{
	struct enclave_report report = {
		.attributes = {enclave->attributes.flags, enclave->attributes.xfrm},
		.isv_prod_id = enclave->prod_id,
		.isv_svn = enclave->svn,
	};
	const struct enclave_target *target = enclave_memory(enclave, from, sizeof(*target));
	void *answer = enclave_memory(enclave, to, sizeof(report));

	if (!target || !answer)
		return -EFAULT;
	memcpy(report.mrenclave, enclave->mrenclave, sizeof(report.mrenclave));
	memcpy(report.mrsigner, enclave->mrsigner, sizeof(report.mrsigner));
	memcpy(report.data, target->data, sizeof(report.data));
	key_authenticate(
		target->mrenclave, &report, offsetof(struct enclave_report, mac), report.mac);
	memcpy(answer, &report, sizeof(report));
	return 0;
}

static int64_t derive(const struct enclave *enclave, uint64_t at)
{
	struct enclave_key_request request, *asked = enclave_memory(enclave, at, sizeof(*asked));
	int r;

	if (!asked)
		return -EFAULT;
	request = *asked;
	r = key_derive(enclave, &request, request.key);
	if (r == 0)
		memcpy(asked->key, request.key, sizeof(asked->key));
	memory_wipe(&request, sizeof(request));
	return r;
}

int64_t enclave_call(struct enclave *enclave, uint64_t number, uint64_t a, uint64_t b)
{
	int64_t r = -ENOSYS;

	lock_take(&hypervisor_lock);
	if (stop_is_wiped())
		r = -ESHUTDOWN;
	else if (number == EC_REPORT)
		r = report(enclave, a, b);
	else if (number == EC_KEY)
		r = derive(enclave, a);
	else if (number == EC_ACCEPT)
		r = page_accept(enclave, a, b);
	else if (number == EC_PROTECT)
		r = page_protect(enclave, a, b);
	if (number == EC_ACCEPT || number == EC_PROTECT)
		validate();
	lock_drop(&hypervisor_lock);
	return r;
}

bool enclave_cpuid(const struct enclave *enclave, uint64_t table, uint32_t leaf, uint32_t subleaf,
	struct enclave_cpuid *ret)
{
	const struct enclave_cpuid *entries;

	*ret = (struct enclave_cpuid){0};
	lock_take(&hypervisor_lock);
	entries = enclave_page(enclave, table);
	for (size_t i = 0; entries && i < ENCLAVE_CPUID_COUNT; i++) {
		if (entries[i].leaf == leaf && (entries[i].subleaf == subleaf ||
						       entries[i].subleaf == ENCLAVE_CPUID_ANY)) {
			*ret = entries[i];
			break;
		}
	}
	lock_drop(&hypervisor_lock);
	return entries;
}
