/* Debug images alone: does everything that translates an address agree with the owner array, after
 * each hypercall that may change one of them? If not, the machine is reset. */
#ifndef HYPERVISOR_VALIDATE_H
#define HYPERVISOR_VALIDATE_H

#ifdef HYPERVISOR_DEBUG
/* Under hypervisor_lock. */
void validate(void);
#else
static inline void validate(void)
{
}
#endif

#endif
