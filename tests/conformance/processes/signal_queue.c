/* covers: rt_sigqueueinfo rt_tgsigqueueinfo rt_sigtimedwait kill tgkill rt_sigpending
 * prlimit64 */
/* sigqueue(3), sigtimedwait(2): real-time signals queue in order and carry a value; who sent what.
 */
#include "tests/conformance/processes/process_test.h"

#include <sys/resource.h>

static siginfo_t seen[64];
static volatile sig_atomic_t seen_count;

static void record(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (seen_count < 64)
		seen[seen_count++] = *info;
}

static long queue_raw(pid_t pid, int sig, int code, int value)
{
	siginfo_t info = {.si_signo = sig, .si_code = code};

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = value;
	return syscall(SYS_rt_sigqueueinfo, pid, sig, &info);
}

static void in_order(void)
{
	union sigval v;
	int wrong = 0;

	for (int sig = SIGRTMIN; sig <= SIGRTMIN + 2; sig++) {
		struct sigaction sa = {.sa_sigaction = record, .sa_flags = SA_SIGINFO};

		sigfillset(&sa.sa_mask);
		sigaction(sig, &sa, NULL);
		signal_block(SIG_BLOCK, sig);
	}
	for (int i = 0; i < 30; i++) {
		v.sival_int = i;
		wrong += sigqueue(getpid(), SIGRTMIN + 2 - i % 3, v) != 0;
	}
	sigset_t set;
	sigemptyset(&set);
	for (int i = 0; i < 3; i++)
		sigaddset(&set, SIGRTMIN + i);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	CHECK_EQ(seen_count, 30);
	for (int i = 0; i < 30; i++) { /* the lowest number first, first come first served */
		wrong += seen[i].si_signo != SIGRTMIN + i / 10;
		wrong += seen[i].si_value.sival_int != i % 10 * 3 + 2 - i / 10;
		wrong += seen[i].si_code != SI_QUEUE || seen[i].si_pid != getpid();
		wrong += seen[i].si_uid != getuid();
	}
	CHECK_EQ(wrong, 0);
}

static void plain_ones_do_not_queue(void)
{
	union sigval v = {.sival_int = 1};

	handler_set(SIGUSR1, record, 0);
	signal_block(SIG_BLOCK, SIGUSR1);
	seen_count = 0;
	sigqueue(getpid(), SIGUSR1, v);
	v.sival_int = 2;
	sigqueue(getpid(), SIGUSR1, v);
	signal_block(SIG_UNBLOCK, SIGUSR1);
	CHECK_EQ(seen_count, 1);
	CHECK_EQ(seen[0].si_value.sival_int, 1); /* the first stays */
}

static void senders_are_named(void)
{
	handler_set(SIGUSR1, record, 0);
	seen_count = 0;
	kill(getpid(), SIGUSR1);
	CHECK_EQ(seen[0].si_code, SI_USER);
	CHECK_EQ(seen[0].si_pid, getpid());
	CHECK_EQ(seen[0].si_uid, getuid());
	raise(SIGUSR1);
	CHECK_EQ(seen[1].si_code, SI_TKILL);
	CHECK_EQ(seen[1].si_pid, getpid());
	CHECK_OK(queue_raw(getpid(), SIGUSR1, -77, 5));
	CHECK_EQ(seen[2].si_code, -77);
	CHECK_EQ(seen[2].si_value.sival_int, 5);
	CHECK_OK(queue_raw(getpid(), SIGUSR1, SI_USER, 5)); /* to oneself all is allowed */
	CHECK_ERRNO(queue_raw(getpid(), 65, SI_QUEUE, 5), EINVAL);
	CHECK_ERRNO(queue_raw(0x3fffffff, SIGUSR1, SI_QUEUE, 5), ESRCH);
	CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, bad_address()), EFAULT);
}

static void child_pauses(void)
{
	for (;;)
		pause();
}

static void no_forgery_to_others(void)
{
	pid_t pid = child_start(child_pauses);

	CHECK_ERRNO(queue_raw(pid, SIGUSR1, SI_USER, 0), EPERM);
	CHECK_ERRNO(queue_raw(pid, SIGUSR1, SI_KERNEL, 0), EPERM);
	CHECK_ERRNO(queue_raw(pid, SIGUSR1, SI_TKILL, 0), EPERM);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	CHECK_OK(queue_raw(pid, SIGTERM, SI_QUEUE, 0));
	CHECK_EQ(child_wait(pid), SIGTERM);
}

static void to_one_thread(void)
{
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};

	info.si_value.sival_int = 66;
	seen_count = 0;
	CHECK_OK(syscall(SYS_rt_tgsigqueueinfo, getpid(), thread_id(), SIGUSR1, &info));
	CHECK_EQ(seen_count, 1);
	CHECK_EQ(seen[0].si_value.sival_int, 66);
	CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0x3fffffff, SIGUSR1, &info), ESRCH);
	CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, -1, thread_id(), SIGUSR1, &info), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, SIGUSR1, &info), EINVAL);
}

static void timed_wait(void)
{
	struct timespec t = {0, 20000000}, zero = {0, 0}, bad = {0, 1000000000};
	siginfo_t info = {0};
	sigset_t set;
	union sigval v = {.sival_ptr = &set};
	int64_t start = now_ns();

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN + 5);
	sigprocmask(SIG_BLOCK, &set, NULL);
	CHECK_ERRNO(sigtimedwait(&set, &info, &t), EAGAIN);
	CHECK(now_ns() - start >= 20000000);
	CHECK_ERRNO(sigtimedwait(&set, &info, &zero), EAGAIN);
	CHECK_ERRNO(sigtimedwait(&set, &info, &bad), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &set, &info, &zero, 4), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, bad_address(), &info, &zero, 8), EFAULT);
	sigqueue(getpid(), SIGRTMIN + 5, v);
	kill(getpid(), SIGUSR2);
	CHECK_EQ(sigtimedwait(&set, &info, &zero), SIGUSR2);
	CHECK_EQ(info.si_signo, SIGUSR2);
	CHECK_EQ(info.si_code, SI_USER);
	CHECK_EQ(sigwaitinfo(&set, &info), SIGRTMIN + 5);
	CHECK(info.si_value.sival_ptr == &set);
	CHECK_ERRNO(sigtimedwait(&set, NULL, &zero), EAGAIN);
	/* An ignored signal is dropped even where one waits; an unwanted one interrupts. */
	signal(SIGUSR2, SIG_IGN);
	kill(getpid(), SIGUSR2);
	int r = sigtimedwait(&set, NULL, &zero);
	CHECK(r == -1 || r == SIGUSR2);
	signal(SIGUSR2, SIG_DFL);
}

static atomic_int waiting_done;

static void *waits_for_signal(void *arg)
{
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 6);
	while (sigwaitinfo(&set, &info) < 0)
		REQUIRE(errno == EINTR);
	atomic_store(&waiting_done, info.si_value.sival_int);
	return arg;
}

/* A signal to the process goes to whichever thread waits for it. */
static void process_signal_finds_waiting_thread(void)
{
	union sigval v = {.sival_int = 31};
	pthread_t t;

	signal_block(SIG_BLOCK, SIGRTMIN + 6);
	t = thread_start(waits_for_signal, NULL);
	CHECK_OK(sigqueue(getpid(), SIGRTMIN + 6, v));
	pthread_join(t, NULL);
	CHECK_EQ(atomic_load(&waiting_done), 31);
}

static pid_t sender;

static void child_queues(void)
{
	union sigval v;

	for (int i = 0; i < 50; i++) {
		v.sival_int = i;
		REQUIRE(sigqueue(sender, SIGRTMIN + 7, v) == 0);
	}
}

static void between_processes(void)
{
	siginfo_t info;
	sigset_t set;
	pid_t pid;
	int wrong = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 7);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sender = getpid();
	pid = child_start(child_queues);
	for (int i = 0; i < 50; i++) {
		while (sigwaitinfo(&set, &info) < 0)
			;
		wrong += info.si_value.sival_int != i || info.si_pid != pid;
	}
	CHECK_EQ(wrong, 0);
	CHECK_EQ(child_wait(pid), EXITED(0));
}

static void child_fills_its_queue(void)
{
	struct rlimit limit = {8, 8};
	union sigval v = {0};
	int count = 0;

	signal_block(SIG_BLOCK, SIGRTMIN + 8);
	signal_block(SIG_BLOCK, SIGHUP);
	REQUIRE(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
	while (count < 100 && sigqueue(getpid(), SIGRTMIN + 8, v) == 0)
		count++;
	/* The limit counts all of the user's processes: less than eight may be left. */
	REQUIRE(count <= 8 && errno == EAGAIN);
	REQUIRE(kill(getpid(), SIGHUP) == 0); /* kill() always succeeds */
	sigset_t pending;
	sigpending(&pending);
	REQUIRE(sigismember(&pending, SIGHUP));
}

/* Pending for a thread comes before pending for the process. */
static void thread_first(void)
{
	union sigval v = {.sival_int = 1};
	siginfo_t info = {.si_signo = SIGRTMIN, .si_code = SI_QUEUE};

	signal_block(SIG_BLOCK, SIGRTMIN);
	seen_count = 0;
	sigqueue(getpid(), SIGRTMIN, v);
	info.si_value.sival_int = 2;
	syscall(SYS_rt_tgsigqueueinfo, getpid(), thread_id(), SIGRTMIN, &info);
	signal_block(SIG_UNBLOCK, SIGRTMIN);
	CHECK_EQ(seen_count, 2);
	CHECK_EQ(seen[0].si_value.sival_int, 2);
	CHECK_EQ(seen[1].si_value.sival_int, 1);
}

int main(void)
{
	test_start();
	in_order();
	plain_ones_do_not_queue();
	senders_are_named();
	no_forgery_to_others();
	to_one_thread();
	timed_wait();
	process_signal_finds_waiting_thread();
	between_processes();
	thread_first();
	CHECK_CHILD(child_fills_its_queue);
	return test_done();
}
