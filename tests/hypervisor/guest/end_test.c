/* Ends of a Linux that no one asked the hypervisor about, while an enclave has a secret.
 *
 *	end_test panic FILE: returns, and the next panic is watched
 *	end_test kexec FILE KERNEL INITRD: does not return */
#include <sys/reboot.h>
#include <linux/reboot.h>
#include <sys/syscall.h>

#include "tests/hypervisor/guest/attacker.h"

static bool start_kernel(const char *kernel, const char *initrd)
{
	char line[1024];
	FILE *file = fopen("/proc/cmdline", "re");
	int kernel_fd = open(kernel, O_RDONLY | O_CLOEXEC);
	int initrd_fd = open(initrd, O_RDONLY | O_CLOEXEC);

	if (!file || !fgets(line, sizeof(line) - 32, file))
		return false;
	line[strcspn(line, "\n")] = 0;
	strcat(line, " casemate.again");
	if (syscall(SYS_kexec_file_load, kernel_fd, initrd_fd, strlen(line) + 1, line, 0) < 0)
		return false;
	reboot(LINUX_REBOOT_CMD_KEXEC);
	return false;
}

/* The enclave lives as long as somebody has its file open. */
static void keep(void)
{
	if (fork() == 0)
		pause();
}

int main(int argc, char **argv)
{
	struct image image;
	int fd;

	if (argc < 3 || !attacker_open())
		return 2;
	fd = start(argv[2], &image);
	point(fd >= 0 && enter(fd, image.tcs, TEST_SECRET, SECRET_SEED, 0, 0) == 1,
		"an enclave has a secret, before the end");
	keep();
	if (argc == 5)
		point(start_kernel(argv[3], argv[4]), "another kernel is started");
	else
		point(attack(ATTACK_PANIC, 0, 0, 0).result == 0, "the panic is watched");
	return 0;
}
