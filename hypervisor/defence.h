/* Each refusal that an attack of the tests has to meet (DESIGN.md, "What is known, and how"), by
 * the name of what refuses. One image, for the tests alone, is without them: there the attacks
 * succeed, which shows that these are what stops them. */
#ifndef HYPERVISOR_DEFENCE_H
#define HYPERVISOR_DEFENCE_H

#ifdef HYPERVISOR_UNDEFENDED
#define DEFENCE(refusal) ((void)(refusal), 0)
#else
#define DEFENCE(refusal) (refusal)
#endif

#endif
