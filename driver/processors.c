// SPDX-License-Identifier: GPL-2.0
#include <linux/cpuhotplug.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/reboot.h>
#include <linux/suspend.h>

#include "driver/driver.h"

static int state_prepare, state_online;

/* A processor that starts would start on bare metal, one that stops would wait there: neither is
 * let happen. (If Linux tries all the same, the hypervisor drops the INIT.) */
static int refuse_processor(unsigned int cpu)
{
	return life_is_enabled() ? -EBUSY : 0;
}

/* After sleep the firmware would wake Linux on bare metal, with all memory as it was. */
static int on_sleep(struct notifier_block *block, unsigned long action, void *data)
{
	bool starts = action == PM_SUSPEND_PREPARE || action == PM_HIBERNATION_PREPARE;

	return starts && life_is_enabled() ? notifier_from_errno(-EBUSY) : NOTIFY_DONE;
}

/* Reboot, power-off, and kexec(2), which goes on without any firmware: the machine is given back
 * first. */
static int on_reboot(struct notifier_block *block, unsigned long action, void *data)
{
	mutex_lock(&life_lock);
	if (life_is_enabled() && life_disable(true) < 0)
		hypercall(HC_WIPE, 0, 0);
	mutex_unlock(&life_lock);
	return NOTIFY_DONE;
}

/* Memory may be dumped now, or kept over a reset. */
static int on_panic(struct notifier_block *block, unsigned long action, void *data)
{
	if (life_is_enabled())
		hypercall(HC_WIPE, 0, 0);
	return NOTIFY_DONE;
}

static struct notifier_block sleep_block = {.notifier_call = on_sleep};
static struct notifier_block reboot_block = {.notifier_call = on_reboot};
static struct notifier_block panic_block = {.notifier_call = on_panic};

int processors_init(void)
{
	state_prepare = cpuhp_setup_state_nocalls(
		CPUHP_BP_PREPARE_DYN, "casemate:prepare", refuse_processor, NULL);
	if (state_prepare < 0)
		return state_prepare;
	state_online = cpuhp_setup_state_nocalls(
		CPUHP_AP_ONLINE_DYN, "casemate:online", NULL, refuse_processor);
	if (state_online < 0) {
		cpuhp_remove_state_nocalls(state_prepare);
		return state_online;
	}
	register_pm_notifier(&sleep_block);
	register_reboot_notifier(&reboot_block);
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	return 0;
}

void processors_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
	unregister_reboot_notifier(&reboot_block);
	unregister_pm_notifier(&sleep_block);
	cpuhp_remove_state_nocalls(state_online);
	cpuhp_remove_state_nocalls(state_prepare);
}
