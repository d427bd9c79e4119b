/* Runs a command below a system-call filter like that of docker's and podman's default profile for
 * a container without privileges: what it denies gets EPERM, clone3 ENOSYS (so that libraries use
 * clone, whose flags a filter can see). The command's children inherit it. usage: container_filter
 * COMMAND...
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET)

static const int denied[] = {SYS_acct, SYS_add_key, SYS_adjtimex, SYS_bpf, SYS_clock_adjtime,
	SYS_clock_settime, SYS_create_module, SYS_delete_module, SYS_fanotify_init,
	SYS_finit_module, SYS_fsconfig, SYS_fsmount, SYS_fsopen, SYS_fspick, SYS_get_kernel_syms,
	SYS_get_mempolicy, SYS_init_module, SYS_io_uring_enter, SYS_io_uring_register,
	SYS_io_uring_setup, SYS_ioperm, SYS_iopl, SYS_kcmp, SYS_kexec_file_load, SYS_kexec_load,
	SYS_keyctl, SYS_lookup_dcookie, SYS_mbind, SYS_mount, SYS_mount_setattr, SYS_move_mount,
	SYS_move_pages, SYS_nfsservctl, SYS_open_by_handle_at, SYS_open_tree, SYS_perf_event_open,
	SYS_pidfd_getfd, SYS_pivot_root, SYS_process_madvise, SYS_process_vm_readv,
	SYS_process_vm_writev, SYS_ptrace, SYS_query_module, SYS_quotactl, SYS_reboot,
	SYS_request_key, SYS_set_mempolicy, SYS_setns, SYS_settimeofday, SYS_swapoff, SYS_swapon,
	SYS_syslog, SYS__sysctl, SYS_umount2, SYS_unshare, SYS_uselib, SYS_userfaultfd, SYS_ustat,
	SYS_vhangup, SYS_vmsplice};

#define DENIED_COUNT (sizeof(denied) / sizeof(denied[0]))
#define LOAD(field)                                                                                \
	(struct sock_filter)                                                                       \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, (value))
#define SKIP_UNLESS(number, count)                                                                 \
	(struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, (count))
#define DENY RETURN(SECCOMP_RET_ERRNO | EPERM)

int main(int argc, char **argv)
{
	struct sock_filter filter[2 * DENIED_COUNT + 32], *f = filter;
	struct sock_fprog program = {.filter = filter};

	if (argc < 2)
		return 125;
	*f++ = LOAD(arch);
	*f++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	*f++ = DENY;
	*f++ = LOAD(nr);
	for (size_t i = 0; i < DENIED_COUNT; i++) {
		*f++ = SKIP_UNLESS((unsigned int)denied[i], 1);
		*f++ = DENY;
	}
	*f++ = SKIP_UNLESS(SYS_clone3, 1);
	*f++ = RETURN(SECCOMP_RET_ERRNO | ENOSYS);
	*f++ = SKIP_UNLESS(SYS_clone, 4);
	*f++ = LOAD(args[0]);
	*f++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1);
	*f++ = DENY;
	*f++ = RETURN(SECCOMP_RET_ALLOW);
	/* Of execution domains Linux's own, and that without address randomisation */
	*f++ = SKIP_UNLESS(SYS_personality, 5);
	*f++ = LOAD(args[0]);
	*f++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0);
	*f++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 8, 2, 0);
	*f++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 1, 0);
	*f++ = DENY;
	*f++ = RETURN(SECCOMP_RET_ALLOW);
	program.len = (unsigned short)(f - filter);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) {
		perror("container_filter");
		return 125;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
