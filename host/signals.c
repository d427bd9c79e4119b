#include "host/signals.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compiler.h"
#include "host/terminal.h"

static const int forwarded_signals[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT};

/* For the handlers. */
static struct launch_live *live;
static volatile pid_t session;

static void on_forwarded(int signo)
{
	int saved_errno = errno;

	/* It may have been stopped by SIGSTOP, and the shell has changed the terminal meanwhile. */
	if (signo == SIGCONT)
		host_terminal_resume();
	__atomic_or_fetch(&live->host_signals, 1U << (signo - 1), __ATOMIC_RELEASE);
	__atomic_add_fetch(&live->doorbell, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &live->doorbell, FUTEX_WAKE, 1, NULL, NULL, 0);
	errno = saved_errno;
}

static void on_stop(int signo)
{
	int saved_errno = errno;

	(void)signo;
	if (session)
		kill(-session, SIGSTOP);
	host_terminal_suspend();
	raise(SIGSTOP);
	host_terminal_resume();
	if (session)
		kill(-session, SIGCONT);
	errno = saved_errno;
}

static void handle(int signo, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, old;

	sigfillset(&action.sa_mask);
	if (sigaction(signo, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(signo, &action, NULL);
}

void host_signals_forward(struct launch_live *to)
{
	live = to;
	for (size_t i = 0; i < ARRAY_SIZE(forwarded_signals); i++)
		handle(forwarded_signals[i], on_forwarded);
	handle(SIGTSTP, on_stop);
	/* Whoever ignored it may have started us; children could not be waited for. */
	signal(SIGCHLD, SIG_DFL);
}

void host_signals_stop_with(pid_t enclave_session)
{
	session = enclave_session;
}

void host_signals_ignore_all(void)
{
	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_IGN);
}
