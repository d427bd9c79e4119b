/* The keyrings that a thread has, and what it finds there: keyrings(7), "Anchoring keys". With
 * keys_lock held, but for the three that say otherwise. */
#ifndef LIBOS_PROCESSES_KEYRINGS_H
#define LIBOS_PROCESSES_KEYRINGS_H

#include "libos/processes/keys.h"

struct thread;
struct process;

/* How a key is looked up: the lower bits are what it is needed for (enum key_need). */
#define KEY_LOOKUP_CREATE 0x100U   /* a keyring of the thread's that it has not yet is made */
#define KEY_LOOKUP_UNUSABLE 0x200U /* revoked, expired and negative ones too */

/* By its number or by what it is to the calling thread (KEY_SPEC_*): referenced. -EINVAL, -ENOKEY,
 * -EACCES, what key_check says; -EDQUOT, -ENOMEM. */
MUST_CHECK int key_lookup(int32_t id, uint32_t how, struct key **ret_key);
/* The same, and it is a keyring: -ENOTDIR. */
MUST_CHECK int keyring_lookup(int32_t id, uint32_t how, struct key **ret_key);
/* May the calling thread do that with it? 0 or -EACCES */
MUST_CHECK int key_permit(struct key *key, uint32_t need);
/* Does the calling thread hold it, in a keyring that it may search? */
bool key_is_possessed(struct key *key);
/* Below @top (NULL: the keyrings of the calling thread), not referenced: -ENOKEY, or what is wrong
 * with the only ones there are. */
MUST_CHECK int key_search(struct key *top, const struct key_type *type, const char *description,
	struct key **ret_key);
/* The calling process gets another session keyring, a new one or, with a name, one that there is.
 */
MUST_CHECK int keyring_join_session(const char *name, int32_t *ret_serial);
/* The parent gets the calling process's session keyring: keyctl_session_to_parent(3). -EACCES;
 * -EPERM: it is another user's, has threads, or is the first process. Process table locked, too. */
MUST_CHECK int keyring_give_session(void);
/* Where a key goes that was asked for without saying where: referenced. */
MUST_CHECK int keyring_destination(struct key **ret_key);

/* These take the lock. clone(2); execve(2), which leaves the session's alone; the end. */
void keyrings_inherit(struct thread *child, struct thread *parent);
void keyrings_exec(struct thread *thread);
void keyrings_release(struct thread *thread);
void keyrings_exit(struct process *process);

#endif
