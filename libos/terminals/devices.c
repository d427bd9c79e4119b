#include "libos/terminals/devices.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/major.h>

#include "libos/files/host_stream.h"
#include "libos/files/open.h"
#include "libos/terminals/console.h"
#include "libos/terminals/control.h"
#include "libos/terminals/terminal.h"

/* Opening what is known already never changes whom it controls. */
static int open_known(struct terminal *terminal, struct file *file)
{
	file->flags |= O_NOCTTY;
	return terminal_open_near(terminal, file, false);
}

/* /dev/tty: the caller's terminal, unlocked or not. Without one of ours it is the host's, if that
 * is the one the first process was started at. */
static int tty_open(struct file *file)
{
	CLEANUP(terminal_unrefp) struct terminal *terminal = control_terminal();

	return terminal ? open_known(terminal, file) : host_stream_open_terminal(file);
}

static int console_open(struct file *file)
{
	struct terminal *terminal = console_terminal();

	return terminal ? open_known(terminal, file) : host_stream_open_terminal(file);
}

static int ptmx_open(struct file *file)
{
	struct terminal *terminal;
	int r = terminal_new(&terminal);

	if (r)
		return r;
	file->ops = &terminal_far_ops;
	file->private_data = terminal;
	return 0;
}

static int auxiliary_open(struct inode *inode, struct file *file)
{
	switch (device_minor(inode->rdev)) {
	case DEVICES_TTY:
		return tty_open(file);
	case DEVICES_CONSOLE:
		return console_open(file);
	default:
		return ptmx_open(file);
	}
}

static int numbered_open(struct inode *inode, struct file *file)
{
	CLEANUP(terminal_unrefp)
	struct terminal *terminal = terminal_find(device_minor(inode->rdev));

	return terminal ? terminal_open_near(terminal, file, false) : -EIO;
}

int terminals_init(void)
{
	device_register(TTYAUX_MAJOR, DEVICES_TTY, 3, auxiliary_open);
	device_register(TERMINAL_MAJOR, 0, TERMINAL_COUNT_MAX, numbered_open);
	return devpts_mount();
}
