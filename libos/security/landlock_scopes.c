/* Who is out of reach: landlock(7), "Scope flags" and "Ptrace restrictions". */
#include <asm/errno.h>

#include "libos/processes/process.h"
#include "libos/security/landlock_domain.h"

/* Is @outer one of @inner's layers? */
static bool is_within(const struct landlock_domain *inner, const struct landlock_domain *outer)
{
	LANDLOCK_FOR_EACH_LAYER(at, inner)
	if (at == outer)
		return true;
	return false;
}

/* The newest layer with that scope is the narrowest. */
bool landlock_reaches(
	const struct landlock_domain *from, const struct landlock_domain *to, uint32_t scope)
{
	LANDLOCK_FOR_EACH_LAYER(at, from)
	if (at->rules.scopes & scope)
		return is_within(to, at);
	return true;
}

bool landlock_may_signal(const struct thread *from, const struct thread *target)
{
	return LIKELY(!from->landlock) || from->process == target->process ||
	       landlock_reaches(from->landlock, target->landlock, LANDLOCK_SCOPE_SIGNAL);
}

bool landlock_may_inspect(const struct thread *from, const struct thread *target)
{
	return LIKELY(!from->landlock) || from->process == target->process ||
	       is_within(target->landlock, from->landlock);
}
