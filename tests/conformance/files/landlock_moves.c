/* covers: landlock_restrict_self */
/* landlock(7), LANDLOCK_ACCESS_FS_REFER: names that move between directories, EACCES and EXDEV; and
 * where names are, which the restricted cannot change: mount(2). */
#include <linux/fs.h>
#include <sched.h>
#include <sys/mount.h>

#include "tests/conformance/files/conformance.h"
#include "tests/conformance/landlock.h"

#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif

/* Rules for up to four paths. */
struct rule {
	const char *path;
	uint64_t access;
};
static bool confine_by(uint64_t files, const struct rule rules[4])
{
	int ruleset = ruleset_of_files(files);

	for (int i = 0; i < 4 && rules[i].path; i++)
		if (rule_for(ruleset, rules[i].path, rules[i].access))
			return false;
	return enforce(ruleset);
}
#define CONFINE(files, ...) REQUIRE(confine_by(files, (const struct rule[4]){__VA_ARGS__}))

static int exchange(const char *a, const char *b)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

static void make_tree(const char *dir)
{
	char path[100];

	REQUIRE(!mkdir(dir, 0777));
	snprintf(path, sizeof(path), "%s/file", dir);
	REQUIRE(put_file(path, dir));
	snprintf(path, sizeof(path), "%s/other", dir);
	REQUIRE(put_file(path, dir));
	snprintf(path, sizeof(path), "%s/dir", dir);
	REQUIRE(!mkdir(path, 0777));
	snprintf(path, sizeof(path), "%s/dir/below", dir);
	REQUIRE(put_file(path, dir));
}

/* Each scenario in a tree of its own: one/, two/ and three/. */
static void fresh(void)
{
	static int count;
	char name[20];

	snprintf(name, sizeof(name), "%s%d", count ? "../t" : "t", count);
	count++;
	REQUIRE(!mkdir(name, 0777) && !chdir(name));
	make_tree("one");
	make_tree("two");
	make_tree("three");
}

#define MOVES (REMOVE_FILE | REMOVE_DIR | MAKE_REG | MAKE_DIR | REFER)

static void test_same_directory(void)
{
	fresh();
	FORKED("within a directory: to remove and to make")
	{
		CONFINE(REMOVE_FILE | MAKE_REG | REMOVE_DIR | MAKE_DIR,
			{"one", REMOVE_FILE | MAKE_REG}, {"two", MAKE_REG}, {"three", REMOVE_FILE});
		CHECK_OK(rename("one/file", "one/new"));
		CHECK_OK(rename("one/new", "one/other"));
		CHECK_OK(link("one/other", "one/file"));
		CHECK_ERRNO(rename("one/dir", "one/new"), EACCES);
		CHECK_ERRNO(rename("two/file", "two/new"), EACCES);
		CHECK_OK(link("two/file", "two/new"));
		CHECK_ERRNO(rename("three/file", "three/new"), EACCES);
		CHECK_ERRNO(link("three/file", "three/new"), EACCES);
		CHECK_OK(exchange("one/file", "one/other"));
		CHECK_ERRNO(exchange("one/file", "one/dir"), EACCES);
		CHECK_ERRNO(rename("one/nothing", "one/new"), ENOENT);
	}
}

static void test_never_handled(void)
{
	fresh();
	FORKED("a domain that does not know REFER lets nothing move")
	{
		CONFINE(READ_FILE, {"/", READ_FILE});
		CHECK_ERRNO(rename("one/file", "two/new"), EXDEV);
		CHECK_ERRNO(link("one/file", "two/new"), EXDEV);
		CHECK_ERRNO(rename("one/dir", "two/new"), EXDEV);
		CHECK_ERRNO(rename("one/dir/below", "one/new"), EXDEV);
		CHECK_OK(rename("one/file", "one/new"));
		CHECK_ERRNO(exchange("one/new", "two/file"), EXDEV);
	}
	FORKED("EACCES comes before EXDEV")
	{
		CONFINE(MAKE_REG | REMOVE_FILE, {"one", REMOVE_FILE}, {"two", MAKE_REG});
		CHECK_ERRNO(rename("one/other", "two/new"), EXDEV);
		CHECK_ERRNO(rename("two/other", "one/new"), EACCES);
		CHECK_ERRNO(link("one/other", "two/new"), EXDEV);
		CHECK_ERRNO(link("two/other", "one/new2"), EACCES);
		CHECK_ERRNO(rename("one/other", "two/file"), EACCES); /* which is removed */
	}
}

static void test_granted(void)
{
	if (landlock_lacks(2, "REFER"))
		return;
	fresh();
	FORKED("REFER at both ends")
	{
		CONFINE(MOVES, {"one", MOVES}, {"two", MOVES}, {"three", MOVES & ~REFER});
		CHECK_OK(rename("one/file", "two/new"));
		CHECK_OK(link("two/new", "one/file"));
		CHECK_OK(rename("one/dir", "two/newdir"));
		CHECK_OK(rename("two/newdir/below", "two/up"));
		CHECK_OK(exchange("one/other", "two/other"));
		CHECK_ERRNO(rename("one/file", "three/new"), EXDEV);
		CHECK_ERRNO(rename("three/file", "one/new"), EXDEV);
		CHECK_ERRNO(link("three/file", "one/new"), EXDEV);
	}
	fresh();
	FORKED("REFER and the right to make at one end, to remove at the other")
	{
		CONFINE(MOVES, {"one", REFER | REMOVE_FILE}, {"two", REFER | MAKE_REG});
		CHECK_ERRNO(rename("two/file", "one/new"), EACCES);
		CHECK_ERRNO(rename("one/file", "two/other"), EACCES);
		CHECK_ERRNO(rename("one/dir", "two/new"), EACCES);
		CHECK_ERRNO(exchange("one/file", "two/file"), EACCES);
		CHECK_OK(
			rename("one/file", "two/new")); /* the rights of directories alone differ */
		CHECK_ERRNO(rename("one/file", "two/new"), ENOENT);
	}
}

/* What moves may not be allowed more where it goes. */
static void test_no_gain(void)
{
	if (landlock_lacks(2, "REFER"))
		return;
	fresh();
	FORKED("to where more is allowed, and less")
	{
		CONFINE(MOVES | READ_FILE | EXECUTE, {"one", MOVES | READ_FILE},
			{"two", MOVES | READ_FILE | EXECUTE}, {"three", MOVES});
		CHECK_ERRNO(rename("one/file", "two/new"), EXDEV);
		CHECK_ERRNO(link("one/file", "two/new"), EXDEV);
		CHECK_ERRNO(rename("three/file", "one/new"), EXDEV);
		CHECK_ERRNO(exchange("one/file", "two/file"), EXDEV);
		CHECK_ERRNO(exchange("two/file", "one/file"), EXDEV);
		CHECK_OK(link("two/file", "one/new"));
		CHECK_OK(rename("two/file", "three/new"));
		CHECK_OK(rename("one/dir", "three/new dir"));
		CHECK_ERRNO(rename("three/new dir", "one/dir"), EXDEV);
	}
	fresh();
	FORKED("the file's own rule counts where it is")
	{
		CONFINE(MOVES | READ_FILE, {"one", MOVES}, {"one/file", READ_FILE},
			{"two", MOVES | READ_FILE});
		CHECK_ERRNO(rename("one/other", "two/new"), EXDEV);
		CHECK_OK(rename("one/file", "two/new"));
	}
	fresh();
	FORKED("rights that only directories have are nothing to a file")
	{
		CONFINE(MOVES | READ_DIR, {"one", MOVES}, {"two", MOVES | READ_DIR});
		CHECK_ERRNO(rename("one/dir", "two/new"), EXDEV);
		CHECK_OK(rename("one/file", "two/new"));
	}
	fresh();
	FORKED("in each layer")
	{
		CONFINE(MOVES | READ_FILE, {".", MOVES | READ_FILE});
		CHECK_OK(rename("one/file", "two/new"));
		CONFINE(READ_FILE | REFER, {"one", REFER}, {"two", REFER | READ_FILE});
		CHECK_ERRNO(rename("one/other", "two/newer"), EXDEV);
		CHECK_OK(rename("two/other", "one/newer"));
		CONFINE(READ_FILE, {".", READ_FILE});
		CHECK_ERRNO(rename("two/file", "one/newest"), EXDEV);
	}
}

static void test_only_ports(void)
{
	const struct ruleset_attr ports = {.ports = BIND_TCP};

	if (landlock_lacks(4, "rulesets without files"))
		return;
	fresh();
	FORKED("a ruleset without files says nothing of them")
	{
		REQUIRE(enforce(ruleset_create(&ports, sizeof(ports), 0)));
		CHECK_OK(rename("one/file", "two/new"));
		CHECK_OK(open("one/other", O_RDWR | O_TRUNC));
	}
}

/* Between a bind mount and what it shows. @bound is one/'s, at three/dir. */
static void check_bind_mount(void)
{
	fresh();
	if (mount("one", "three/dir", NULL, MS_BIND, NULL)) {
		test_skip("bind mounts", "they are not permitted here");
		return;
	}
	FORKED("what a rule grants is seen through bind mounts, and from above them")
	{
		int dir = open("three/dir/dir", O_PATH);

		CONFINE(READ_FILE, {"three", READ_FILE});
		CHECK_OK(open("three/dir/file", O_RDONLY));
		CHECK_OK(open("three/dir/dir/below", O_RDONLY));
		CHECK_OK(openat(dir, "below", O_RDONLY));
		CHECK_OK(openat(dir, "../file", O_RDONLY));
		CHECK_ERRNO(open("one/file", O_RDONLY), EACCES);
		CHECK_ERRNO(open("one/dir/below", O_RDONLY), EACCES);
	}
	FORKED("and a rule for what is shown holds at both places")
	{
		CONFINE(READ_FILE, {"one/dir", READ_FILE});
		CHECK_OK(open("three/dir/dir/below", O_RDONLY));
		CHECK_OK(open("one/dir/below", O_RDONLY));
		CHECK_ERRNO(open("three/dir/file", O_RDONLY), EACCES);
	}
	FORKED("a rule by the bind mount's name, too")
	{
		CONFINE(READ_FILE, {"three/dir/file", READ_FILE});
		CHECK_OK(open("one/file", O_RDONLY));
		CHECK_OK(open("three/dir/file", O_RDONLY));
		CHECK_ERRNO(open("three/dir/other", O_RDONLY), EACCES);
	}
	FORKED("names that move within a bind mount")
	{
		CONFINE(MOVES, {"three/dir", MOVES});
		CHECK_OK(rename("three/dir/file", "three/dir/dir/new"));
		CHECK_OK(link("three/dir/dir/new", "three/dir/file"));
		CHECK_ERRNO(rename("three/dir/file", "two/new"), EXDEV);
	}
	CHECK_OK(umount("three/dir"));
}

/* A directory that was moved to where its bind mount does not reach. */
static void check_disconnected(void)
{
	if (!(ruleset_create(NULL, 0, ERRATA) & 4)) {
		test_skip("disconnected directories", "the kernel has other rules for them");
		return;
	}
	fresh();
	REQUIRE(!mount("one", "three/dir", NULL, MS_BIND, NULL));
	FORKED("out of a bind mount's reach: rules where it is, and those for the mount")
	{
		int dir = open("three/dir/dir", O_PATH);

		REQUIRE(!rename("one/dir", "two/moved"));
		CONFINE(READ_FILE | WRITE_FILE, {"two", READ_FILE}, {"three", WRITE_FILE});
		CHECK_OK(openat(dir, "below", O_RDONLY));
		CHECK_OK(openat(dir, "below", O_WRONLY));
		CHECK_OK(open("two/moved/below", O_RDONLY));
		CHECK_ERRNO(open("two/moved/below", O_WRONLY), EACCES);
		CHECK_ERRNO(open("three/dir/file", O_RDONLY), EACCES);
	}
	CHECK_OK(umount("three/dir"));
}

static void check_mounting(void)
{
	fresh();
	REQUIRE(!mount("none", "two/dir", "tmpfs", 0, NULL));
	FORKED("a file system on top of a directory hides its rule")
	{
		int hidden = ruleset_of_files(READ_FILE);

		REQUIRE(put_file("two/dir/new", "x") && !rule_for(hidden, "two/dir", READ_FILE));
		REQUIRE(!umount("two/dir") && !mount("none", "two/dir", "tmpfs", 0, NULL));
		REQUIRE(put_file("two/dir/new", "x") && enforce(hidden));
		CHECK_ERRNO(open("two/dir/new", O_RDONLY), EACCES);
	}
	FORKED("a rule above it is one for it")
	{
		CONFINE(READ_FILE, {"two", READ_FILE});
		CHECK_OK(open("two/dir/new", O_RDONLY));
	}
	FORKED("mount(2) and its like")
	{
		CONFINE(READ_FILE, {"/", READ_FILE});
		CHECK_ERRNO(mount("none", "one/dir", "tmpfs", 0, NULL), EPERM);
		CHECK_ERRNO(mount("one", "three/dir", NULL, MS_BIND, NULL), EPERM);
		CHECK_ERRNO(mount(NULL, "two/dir", NULL, MS_REMOUNT | MS_RDONLY, NULL), EPERM);
		CHECK_ERRNO(umount("two/dir"), EPERM);
		CHECK_ERRNO(umount2("two/dir", MNT_DETACH), EPERM);
		CHECK_ERRNO(syscall(SYS_move_mount, AT_FDCWD, "two/dir", AT_FDCWD, "one/dir", 0),
			EPERM);
		CHECK_ERRNO(mount("none", "one/nothing", "tmpfs", 0, NULL), ENOENT);
	}
	CHECK_OK(umount("two/dir"));
}

int main(void)
{
	test_begin();
	if (landlock_lacks(1, "landlock"))
		return test_done();
	test_same_directory();
	test_never_handled();
	test_granted();
	test_no_gain();
	test_only_ports();
	/* In a namespace of one's own, where there are such. */
	if (!is_root())
		return test_done();
	if (!unshare(CLONE_NEWNS))
		(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	check_bind_mount();
	check_disconnected();
	check_mounting();
	return test_done();
}
