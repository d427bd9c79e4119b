// SPDX-License-Identifier: GPL-2.0
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/io.h>
#include <linux/uaccess.h>

#include "abi/sgx.h"
#include "driver/driver.h"

#define DONATE_COUNT 128 /* frames at a time */

/* Under life_lock, but for what enter reads: that never changes again once number is set. */
struct enclave {
	unsigned long number;     /* 0: none */
	unsigned long generation; /* of the hypervisor that has it */
	struct window window;
};

int enclave_open(struct enclave **ret_enclave)
{
	*ret_enclave = kzalloc(sizeof(**ret_enclave), GFP_KERNEL);
	if (!*ret_enclave)
		return -ENOMEM;
	window_init(&(*ret_enclave)->window);
	return 0;
}

static bool is_alive(const struct enclave *enclave)
{
	return life_is_enabled() && READ_ONCE(enclave->number) &&
	       enclave->generation == READ_ONCE(life_generation);
}

/* Nobody is inside any more: the file has no user. */
void enclave_release(struct enclave *enclave)
{
	mutex_lock(&life_lock);
	if (is_alive(enclave)) {
		hypercall(HC_ENCLAVE_DESTROY, enclave->number, 0);
		frames_reclaim(); /* every processor flushes by the way */
	}
	window_release(&enclave->window);
	mutex_unlock(&life_lock);
	kfree(enclave);
}

long call_with_frames(unsigned long number, unsigned long a, unsigned long b, unsigned long c)
{
	long r = hypercall3(number, a, b, c);

	if (r == -ENOMEM && frames_donate(DONATE_COUNT) == 0)
		r = hypercall3(number, a, b, c);
	return r;
}

static long create(struct enclave *enclave, void __user *from, void *page)
{
	long r;

	if (enclave->number)
		return -EBUSY;
	if (copy_from_user(page, from, sizeof(struct sgx_secs)))
		return -EFAULT;
	r = call_with_frames(HC_ENCLAVE_CREATE, virt_to_phys(page), 0, 0);
	if (r < 0)
		return r;
	enclave->generation = life_generation;
	WRITE_ONCE(enclave->number, r);
	return 0;
}

static long add(struct enclave *enclave, void __user *from, void *page)
{
	struct hc_enclave_add *request;
	struct casemate_add add;
	long r = 0;
	u64 at;

	if (copy_from_user(&add, from, sizeof(add)))
		return -EFAULT;
	if (!PAGE_ALIGNED(add.offset | add.size))
		return -EINVAL;
	request = kzalloc(sizeof(*request), GFP_KERNEL); /* a power of two: within a page */
	if (!request)
		return -ENOMEM;
	for (at = 0; r == 0 && at < add.size; at += PAGE_SIZE) {
		request->enclave = enclave->number;
		request->offset = add.offset + at;
		request->secinfo_flags = add.secinfo_flags;
		request->source = virt_to_phys(page);
		if (copy_from_user(page, (void __user *)(add.source + at), PAGE_SIZE))
			r = -EFAULT;
		else
			r = call_with_frames(HC_ENCLAVE_ADD, virt_to_phys(request), 0, 0);
		cond_resched();
	}
	kfree(request);
	return r;
}

static long init(struct enclave *enclave, void __user *from, void *page)
{
	if (copy_from_user(page, from, sizeof(struct sgx_sigstruct)))
		return -EFAULT;
	return hypercall(HC_ENCLAVE_INIT, enclave->number, virt_to_phys(page));
}

static long build(struct enclave *enclave, unsigned int command, void __user *argument)
{
	void *page = (void *)get_zeroed_page(GFP_KERNEL);
	long r = -ENODEV;

	if (!page)
		return -ENOMEM;
	mutex_lock(&life_lock);
	if (life_is_enabled() && command == CASEMATE_IOC_CREATE)
		r = create(enclave, argument, page);
	else if (is_alive(enclave) && command == CASEMATE_IOC_ADD)
		r = add(enclave, argument, page);
	else if (is_alive(enclave) && command == CASEMATE_IOC_INIT)
		r = init(enclave, argument, page);
	mutex_unlock(&life_lock);
	free_page((unsigned long)page);
	return r;
}

/* ---- Once it runs ---- */

static long on_pages(struct enclave *enclave, unsigned long number, void __user *from)
{
	struct casemate_range range;
	long r = 0;
	u64 at;

	if (copy_from_user(&range, from, sizeof(range)))
		return -EFAULT;
	if (!PAGE_ALIGNED(range.offset | range.size))
		return -EINVAL;
	for (at = 0; r == 0 && at < range.size; at += PAGE_SIZE) {
		r = call_with_frames(number, enclave->number, range.offset + at, 0);
		cond_resched();
	}
	return r;
}

/* No processor remembers a page that was trimmed: the enclave may say so. */
static long trim(struct enclave *enclave, void __user *from)
{
	long r = on_pages(enclave, HC_ENCLAVE_TRIM, from);

	flush_all();
	return r;
}

static long remove(struct enclave *enclave, void __user *from)
{
	long r = on_pages(enclave, HC_ENCLAVE_REMOVE, from);

	frames_reclaim();
	return r;
}

static long flush(void)
{
	flush_all();
	return 0;
}

static long change_living(struct enclave *enclave, unsigned int command, void __user *argument)
{
	switch (command) {
	case CASEMATE_IOC_AUGMENT:
		return on_pages(enclave, HC_ENCLAVE_AUGMENT, argument);
	case CASEMATE_IOC_TRIM:
		return trim(enclave, argument);
	case CASEMATE_IOC_REMOVE:
		return remove(enclave, argument);
	case CASEMATE_IOC_SHARE:
		return window_share(&enclave->window, enclave->number, argument);
	case CASEMATE_IOC_UNSHARE:
		return window_unshare(&enclave->window, enclave->number, argument);
	case CASEMATE_IOC_FLUSH:
		return flush();
	}
	return -ENOTTY;
}

static long change(struct enclave *enclave, unsigned int command, void __user *argument)
{
	long r = -ENODEV;

	mutex_lock(&life_lock);
	if (is_alive(enclave))
		r = change_living(enclave, command, argument);
	mutex_unlock(&life_lock);
	return r;
}

/* With interrupts off, so that nobody switches the hypervisor off between the look and the call.
 * One that comes while the enclave runs ends its turn, and is served when they are on again. */
static long enter_once(const struct enclave *enclave, struct casemate_enter *enter)
{
	long r = -ENODEV;

	local_irq_disable();
	if (is_alive(enclave))
		r = hypercall_enter(enclave->number, enter->tcs, enter->words);
	local_irq_enable();
	return r;
}

static long enter(const struct enclave *enclave, void __user *argument)
{
	struct casemate_enter enter;
	long r;

	if (copy_from_user(&enter, argument, sizeof(enter)))
		return -EFAULT;
	for (;;) {
		r = enter_once(enclave, &enter);
		if (r != HC_EXIT_INTERRUPTED)
			break;
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	if (r < 0)
		return r;
	enter.reason = r;
	return copy_to_user(argument, &enter, sizeof(enter)) ? -EFAULT : 0;
}

long enclave_ioctl(struct enclave *enclave, unsigned int command, void __user *argument)
{
	switch (command) {
	case CASEMATE_IOC_CREATE:
	case CASEMATE_IOC_ADD:
	case CASEMATE_IOC_INIT:
		return build(enclave, command, argument);
	case CASEMATE_IOC_ENTER:
		return enter(enclave, argument);
	}
	return change(enclave, command, argument);
}
