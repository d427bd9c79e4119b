/* covers: landlock_create_ruleset landlock_add_rule landlock_restrict_self */
/* The three calls of landlock(7) and their errors, and whom a domain holds. What it denies is in
 * the other tests of this name. */
#include <pthread.h>
#include <sys/mman.h>

#include "tests/conformance/files/conformance.h"
#include "tests/conformance/landlock.h"

static void test_version(void)
{
	const struct ruleset_attr attr = {.files = READ_FILE};

	CHECK(ruleset_create(NULL, 0, VERSION) >= 1);
	CHECK_ERRNO(ruleset_create(&attr, sizeof(attr), VERSION), EINVAL);
	CHECK_ERRNO(ruleset_create(NULL, sizeof(attr), VERSION), EINVAL);
	CHECK_ERRNO(ruleset_create(&attr, 0, VERSION), EINVAL);
	CHECK_ERRNO(ruleset_create(NULL, 0, 1U << 31), EINVAL);
	CHECK_ERRNO(ruleset_create(&attr, sizeof(attr), 1U << 31), EINVAL);
	if (!landlock_lacks(7, "errata")) {
		CHECK(ruleset_create(NULL, 0, ERRATA) >= 0);
		CHECK_ERRNO(ruleset_create(&attr, sizeof(attr), ERRATA), EINVAL);
		CHECK_ERRNO(ruleset_create(NULL, 0, VERSION | ERRATA), EINVAL);
	}
}

static void test_create_errors(void)
{
	uint64_t large[4096 / sizeof(uint64_t) + 1] = {READ_FILE};
	struct ruleset_attr attr = {.files = READ_FILE};

	CHECK_ERRNO(ruleset_create(NULL, sizeof(attr), 0), EFAULT);
	CHECK_ERRNO(ruleset_create(NULL, 0, 0), EFAULT);
	CHECK_ERRNO(ruleset_create(BAD_POINTER, sizeof(attr), 0), EFAULT);
	CHECK_ERRNO(ruleset_create(&attr, 0, 0), EINVAL);
	CHECK_ERRNO(ruleset_create(&attr, 7, 0), EINVAL);
	CHECK_OK(close(ruleset_create(&attr, 8, 0)));
	/* A later version's structure: what it adds says nothing. */
	CHECK_OK(close(ruleset_create((struct ruleset_attr *)large, 4096, 0)));
	CHECK_ERRNO(ruleset_create((struct ruleset_attr *)large, sizeof(large), 0), E2BIG);
	large[500] = 1;
	CHECK_ERRNO(ruleset_create((struct ruleset_attr *)large, 4096, 0), E2BIG);
	attr = (struct ruleset_attr){.files = 1ULL << 63};
	CHECK_ERRNO(ruleset_create(&attr, sizeof(attr), 0), EINVAL);
	attr = (struct ruleset_attr){.files = READ_FILE, .ports = 1ULL << 63};
	CHECK_ERRNO(ruleset_create(&attr, sizeof(attr), 0), landlock_abi() < 4 ? E2BIG : EINVAL);
	attr = (struct ruleset_attr){.files = READ_FILE, .scopes = 1ULL << 63};
	CHECK_ERRNO(ruleset_create(&attr, sizeof(attr), 0), landlock_abi() < 6 ? E2BIG : EINVAL);
	attr = (struct ruleset_attr){0};
	CHECK_ERRNO(ruleset_create(&attr, sizeof(attr), 0), ENOMSG);
}

static void test_descriptor(void)
{
	int fd = ruleset_of_files(READ_FILE);
	char name[100] = "", link[40], byte = 0;

	REQUIRE(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_ERRNO(read(fd, &byte, 1), EINVAL);
	CHECK_ERRNO(write(fd, &byte, 1), EINVAL);
	CHECK_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0, ENODEV);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	CHECK(readlink(link, name, sizeof(name) - 1) > 0);
	CHECK_STR(name, "anon_inode:[landlock-ruleset]");
	close(fd);
}

static void test_rule_errors(void)
{
	int fd = ruleset_of_files(READ_FILE | READ_DIR | MAKE_REG), pipes[2];
	int path_only = open(".", O_PATH | O_CLOEXEC), other = dup(fd);
	struct path_attr attr = {READ_FILE, path_only};

	REQUIRE(fd >= 0 && path_only >= 0 && !pipe(pipes) && put_file("plain", "x"));
	CHECK_OK(rule_add(fd, RULE_PATH, &attr, 0));
	CHECK_OK(rule_add(fd, RULE_PATH, &attr, 0)); /* once more: as good as once */
	CHECK_OK(rule_add(other, RULE_PATH, &attr, 0));
	CHECK_ERRNO(rule_add(fd, RULE_PATH, &attr, 1), EINVAL);
	CHECK_ERRNO(rule_add(fd, 0, &attr, 0), EINVAL);
	CHECK_ERRNO(rule_add(fd, 99, &attr, 0), EINVAL);
	CHECK_ERRNO(rule_add(fd, RULE_PATH, NULL, 0), EFAULT);
	CHECK_ERRNO(rule_add(-1, RULE_PATH, &attr, 0), EBADF);
	CHECK_ERRNO(rule_add(pipes[0], RULE_PATH, &attr, 0), EBADFD);
	CHECK_ERRNO(rule_add(path_only, RULE_PATH, &attr, 0), EBADF); /* open for nothing */
	attr.access = 0;
	CHECK_ERRNO(rule_add(fd, RULE_PATH, &attr, 0), ENOMSG);
	attr.access = WRITE_FILE; /* not this ruleset's */
	CHECK_ERRNO(rule_add(fd, RULE_PATH, &attr, 0), EINVAL);
	attr.access = REFER; /* denied by all, granted only by those that say so */
	CHECK_ERRNO(rule_add(fd, RULE_PATH, &attr, 0), EINVAL);
	attr.access = 1ULL << 40;
	CHECK_ERRNO(rule_add(fd, RULE_PATH, &attr, 0), EINVAL);
	attr = (struct path_attr){READ_FILE, -1};
	CHECK_ERRNO(rule_add(fd, RULE_PATH, &attr, 0), EBADF);
	attr.parent_fd = pipes[0];
	CHECK_ERRNO(rule_add(fd, RULE_PATH, &attr, 0), EBADFD);
	attr.parent_fd = fd;
	CHECK_ERRNO(rule_add(fd, RULE_PATH, &attr, 0), EBADFD);
	CHECK_OK(rule_for(fd, "plain", READ_FILE));
	CHECK_ERRNO(rule_for(fd, "plain", READ_DIR), EINVAL); /* it is a file */
	CHECK_ERRNO(rule_for(fd, "plain", READ_FILE | MAKE_REG), EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	close(path_only);
	close(other);
	close(fd);
}

static void test_memfd_rule(void)
{
	int fd = ruleset_of_files(READ_FILE);
	struct path_attr attr = {READ_FILE, (int)syscall(SYS_memfd_create, "m", 0)};

	REQUIRE(fd >= 0 && attr.parent_fd >= 0);
	CHECK_ERRNO(rule_add(fd, RULE_PATH, &attr, 0), EBADFD); /* no directory holds it */
	close(attr.parent_fd);
	close(fd);
}

static void test_restrict_errors(void)
{
	FORKED("who may get privileges may not restrict itself")
	{
		int fd = ruleset_of_files(READ_FILE);

		become_nobody();
		CHECK_ERRNO(restrict_self(fd, 0), EPERM);
		CHECK_ERRNO(restrict_self(-1, 0), EPERM);
		CHECK_ERRNO(restrict_self(fd, 1U << 31), EPERM);
		CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		CHECK_OK(restrict_self(fd, 0));
	}
	FORKED("errors of landlock_restrict_self")
	{
		int fd = ruleset_of_files(READ_FILE), root = open("/", O_RDONLY | O_DIRECTORY);

		CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		CHECK_ERRNO(restrict_self(fd, 1U << 31), EINVAL);
		CHECK_ERRNO(restrict_self(-1, 0), EBADF);
		CHECK_ERRNO(restrict_self(root, 0), EBADFD);
		CHECK_OK(open("/proc/self/status", O_RDONLY)); /* nothing of that counts */
	}
	if (!is_root())
		return;
	FORKED("the privileged need no PR_SET_NO_NEW_PRIVS")
	{
		CHECK_OK(restrict_self(ruleset_of_files(READ_FILE), 0));
		CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
		CHECK_ERRNO(open("plain", O_RDONLY), EACCES);
	}
}

static void test_log_flags(void)
{
	if (landlock_lacks(7, "flags of landlock_restrict_self"))
		return;
	FORKED("what is logged")
	{
		int fd = ruleset_of_files(WRITE_FILE);

		CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		for (uint32_t flags = 0; flags < 8; flags++)
			CHECK_OK(restrict_self(fd, flags));
		CHECK_ERRNO(restrict_self(fd, 8), EINVAL);
		CHECK_OK(restrict_self(-1, 4)); /* of domains to come */
		CHECK_ERRNO(restrict_self(-1, 1), EBADF);
		CHECK_ERRNO(restrict_self(-1, 6), EBADF);
	}
}

static void child_of_layers(int one_more)
{
	FORKED("a child has them all")
	{
		CHECK_ERRNO(restrict_self(one_more, 0), E2BIG);
		CHECK_ERRNO(open("plain", O_RDWR), EACCES);
	}
}

static void test_layers(void)
{
	FORKED("sixteen layers, and what each denies")
	{
		CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		REQUIRE(confine(READ_FILE | WRITE_FILE, ".", READ_FILE | WRITE_FILE));
		CHECK_OK(open("plain", O_RDWR));
		CHECK_ERRNO(open("/proc/self/status", O_RDONLY), EACCES);
		REQUIRE(confine(WRITE_FILE, NULL, 0));
		CHECK_OK(open("plain", O_RDONLY));
		CHECK_ERRNO(open("plain", O_RDWR), EACCES);
		/* What an older layer denies a newer one cannot give back. */
		REQUIRE(confine(READ_FILE | WRITE_FILE, "/", READ_FILE | WRITE_FILE));
		CHECK_OK(open("plain", O_RDONLY));
		CHECK_ERRNO(open("plain", O_RDWR), EACCES);
		CHECK_ERRNO(open("/proc/self/status", O_RDONLY), EACCES);
		for (int i = 3; i < 16; i++)
			REQUIRE(confine(MAKE_FIFO, NULL, 0));
		int one_more = ruleset_of_files(READ_FILE);

		CHECK_ERRNO(restrict_self(one_more, 0), E2BIG);
		CHECK_OK(open("plain", O_RDONLY));
		child_of_layers(one_more);
	}
}

/* What is added to a ruleset later is none of the domain's. */
static void test_later_rules(void)
{
	FORKED("a ruleset may be used again")
	{
		int fd = ruleset_of_files(READ_FILE);

		CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		CHECK_OK(restrict_self(fd, 0));
		CHECK_ERRNO(open("plain", O_RDONLY), EACCES);
		CHECK_OK(rule_for(fd, ".", READ_FILE));
		CHECK_ERRNO(open("plain", O_RDONLY), EACCES);
		CHECK_OK(restrict_self(fd, 0));
		CHECK_ERRNO(open("plain", O_RDONLY), EACCES);
	}
}

static void *child_thread(void *arg)
{
	(void)arg;
	errno = 0;
	return (void *)(intptr_t)(open("plain", O_RDONLY) >= 0 ? 0 : errno);
}

static void *confining_thread(void *arg)
{
	void *result = NULL;
	pthread_t t;

	REQUIRE(confine(READ_FILE, NULL, 0));
	CHECK_ERRNO(open("plain", O_RDONLY), EACCES);
	REQUIRE(!pthread_create(&t, NULL, child_thread, NULL) && !pthread_join(t, &result));
	CHECK_EQ((intptr_t)result, EACCES); /* the new one's, too */
	return arg;
}

static void test_threads(void)
{
	FORKED("a domain is a thread's and its children's")
	{
		pthread_t t;

		REQUIRE(!pthread_create(&t, NULL, confining_thread, NULL));
		pthread_join(t, NULL);
		CHECK_OK(open("plain", O_RDONLY)); /* not its siblings' */
	}
}

static void test_exec(const char *self)
{
	FORKED("a domain is kept over execve")
	{
		int fd = ruleset_of_files(READ_FILE | EXECUTE);

		/* All but this directory. */
		CHECK_OK(rule_for(fd, self, READ_FILE | EXECUTE));
		for (const char **at = (const char *[]){"/lib", "/lib64", "/usr", "/etc", NULL};
			*at; at++)
			(void)!rule_for(fd, *at, READ_FILE | EXECUTE);
		REQUIRE(enforce(fd));
		CHECK_ERRNO(open("plain", O_RDONLY), EACCES);
		execl(self, self, "plain", NULL);
		CHECK(false);
	}
}

static void test_null_layers(void)
{
	FORKED("what was open before stays as it was")
	{
		int before = open("plain", O_RDWR), after;
		char byte;

		REQUIRE(confine(READ_FILE | WRITE_FILE | READ_DIR, NULL, 0));
		CHECK_EQ(read(before, &byte, 1), 1);
		CHECK_EQ(write(before, "y", 1), 1);
		CHECK_ERRNO(open("plain", O_RDONLY), EACCES);
		CHECK_ERRNO(open("/proc/self/fd/0", O_RDONLY | O_DIRECTORY), ENOTDIR);
		CHECK_ERRNO(open(".", O_RDONLY | O_DIRECTORY), EACCES);
		after = open("plain", O_PATH); /* leads nowhere */
		CHECK_OK(after);
		CHECK_OK(stat("plain", &(struct stat){0}));
		CHECK_OK(chdir("/"));
	}
}

int main(int argc, char **argv)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)argv;
	if (argc > 1) /* see test_exec */
		return open("plain", O_RDONLY) == -1 && errno == EACCES ? 0 : 1;
	test_begin();
	if (landlock_lacks(1, "landlock"))
		return test_done();
	self[n < 0 ? 0 : n] = '\0';
	test_version();
	test_create_errors();
	test_descriptor();
	test_rule_errors();
	test_memfd_rule();
	test_restrict_errors();
	test_log_flags();
	test_layers();
	test_later_rules();
	test_threads();
	test_exec(self);
	test_null_layers();
	return test_done();
}
