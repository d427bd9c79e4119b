/* covers: rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend kill tgkill rt_sigreturn pause */
/* signal(7): actions and their flags, masks, what is pending, how handlers nest. */
#include "tests/conformance/processes/process_test.h"

static volatile sig_atomic_t calls, depth, deepest, last_signal, blocked_inside;
static char order[128];

static void count(int sig)
{
	last_signal = sig;
	calls++;
}

static void log_order(int sig)
{
	size_t n = strlen(order);

	if (n < sizeof(order) - 1)
		order[n] = (char)('A' + sig % 26);
}

static void plain_set(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};

	REQUIRE(sigaction(sig, &sa, NULL) == 0);
}

static void action_errors(void)
{
	struct sigaction sa = {.sa_handler = count}, old;

	CHECK_ERRNO(sigaction(SIGKILL, &sa, NULL), EINVAL);
	CHECK_ERRNO(sigaction(SIGSTOP, &sa, NULL), EINVAL);
	CHECK_OK(sigaction(SIGKILL, NULL, &old));
	CHECK(old.sa_handler == SIG_DFL);
	CHECK_ERRNO(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, bad_address(), NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, 99, &sa, NULL, 8), EINVAL);
	CHECK_OK(syscall(SYS_rt_sigprocmask, 99, NULL, NULL, 8));
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, NULL, 16), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad_address(), NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigpending, bad_address(), 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigsuspend, &sa, 7), EINVAL);
}

static void actions_are_read_back(void)
{
	struct sigaction sa = {.sa_handler = count, .sa_flags = SA_RESTART | SA_NODEFER}, old;

	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaddset(&sa.sa_mask, SIGRTMAX);
	sigaddset(&sa.sa_mask, SIGKILL); /* silently left out */
	CHECK_OK(sigaction(SIGUSR1, &sa, NULL));
	CHECK_OK(sigaction(SIGUSR1, NULL, &old));
	CHECK(old.sa_handler == count);
	CHECK_EQ(old.sa_flags & (SA_RESTART | SA_NODEFER), SA_RESTART | SA_NODEFER);
	CHECK(sigismember(&old.sa_mask, SIGUSR2) && sigismember(&old.sa_mask, SIGRTMAX));
	CHECK(!sigismember(&old.sa_mask, SIGKILL) && !sigismember(&old.sa_mask, SIGHUP));
	CHECK(signal(SIGUSR1, SIG_DFL) == count);
}

static void masks(void)
{
	sigset_t all, seen;

	sigfillset(&all);
	CHECK_OK(sigprocmask(SIG_SETMASK, &all, NULL));
	CHECK_OK(sigprocmask(SIG_SETMASK, NULL, &seen));
	CHECK(!sigismember(&seen, SIGKILL) && !sigismember(&seen, SIGSTOP));
	CHECK(sigismember(&seen, SIGHUP) && sigismember(&seen, SIGRTMAX));
	sigemptyset(&all);
	CHECK_OK(sigprocmask(SIG_SETMASK, &all, NULL));
	plain_set(SIGUSR1, count, 0);
	calls = 0;
	signal_block(SIG_BLOCK, SIGUSR1);
	for (int i = 0; i < 3; i++)
		kill(getpid(), SIGUSR1);
	CHECK_EQ(calls, 0);
	sigpending(&seen);
	CHECK(sigismember(&seen, SIGUSR1));
	signal_block(SIG_UNBLOCK, SIGUSR1);
	CHECK_EQ(calls, 1); /* delivered once, before the call returns */
	sigpending(&seen);
	CHECK(!sigismember(&seen, SIGUSR1));
}

static void ignoring_drops_what_is_pending(void)
{
	sigset_t pending;

	signal_block(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	sigpending(&pending);
	CHECK(!sigismember(&pending, SIGUSR1));
	plain_set(SIGUSR1, count, 0);
	calls = 0;
	signal_block(SIG_UNBLOCK, SIGUSR1);
	CHECK_EQ(calls, 0);
	/* The same for a default action that ignores. */
	signal_block(SIG_BLOCK, SIGWINCH);
	raise(SIGWINCH);
	sigpending(&pending);
	CHECK(sigismember(&pending, SIGWINCH));
	signal(SIGWINCH, SIG_DFL);
	sigpending(&pending);
	CHECK(!sigismember(&pending, SIGWINCH));
	signal_block(SIG_UNBLOCK, SIGWINCH);
}

static void nests(int sig)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (calls++ < 3)
		raise(sig);
	depth--;
}

static void nodefer(void)
{
	calls = depth = deepest = 0;
	plain_set(SIGUSR1, nests, 0);
	raise(SIGUSR1);
	CHECK_EQ(deepest, 1);
	CHECK_EQ(calls, 4);
	calls = depth = deepest = 0;
	plain_set(SIGUSR1, nests, SA_NODEFER);
	raise(SIGUSR1);
	CHECK_EQ(deepest, 4);
	CHECK_EQ(calls, 4);
}

static void resethand(void)
{
	struct sigaction sa;

	calls = 0;
	plain_set(SIGUSR1, count, SA_RESETHAND);
	raise(SIGUSR1);
	CHECK_EQ(calls, 1);
	sigaction(SIGUSR1, NULL, &sa);
	CHECK(sa.sa_handler == SIG_DFL);
}

static void looks_at_mask(int sig)
{
	sigset_t set;

	sigprocmask(SIG_SETMASK, NULL, &set);
	blocked_inside = (sigismember(&set, sig) ? 1 : 0) | (sigismember(&set, SIGHUP) ? 2 : 0) |
			 (sigismember(&set, SIGINT) ? 4 : 0);
	sigaddset(&set, SIGTERM); /* gone again when the handler returns */
	sigprocmask(SIG_SETMASK, &set, NULL);
}

static void mask_of_the_action(void)
{
	struct sigaction sa = {.sa_handler = looks_at_mask};
	sigset_t set;

	sigaddset(&sa.sa_mask, SIGHUP);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	CHECK_EQ(blocked_inside, 3);
	sa.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	CHECK_EQ(blocked_inside, 2);
	sigprocmask(SIG_SETMASK, NULL, &set);
	CHECK(!sigismember(&set, SIGTERM) && !sigismember(&set, SIGUSR1));
}

static void suspend(void)
{
	sigset_t none, seen;

	sigemptyset(&none);
	plain_set(SIGUSR1, count, 0);
	signal_block(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	calls = 0;
	CHECK_ERRNO(sigsuspend(&none), EINTR);
	CHECK_EQ(calls, 1);
	sigprocmask(SIG_SETMASK, NULL, &seen);
	CHECK(sigismember(&seen, SIGUSR1)); /* the old mask is back */
	signal_block(SIG_UNBLOCK, SIGUSR1);
}

static pthread_t main_thread;

static void *pesters(void *arg)
{
	while (!calls) {
		pthread_kill(main_thread, SIGUSR1);
		pause_ms(1);
	}
	return arg;
}

static void pausing(void)
{
	pthread_t t;

	calls = 0;
	plain_set(SIGUSR1, count, SA_RESTART);
	main_thread = pthread_self();
	signal_block(SIG_BLOCK, SIGUSR1); /* until the thread, too, has it blocked */
	t = thread_start(pesters, NULL);
	sigset_t none;
	sigemptyset(&none);
	CHECK_ERRNO(sigsuspend(&none), EINTR); /* never restarted, whatever the flags */
	pthread_join(t, NULL);
	signal(SIGUSR1, SIG_IGN);
	signal_block(SIG_UNBLOCK, SIGUSR1);
}

/* Of several unblocked at once each handler interrupts the one before it: the lowest number is
 * delivered first, so its handler's frame is deepest and the highest runs first... unless the
 * action's mask holds them back, as here: then they run in order of number. */
static void several_at_once(void)
{
	struct sigaction sa = {.sa_handler = log_order};
	sigset_t set;
	static const int signals[] = {SIGUSR2, SIGHUP, SIGUSR1, SIGINT};

	sigemptyset(&set);
	sigfillset(&sa.sa_mask);
	for (int i = 0; i < 4; i++) {
		sigaction(signals[i], &sa, NULL);
		sigaddset(&set, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 4; i++)
		kill(getpid(), signals[i]);
	memset(order, 0, sizeof(order));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	char want[] = {'A' + SIGHUP, 'A' + SIGINT, 'A' + SIGUSR1, 'A' + SIGUSR2, 0};
	CHECK_STR(order, want);
}

static void default_actions(void)
{
	static const int ignored[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT};
	const int deadly[] = {SIGHUP, SIGINT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGIO,
		SIGPWR, SIGSTKFLT, SIGVTALRM, SIGPROF, SIGKILL, SIGRTMIN, SIGRTMAX};
	int wrong = 0;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			signal(ignored[i], SIG_DFL);
			raise(ignored[i]);
			_exit(0);
		}
		wrong += child_wait(pid) != EXITED(0);
	}
	CHECK_EQ(wrong, 0);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			signal(deadly[i], SIG_DFL);
			raise(deadly[i]);
			_exit(0);
		}
		wrong += child_wait(pid) != deadly[i];
	}
	CHECK_EQ(wrong, 0);
}

static void kill_errors(void)
{
	CHECK_ERRNO(kill(getpid(), 65), EINVAL);
	CHECK_ERRNO(kill(getpid(), -1), EINVAL);
	CHECK_ERRNO(kill(0x3fffffff, 0), ESRCH);
	CHECK_ERRNO(kill(-0x3fffffff, SIGTERM), ESRCH);
	CHECK_OK(kill(getpid(), 0));
	if (geteuid() != 0)
		CHECK_ERRNO(kill(1, SIGTERM), EPERM);
}

/* Many rounds of block, send, unblock: none is lost, none comes twice. */
static void no_signal_is_lost(void)
{
	int wrong = 0;

	plain_set(SIGUSR1, count, 0);
	for (int i = 0; i < 2000; i++) {
		calls = 0;
		if (i & 1)
			kill(getpid(), SIGUSR1);
		else
			raise(SIGUSR1);
		wrong += calls != 1;
	}
	CHECK_EQ(wrong, 0);
}

int main(void)
{
	test_start();
	action_errors();
	actions_are_read_back();
	masks();
	ignoring_drops_what_is_pending();
	nodefer();
	resethand();
	mask_of_the_action();
	suspend();
	pausing();
	several_at_once();
	default_actions();
	kill_errors();
	no_signal_is_lost();
	return test_done();
}
