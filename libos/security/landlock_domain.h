/* Domains as those who ask them see them: see libos/security/landlock.h. */
#ifndef LIBOS_SECURITY_LANDLOCK_DOMAIN_H
#define LIBOS_SECURITY_LANDLOCK_DOMAIN_H

#include "libos/security/landlock.h"
#include "libos/security/landlock_rules.h"

#define LANDLOCK_LAYERS_MAX 16U

struct landlock_domain {
	int32_t reference_count;       /* of threads, newer domains, sockets and owners of files */
	uint32_t layer;                /* how many are before it; the first's is 0 */
	struct landlock_domain *older; /* referenced; NULL: the first */
	struct landlock_rules rules;
};

#define LANDLOCK_FOR_EACH_LAYER(at, domain)                                                        \
	for (const struct landlock_domain *at = (domain); at; at = at->older)

/* A domain on top of @older (a reference is taken) with a copy of @rules. -ENOMEM; -E2BIG: there
 * are enough layers. */
MUST_CHECK int landlock_domain_new(struct landlock_domain *older,
	const struct landlock_rules *rules, struct landlock_domain **ret_domain);

#endif
