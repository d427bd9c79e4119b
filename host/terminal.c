#include "host/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* Those that end a process, unless they are passed on: host/signals.c. */
static const int ending_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS,
	SIGFPE, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU, SIGXFSZ,
	SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSYS};

/* For the handlers. */
static int terminal = -1;
static struct termios before, raw;
static volatile sig_atomic_t is_raw, is_wanted;

static void set(const struct termios *settings)
{
	int saved_errno = errno;

	/* Output that is on its way is not lost; interrupted by a signal it is tried again. */
	while (tcsetattr(terminal, TCSADRAIN, settings) < 0 && errno == EINTR)
		continue;
	errno = saved_errno;
}

void host_terminal_suspend(void)
{
	if (is_raw)
		set(&before);
	is_raw = 0;
}

void host_terminal_restore(void)
{
	host_terminal_suspend();
	is_wanted = 0;
}

void host_terminal_resume(void)
{
	if (!is_wanted)
		return;
	set(&raw);
	is_raw = 1;
}

static void on_end(int signo)
{
	host_terminal_suspend();
	/* The default action, and it is unblocked when this returns. */
	signal(signo, SIG_DFL);
	raise(signo);
}

static void restore_on_signals(void)
{
	struct sigaction action = {.sa_handler = on_end}, old;

	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(ending_signals); i++)
		if (!sigaction(ending_signals[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(ending_signals[i], &action, NULL);
}

int host_terminal_make_raw(int fd)
{
	if (tcgetattr(fd, &before) < 0)
		return -errno;
	raw = before;
	cfmakeraw(&raw);
	terminal = fd;
	if (atexit(host_terminal_restore))
		return -ENOMEM;
	restore_on_signals();
	is_wanted = 1;
	host_terminal_resume();
	return 0;
}
