#include "libos/security/landlock_domain.h"

#include "libos/core/heap.h"

struct landlock_domain *landlock_domain_ref(struct landlock_domain *domain)
{
	if (domain)
		__atomic_add_fetch(&domain->reference_count, 1, __ATOMIC_RELAXED);
	return domain;
}

void landlock_domain_unref(struct landlock_domain *domain)
{
	struct landlock_domain *older;

	while (domain && !__atomic_sub_fetch(&domain->reference_count, 1, __ATOMIC_ACQ_REL)) {
		older = domain->older;
		landlock_rules_done(&domain->rules);
		heap_free(domain);
		domain = older;
	}
}

void landlock_inherit(struct thread *child, const struct thread *parent)
{
	child->landlock = landlock_domain_ref(parent->landlock);
}

int landlock_domain_new(struct landlock_domain *older, const struct landlock_rules *rules,
	struct landlock_domain **ret_domain)
{
	struct landlock_domain *domain;
	int r;

	if (older && older->layer + 1 >= LANDLOCK_LAYERS_MAX)
		return -E2BIG;
	domain = heap_alloc(sizeof(*domain));
	if (!domain)
		return -ENOMEM;
	r = landlock_rules_copy(&domain->rules, rules);
	if (r) {
		heap_free(domain);
		return r;
	}
	/* Handled by all that handle files: what is moved may not be allowed more than before. */
	if (domain->rules.files)
		domain->rules.files |= LANDLOCK_REFER;
	domain->reference_count = 1;
	domain->older = landlock_domain_ref(older);
	domain->layer = older ? older->layer + 1 : 0;
	*ret_domain = domain;
	return 0;
}
