// SPDX-License-Identifier: GPL-2.0
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "driver/driver.h"
#include "driver/trust.h"

static long status(void __user *to)
{
	struct casemate_status status = {};

	mutex_lock(&life_lock);
	life_status(&status);
	mutex_unlock(&life_lock);
	return copy_to_user(to, &status, sizeof(status)) ? -EFAULT : 0;
}

static long event_log(void __user *argument)
{
	long r;

	mutex_lock(&life_lock);
	r = trust_event_log(argument);
	mutex_unlock(&life_lock);
	return r;
}

static long change(unsigned int command, unsigned long argument)
{
	long r = -EINVAL;

	mutex_lock(&life_lock);
	if (command == CASEMATE_IOC_ENABLE)
		r = life_enable();
	else if (!(argument & ~CASEMATE_DISABLE_FORCE))
		r = life_disable(argument & CASEMATE_DISABLE_FORCE);
	mutex_unlock(&life_lock);
	return r;
}

static long device_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	switch (command) {
	case CASEMATE_IOC_ENABLE:
	case CASEMATE_IOC_DISABLE:
		return capable(CAP_SYS_ADMIN) ? change(command, argument) : -EPERM;
	case CASEMATE_IOC_STATUS:
		return status((void __user *)argument);
	case CASEMATE_IOC_EVENT_LOG:
		return event_log((void __user *)argument);
	}
	return enclave_ioctl(file->private_data, command, (void __user *)argument);
}

static int device_open(struct inode *inode, struct file *file)
{
	struct enclave *enclave;
	int r = enclave_open(&enclave);

	if (r == 0)
		file->private_data = enclave;
	return r;
}

static int device_release(struct inode *inode, struct file *file)
{
	enclave_release(file->private_data);
	return 0;
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "casemate",
	.fops = &device_operations,
	.mode = 0600,
};

struct device *casemate_device(void)
{
	return device.this_device;
}

static int __init casemate_init(void)
{
	int r = processors_init();

	if (r < 0)
		return r;
	r = misc_register(&device);
	if (r < 0)
		processors_exit();
	return r;
}

static void __exit casemate_exit(void)
{
	misc_deregister(&device);
	processors_exit();
}

module_init(casemate_init);
module_exit(casemate_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Launches the Casemate hypervisor");
MODULE_FIRMWARE(CASEMATE_FIRMWARE);
