/* covers: landlock_restrict_self */
/* landlock(7): each right of files and directories, refused and granted; what is open stays as it
 * was opened. Names that move have a test of their own. */
#include <ftw.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "tests/conformance/files/conformance.h"
#include "tests/conformance/landlock.h"

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1U
#endif

static char self[4096];

/* yes/ and no/, each with the same in it. */
static void make_tree(const char *dir)
{
	REQUIRE(!mkdir(dir, 0777) && !chdir(dir) && !mkdir("sub", 0777) && !mkdir("empty", 0777));
	REQUIRE(put_file("file", "text") && put_file("sub/file", "text") && put_file("gone", ""));
	REQUIRE(!symlink("file", "link") && !chdir(".."));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void remove_tree(const char *dir)
{
	nftw(dir, remove_one, 10, FTW_DEPTH | FTW_PHYS);
}

static void fresh(void)
{
	remove_tree("yes");
	remove_tree("no");
	make_tree("yes");
	make_tree("no");
}

/* All that a version 1 kernel knows, so that what is granted is granted alone. */
#define ALL_OF_1 0x1fffULL

static void test_reading(void)
{
	FORKED("READ_FILE, READ_DIR")
	{
		REQUIRE(confine(ALL_OF_1, "yes", READ_FILE | READ_DIR));
		CHECK_OK(open("yes/file", O_RDONLY));
		CHECK_OK(open("yes/sub/file", O_RDONLY));
		CHECK_OK(open("yes/sub", O_RDONLY | O_DIRECTORY));
		CHECK_OK(open("yes", O_RDONLY));
		CHECK_OK(open("no/../yes/link", O_RDONLY));
		CHECK_ERRNO(open("yes/file", O_WRONLY), EACCES);
		CHECK_ERRNO(open("yes/file", O_RDWR), EACCES);
		CHECK_ERRNO(open("no/file", O_RDONLY), EACCES);
		CHECK_ERRNO(open("no", O_RDONLY | O_DIRECTORY), EACCES);
		CHECK_ERRNO(open(".", O_RDONLY), EACCES);
		CHECK_ERRNO(open("no/nothing", O_RDONLY), ENOENT);
		CHECK_OK(open("no/file", O_PATH));
		CHECK_OK(open("no/file", O_ACCMODE)); /* for neither */
		CHECK_OK(access("no/file", R_OK));
		CHECK_OK(chmod("no/file", 0644));
		CHECK_OK(stat("no/sub/file", &(struct stat){0}));
		CHECK_OK(truncate("no/file", 3));
	}
	FORKED("READ_FILE does not open directories")
	{
		REQUIRE(confine(ALL_OF_1, "yes", READ_FILE));
		CHECK_OK(open("yes/file", O_RDONLY));
		CHECK_ERRNO(open("yes/sub", O_RDONLY), EACCES);
	}
	FORKED("READ_DIR does not open files")
	{
		REQUIRE(confine(ALL_OF_1, "yes", READ_DIR));
		CHECK_ERRNO(open("yes/file", O_RDONLY), EACCES);
		CHECK_OK(open("yes/sub", O_RDONLY));
	}
	FORKED("a rule for a file alone")
	{
		REQUIRE(confine(ALL_OF_1, "yes/file", READ_FILE));
		CHECK_OK(open("yes/file", O_RDONLY));
		CHECK_OK(open("yes/link", O_RDONLY));
		CHECK_ERRNO(open("yes/sub/file", O_RDONLY), EACCES);
	}
	FORKED("a rule for the root of all")
	{
		REQUIRE(confine(ALL_OF_1, "/", READ_FILE | READ_DIR));
		CHECK_OK(open("no/file", O_RDONLY));
		CHECK_OK(open("/proc/self/status", O_RDONLY));
		CHECK_OK(open("/dev/null", O_RDONLY));
	}
}

static void test_writing(void)
{
	FORKED("WRITE_FILE")
	{
		REQUIRE(confine(ALL_OF_1, "yes", WRITE_FILE));
		CHECK_OK(open("yes/file", O_WRONLY));
		CHECK_OK(open("yes/file", O_WRONLY | O_APPEND));
		CHECK_ERRNO(open("yes/file", O_RDWR), EACCES);
		CHECK_ERRNO(open("yes/file", O_RDONLY), EACCES);
		CHECK_ERRNO(open("no/file", O_WRONLY), EACCES);
		CHECK_OK(open("yes/file", O_WRONLY | O_TRUNC)); /* version 3's to deny */
		CHECK_ERRNO(open("no/file", O_WRONLY | O_TRUNC), EACCES);
		CHECK_EQ(stat("no/file", &(struct stat){0}), 0);
	}
	CHECK(file_is("yes/file", "") && !file_is("no/file", ""));
}

static void test_links(void)
{
	FORKED("a second name is the same file; a directory above it is another way to it")
	{
		REQUIRE(!link("no/file", "yes/second"));
		REQUIRE(confine(ALL_OF_1, "yes", READ_FILE));
		CHECK_OK(open("yes/second", O_RDONLY));
		CHECK_ERRNO(open("no/file", O_RDONLY), EACCES);
	}
	FORKED("a rule for a file holds for all its names")
	{
		REQUIRE(confine(ALL_OF_1, "yes/second", READ_FILE));
		CHECK_OK(open("no/file", O_RDONLY));
	}
}

static void test_making(void)
{
	static const struct {
		const char *what;
		uint64_t right;
		mode_t mode;
	} kinds[] = {{"MAKE_REG", MAKE_REG, S_IFREG}, {"MAKE_DIR", MAKE_DIR, S_IFDIR},
		{"MAKE_FIFO", MAKE_FIFO, S_IFIFO}, {"MAKE_SOCK", MAKE_SOCK, S_IFSOCK},
		{"MAKE_SYM", MAKE_SYM, S_IFLNK}, {"MAKE_CHAR", MAKE_CHAR, S_IFCHR},
		{"MAKE_BLOCK", MAKE_BLOCK, S_IFBLK}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!is_root() && (kinds[i].mode == S_IFCHR || kinds[i].mode == S_IFBLK))
			continue;
		fresh();
		FORKED(kinds[i].what)
		{
			REQUIRE(confine(ALL_OF_1, "yes", kinds[i].right));
			for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
				mode_t mode = kinds[k].mode;
				char path[20];
				int r;

				if (!is_root() && (mode == S_IFCHR || mode == S_IFBLK))
					continue;
				snprintf(path, sizeof(path), "yes/new%zu", k);
				errno = 0;
				r = mode == S_IFDIR   ? mkdir(path, 0700)
				    : mode == S_IFLNK ? symlink("x", path)
						      : mknod(path, mode | 0600, makedev(1, 3));
				if (i == k)
					CHECK_OK(r);
				else
					CHECK(r == -1 && errno == EACCES);
			}
			CHECK_ERRNO(mkdir("yes/sub", 0700), EEXIST);
			CHECK_ERRNO(mkdir("no/new", 0700), EACCES);
			CHECK_ERRNO(mkdir("no/sub", 0700), EEXIST);
			CHECK_ERRNO(mknod("no/new", S_IFREG | 0600, 0), EACCES);
		}
	}
	CHECK_ERRNO(stat("no/new", &(struct stat){0}), ENOENT);
}

static void test_creating(void)
{
	fresh();
	FORKED("O_CREAT")
	{
		REQUIRE(confine(ALL_OF_1, "yes", MAKE_REG | WRITE_FILE));
		CHECK_OK(open("yes/new", O_CREAT | O_EXCL | O_WRONLY, 0600));
		CHECK_OK(open("yes/new", O_CREAT | O_TRUNC | O_WRONLY, 0600));
		CHECK_ERRNO(open("no/new", O_CREAT | O_WRONLY, 0600), EACCES);
		/* It is made, and then may not be read. */
		CHECK_ERRNO(open("yes/newer", O_CREAT | O_RDWR, 0600), EACCES);
		CHECK(exists("yes/newer") && !exists("no/new"));
	}
	FORKED("O_CREAT without the right to make")
	{
		REQUIRE(confine(ALL_OF_1, "yes", WRITE_FILE | READ_FILE));
		CHECK_ERRNO(open("yes/newest", O_CREAT | O_WRONLY, 0600), EACCES);
		CHECK_OK(open("yes/file", O_CREAT | O_WRONLY, 0600));
		CHECK_ERRNO(open("no/file", O_CREAT | O_WRONLY, 0600), EACCES);
	}
	FORKED("a socket's name")
	{
		struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "no/socket"};
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		REQUIRE(confine(ALL_OF_1, "yes", MAKE_SOCK));
		CHECK_ERRNO(bind(fd, (struct sockaddr *)&address, sizeof(address)), EACCES);
		memcpy(address.sun_path, "yes/sock", 9);
		CHECK_OK(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	}
	FORKED("O_TMPFILE needs what opening does")
	{
		int fd = open("yes", O_TMPFILE | O_WRONLY, 0600);

		REQUIRE(confine(ALL_OF_1, "yes", WRITE_FILE));
		if (fd >= 0) {
			CHECK_OK(open("yes", O_TMPFILE | O_WRONLY, 0600));
			CHECK_ERRNO(open("yes", O_TMPFILE | O_RDWR, 0600), EACCES);
			CHECK_ERRNO(open("no", O_TMPFILE | O_WRONLY, 0600), EACCES);
		}
	}
}

static void test_removing(void)
{
	fresh();
	FORKED("REMOVE_FILE")
	{
		REQUIRE(confine(ALL_OF_1, "yes", REMOVE_FILE));
		CHECK_OK(unlink("yes/gone"));
		CHECK_ERRNO(unlink("yes/sub"), EISDIR);
		CHECK_ERRNO(unlink("no/gone"), EACCES);
		CHECK_ERRNO(unlink("no/sub"), EACCES);
		CHECK_ERRNO(unlink("no/nothing"), ENOENT);
		CHECK_ERRNO(rmdir("yes/empty"), EACCES);
	}
	FORKED("REMOVE_DIR")
	{
		REQUIRE(confine(ALL_OF_1, "yes", REMOVE_DIR));
		CHECK_OK(rmdir("yes/empty"));
		CHECK_ERRNO(rmdir("yes/sub"), ENOTEMPTY);
		CHECK_ERRNO(rmdir("yes/file"), ENOTDIR);
		CHECK_ERRNO(rmdir("no/empty"), EACCES);
		CHECK_ERRNO(unlink("yes/file"), EACCES);
	}
	FORKED("a directory's own name is its parent's")
	{
		REQUIRE(confine(ALL_OF_1, "yes/sub", REMOVE_DIR | REMOVE_FILE));
		CHECK_OK(unlink("yes/sub/file"));
		CHECK_ERRNO(rmdir("yes/sub"), EACCES);
	}
}

static int run(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, path, "run", NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void copy_self(const char *to)
{
	int from_fd = open(self, O_RDONLY), to_fd = open(to, O_WRONLY | O_CREAT, 0755);
	char buffer[4096];
	ssize_t n;

	REQUIRE(from_fd >= 0 && to_fd >= 0);
	while ((n = read(from_fd, buffer, sizeof(buffer))) > 0)
		REQUIRE(write(to_fd, buffer, (size_t)n) == n);
	close(from_fd);
	close(to_fd);
}

static void test_executing(void)
{
	fresh();
	copy_self("yes/program");
	copy_self("no/program");
	REQUIRE(put_file("yes/script", "#!./no/program\n") && !chmod("yes/script", 0755));
	FORKED("EXECUTE")
	{
		int ruleset = ruleset_of_files(EXECUTE), fd;

		(void)!rule_for(ruleset, "/lib", EXECUTE);
		(void)!rule_for(ruleset, "/lib64", EXECUTE);
		(void)!rule_for(ruleset, "/usr", EXECUTE);
		REQUIRE(!rule_for(ruleset, "yes", EXECUTE) && enforce(ruleset));
		CHECK_EQ(run("yes/program"), 42);
		CHECK_EQ(run("no/program"), EACCES);
		CHECK_EQ(run("yes/script"), EACCES);
		fd = open("no/program", O_PATH | O_CLOEXEC);
		CHECK_ERRNO(syscall(SYS_execveat, fd, "", (char *[]){NULL}, (char *[]){NULL},
				    AT_EMPTY_PATH),
			EACCES);
	}
	FORKED("what is executed is read")
	{
		int ruleset = ruleset_of_files(EXECUTE | READ_FILE);

		REQUIRE(!rule_for(ruleset, "/", EXECUTE) && enforce(ruleset));
		CHECK_EQ(run("yes/program"), EACCES);
	}
	FORKED("the interpreter of an ELF file, too")
	{
		REQUIRE(confine(EXECUTE, "yes", EXECUTE));
		CHECK_EQ(run("yes/program"), EACCES);
	}
}

static void test_truncating(void)
{
	int before;

	if (landlock_lacks(3, "TRUNCATE"))
		return;
	fresh();
	FORKED("TRUNCATE refused")
	{
		before = open("no/file", O_WRONLY);
		REQUIRE(confine(TRUNCATE, "yes", TRUNCATE));
		CHECK_OK(ftruncate(before, 3)); /* it was opened by who may */
		int fd = open("no/file", O_WRONLY);

		CHECK_OK(fd);
		CHECK_ERRNO(ftruncate(fd, 2), EACCES);
		CHECK_ERRNO(ftruncate(dup(fd), 2), EACCES);
		CHECK_EQ(write(fd, "longer than before", 18), 18);
		CHECK_ERRNO(truncate("no/file", 1), EACCES);
		CHECK_ERRNO(open("no/file", O_WRONLY | O_TRUNC), EACCES);
		CHECK_ERRNO(open("no/file", O_RDONLY | O_TRUNC), EACCES);
		CHECK_ERRNO(creat("no/file", 0600), EACCES);
		CHECK_OK(open("no/newest", O_CREAT | O_TRUNC | O_WRONLY, 0600)); /* it is new */
		CHECK_ERRNO(truncate("no/sub", 1), EISDIR);
		CHECK_EQ(size_of(fd), 18);
	}
	FORKED("TRUNCATE granted")
	{
		REQUIRE(confine(TRUNCATE, "yes", TRUNCATE));
		int fd = open("yes/file", O_WRONLY);

		CHECK_OK(ftruncate(fd, 2));
		CHECK_OK(truncate("yes/file", 1));
		CHECK_OK(open("yes/file", O_WRONLY | O_TRUNC));
		fd = (int)syscall(SYS_memfd_create, "m", MFD_CLOEXEC);
		CHECK_OK(ftruncate(fd, 100));
	}
}

/* The descriptor's own rights, and not those of who has it now. */
static void test_handed_over(void)
{
	int pipes[2], fd = -1;
	char path[40] = "";
	pid_t pid;

	if (landlock_lacks(3, "TRUNCATE of what was handed over"))
		return;
	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pipes));
	pid = test_fork();
	if (pid == 0) {
		close(pipes[0]);
		REQUIRE(confine(TRUNCATE, NULL, 0));
		fd = open("no/file", O_WRONLY);
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
		CHECK_EQ(write(pipes[1], path, sizeof(path)), sizeof(path));
		CHECK_EQ(read(pipes[1], path, 1), 0); /* until it is closed */
		test_child_exit();
	}
	close(pipes[1]);
	CHECK_EQ(read(pipes[0], path, sizeof(path)), sizeof(path));
	fd = open(path, O_WRONLY); /* once more, by who may */
	CHECK_OK(ftruncate(fd, 1));
	close(fd);
	close(pipes[0]);
	JOIN(pid);
}

static void test_devices(void)
{
	int before, fd, flag = 1;

	if (landlock_lacks(5, "IOCTL_DEV"))
		return;
	before = open("/dev/null", O_RDWR);
	FORKED("IOCTL_DEV refused")
	{
		REQUIRE(confine(IOCTL_DEV, NULL, 0));
		fd = open("/dev/null", O_RDWR);
		CHECK_ERRNO(ioctl(fd, FIONREAD, &flag), EACCES);
		CHECK_ERRNO(ioctl(fd, TCGETS, &flag), EACCES);
		CHECK_ERRNO(ioctl(fd, 0x12345678, &flag), EACCES);
		CHECK_OK(ioctl(fd, FIONBIO, &flag));
		CHECK_OK(ioctl(fd, FIOCLEX));
		CHECK_OK(ioctl(fd, FIONCLEX));
		CHECK_ERRNO(ioctl(before, TCGETS, &flag), ENOTTY);
		fd = open("no/file", O_RDONLY); /* no device */
		CHECK_OK(ioctl(fd, FIONREAD, &flag));
	}
	FORKED("IOCTL_DEV granted")
	{
		REQUIRE(confine(IOCTL_DEV, "/dev/null", IOCTL_DEV));
		fd = open("/dev/null", O_RDWR);
		CHECK_ERRNO(ioctl(fd, TCGETS, &flag), ENOTTY);
		fd = open("/dev/zero", O_RDWR);
		CHECK_ERRNO(ioctl(fd, TCGETS, &flag), EACCES);
	}
	FORKED("a terminal")
	{
		fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
		if (fd >= 0)
			CHECK_OK(unlockpt(fd));
		REQUIRE(confine(IOCTL_DEV, NULL, 0));
		if (fd >= 0) {
			CHECK_OK(ioctl(fd, FIONREAD, &flag));
			int peer = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY);

			CHECK_OK(peer); /* an open as any other */
			CHECK_ERRNO(ioctl(peer, FIONREAD, &flag), EACCES);
			REQUIRE(confine(READ_FILE, NULL, 0));
			CHECK_ERRNO(ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY), EACCES);
			CHECK_OK(ioctl(fd, TIOCGPTPEER, O_WRONLY | O_NOCTTY));
			fd = open("/dev/ptmx", O_WRONLY | O_NOCTTY);
			CHECK_ERRNO(ioctl(fd, FIONREAD, &flag), EACCES);
		}
	}
	close(before);
}

/* A process's entries in /proc are made anew at each look, and are the same. */
static void test_proc(void)
{
	FORKED("rules in /proc")
	{
		char other[40];

		snprintf(other, sizeof(other), "/proc/%d/status", getppid());
		REQUIRE(confine(ALL_OF_1, "/proc/self", READ_FILE));
		CHECK_OK(open("/proc/self/status", O_RDONLY));
		CHECK_ERRNO(open(other, O_RDONLY), EACCES);
		CHECK_ERRNO(open("/proc/version", O_RDONLY), EACCES);
	}
	FORKED("pipes and memfds are nobody's")
	{
		int pipes[2], memory = (int)syscall(SYS_memfd_create, "m", MFD_CLOEXEC);
		char path[40];

		REQUIRE(!pipe(pipes) && confine(ALL_OF_1, NULL, 0));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", pipes[0]);
		CHECK_OK(open(path, O_RDONLY));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
		CHECK_OK(open(path, O_RDWR));
	}
}

/* A ruleset is about files, whatever becomes of their names. */
static void test_renamed(void)
{
	fresh();
	FORKED("what is renamed later keeps its rule")
	{
		int ruleset = ruleset_of_files(ALL_OF_1 & ~(uint64_t)(REMOVE_DIR | MAKE_DIR));

		REQUIRE(!rule_for(ruleset, "yes/sub", READ_FILE));
		REQUIRE(!rename("yes/sub", "yes/moved") && enforce(ruleset));
		CHECK_OK(open("yes/moved/file", O_RDONLY));
		REQUIRE(!mkdir("yes/sub2", 0700) && !rename("yes/moved", "yes/again"));
		CHECK_OK(open("yes/again/file", O_RDONLY));
		CHECK_ERRNO(open("yes/file", O_RDONLY), EACCES);
	}
	FORKED("what was removed, too, and another of its name is another")
	{
		int dir = open("no", O_RDONLY | O_DIRECTORY);
		int ruleset = ruleset_of_files(READ_FILE | READ_DIR);

		REQUIRE(!rule_for(ruleset, "no", READ_FILE | READ_DIR));
		remove_tree("no");
		make_tree("no");
		REQUIRE(enforce(ruleset));
		CHECK_ERRNO(open("no/file", O_RDONLY), EACCES);
		CHECK_OK(openat(dir, ".", O_RDONLY));
	}
}

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)argv;
	if (argc > 1) /* see test_executing */
		return 42;
	test_begin();
	if (landlock_lacks(1, "landlock"))
		return test_done();
	self[n < 0 ? 0 : n] = '\0';
	fresh();
	test_reading();
	test_writing();
	test_links();
	test_making();
	test_creating();
	test_removing();
	test_executing();
	test_truncating();
	test_handed_over();
	test_devices();
	test_proc();
	test_renamed();
	return test_done();
}
