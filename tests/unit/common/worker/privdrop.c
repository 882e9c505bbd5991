/* privdrop: what settings come to, and what becomes of a child that follows them.  As root all of
 * it is tried, otherwise what needs no root. */
#include "privdrop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"

static char user[64], group[64], told[512];
static struct privdrop_conf conf;
static struct privdrop plan;

static void
begin(void)
{
	conf = (struct privdrop_conf){.user = user, .group = group, .umask = 0077};
	user[0] = group[0] = '\0';
}

TestSuite(privdrop, .init = begin);

static int
make_plan(void)
{
	FILE *err = fmemopen(told, sizeof told, "w");
	int r = privdrop_check(&conf, "prog", err);

	(void)fclose(err);
	plan = conf.plan;
	return r;
}

static const char *
own_name(void)
{
	const struct passwd *u = getpwuid(geteuid());

	return u == NULL ? "root" : u->pw_name;
}

/* The line of /proc/self/status that begins so; without its name. */
static const char *
status_line(const char *name)
{
	static char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0) {
			(void)fclose(f);
			line[strcspn(line, "\n")] = '\0';
			return line + strlen(name) + 2;
		}
	return "";
}

/* In a child that has followed the plan: its exit status. */
static int
in_child(int (*f)(void))
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(privdrop_apply(&plan) < 0 ? 99 : f());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define CHECK(what)                                                         \
	do {                                                                \
		if (!(what)) {                                              \
			(void)fprintf(stderr, "%d: %s\n", __LINE__, #what); \
			return 1;                                           \
		}                                                           \
	} while (0)

static int
is_nobody_in_particular(void)
{
	CHECK(geteuid() == plan.uid && getuid() == plan.uid && getegid() == plan.gid);
	CHECK(strspn(status_line("CapEff"), "0") == 16);
	CHECK(strspn(status_line("CapPrm"), "0") == 16);
	CHECK(strspn(status_line("CapAmb"), "0") == 16);
	CHECK(strspn(status_line("CapInh"), "0") == 16);
	CHECK(!plan.change_user || strspn(status_line("CapBnd"), "0") == 16);
	CHECK(strcmp(status_line("NoNewPrivs"), "1") == 0);
	CHECK(setuid(0) < 0 || geteuid() == plan.uid);
	CHECK(umask(0) == 0077);
	return 0;
}

Test(privdrop, by_default_root_becomes_somebody_else_and_all_is_given_up)
{
	cr_assert_eq(make_plan(), 0);
	cr_assert_eq(plan.change_user, geteuid() == 0);
	if (geteuid() == 0)
		cr_assert(plan.uid != 0 && plan.gid != 0);
	cr_assert_eq(in_child(is_nobody_in_particular), 0);
}

static int
is_limited(void)
{
	struct rlimit l;

	CHECK(getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur == 77 && l.rlim_max == 77);
	CHECK(getrlimit(RLIMIT_CORE, &l) == 0 && l.rlim_cur == 0 && l.rlim_max == 0);
	CHECK(getrlimit(RLIMIT_AS, &l) == 0 && l.rlim_cur == (rlim_t)1 << 45);
	return 0;
}

Test(privdrop, limits_are_for_good)
{
	conf.max_files = 77;
	conf.address_space = (uint64_t)1 << 45;
	cr_assert_eq(make_plan(), 0);
	cr_assert_eq(in_child(is_limited), 0);
}

static int
keeps_its_files(void)
{
	struct rlimit l;

	CHECK(getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur == 123 && l.rlim_max == 123);
	return 0;
}

Test(privdrop, what_the_master_has_raised_is_all_there_is)
{
	struct rlimit l;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = 123;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
	cr_assert_eq(make_plan(), 0);
	cr_assert_eq(in_child(keeps_its_files), 0);
}

static int
has_what_it_had(void)
{
	static char before[64];

	(void)snprintf(before, sizeof before, "%s", status_line("CapBnd"));
	CHECK(geteuid() == plan.uid);
	CHECK(strcmp(status_line("NoNewPrivs"), "0") == 0);
	CHECK(geteuid() != 0 || strspn(status_line("CapEff"), "0") < 16);
	return 0;
}

Test(privdrop, none_of_it_leaves_privileges_and_capabilities)
{
	(void)snprintf(user, sizeof user, "%s", own_name());
	conf.level = ISOLATION_NONE;
	cr_assert_eq(make_plan(), 0);
	cr_assert_not(plan.change_user);
	cr_assert_eq(in_child(has_what_it_had), 0);
}

static int
is_the_number(void)
{
	CHECK(getuid() == 4000000001U && geteuid() == 4000000001U);
	CHECK(getgid() == (group[0] != '\0' ? 4000000002U : 4000000001U));
	CHECK(getgroups(0, NULL) == 0);
	return 0;
}

Test(privdrop, a_number_needs_no_entry_in_the_user_database)
{
	if (geteuid() != 0)
		return;
	(void)snprintf(user, sizeof user, "4000000001");
	cr_assert_eq(make_plan(), 0, "%s", told);
	cr_assert_eq(in_child(is_the_number), 0);
	(void)snprintf(group, sizeof group, "4000000002");
	cr_assert_eq(make_plan(), 0, "%s", told);
	cr_assert_eq(in_child(is_the_number), 0);
}

static int
has_no_capabilities(void)
{
	CHECK(geteuid() == plan.uid);
	CHECK(strspn(status_line("CapEff"), "0") == 16);
	CHECK(geteuid() != 0 || strspn(status_line("CapBnd"), "0") == 16);
	return 0;
}

Test(privdrop, one_that_stays_who_it_is_has_no_capabilities_either)
{
	(void)snprintf(user, sizeof user, "%s", own_name());
	cr_assert_eq(make_plan(), 0);
	cr_assert_eq(in_child(has_no_capabilities), 0);
}

static void
refused(const char *want)
{
	cr_assert_eq(make_plan(), -1);
	cr_assert_str_eq(told, want);
}

Test(privdrop, what_cannot_be_is_refused_with_the_keys_name)
{
	(void)snprintf(user, sizeof user, "no-such-user");
	refused("prog: user: no-such-user: no such user\n");
	(void)snprintf(user, sizeof user, "4294967295"); /* which the kernel takes for none */
	refused("prog: user: 4294967295: no such user\n");
	user[0] = '\0';
	(void)snprintf(group, sizeof group, "no-such-group");
	refused("prog: group: no-such-group: no such group\n");
}

static int
has_one_group(void)
{
	CHECK(getegid() == plan.gid && getgroups(0, NULL) == 0);
	return 0;
}

Test(privdrop, a_group_that_is_named_is_the_only_one)
{
	(void)snprintf(user, sizeof user, "%s", geteuid() == 0 ? "nobody" : own_name());
	(void)snprintf(group, sizeof group, "%u", geteuid() == 0 ? 1 : (unsigned)getegid());
	cr_assert_eq(make_plan(), 0);
	if (geteuid() == 0)
		cr_assert_eq(in_child(has_one_group), 0);
	cr_assert_eq(plan.gid, geteuid() == 0 ? 1 : getegid());
}

Test(privdrop, a_group_has_a_name_or_a_number)
{
	const struct group *own = getgrgid(getegid());

	(void)snprintf(user, sizeof user, "%u", (unsigned)geteuid());
	(void)snprintf(group, sizeof group, "%s", own == NULL ? "0" : own->gr_name);
	cr_assert_eq(make_plan(), 0);
	cr_assert(plan.gid == getegid() && plan.groups == 0);
}

static int
goes_on(void)
{
	return 0;
}

Test(privdrop, a_step_that_fails_is_the_end)
{
	(void)snprintf(user, sizeof user, "%s", own_name());
	cr_assert_eq(make_plan(), 0);
	plan.change_user = true;
	plan.groups = -1; /* more than there can be */
	cr_assert_eq(in_child(goes_on), 99);
	plan.level = ISOLATION_NONE;
	cr_assert_eq(in_child(goes_on), 99, "no privilege, and wanted all the same");
}

/* As nobody: what root alone can do is not promised. */
static void
as_nobody(void)
{
	if (geteuid() == 0)
		cr_assert(setgid(65534) == 0 && setuid(65534) == 0);
}

Test(privdrop, without_root_another_user_is_refused_and_the_rest_is_done)
{
	as_nobody();
	(void)snprintf(user, sizeof user, "root");
	refused("prog: user: root: only root can become another user\n");
	user[0] = '\0';
	(void)snprintf(group, sizeof group, "root");
	refused("prog: group: root: only root can change it\n");
	group[0] = '\0';
	cr_assert_eq(make_plan(), 0);
	cr_assert_not(plan.change_user);
	cr_assert_eq(in_child(is_nobody_in_particular), 0);
}

/* ---- descriptors: in a child, whose they are to close ---- */

/* Opens 3 to 39 and one far away, keeps those listed, and tells by its exit status whether exactly
 * these and stdio are left. */
static bool
leaves_exactly(const int *fd, size_t n)
{
	struct fd_keep k = {0};
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid > 0) {
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		return WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	for (int i = 3; i < 40; i++)
		if (dup2(STDIN_FILENO, i) < 0)
			_exit(2);
	if (dup2(STDIN_FILENO, 900) < 0)
		_exit(2);
	for (size_t i = 0; i < n; i++)
		fd_keep_add(&k, fd[i]);
	if (fd_keep_close_others(&k) < 0)
		_exit(3);
	for (int i = 0; i < 1000; i++) {
		bool wanted = i < 3;
		for (size_t j = 0; j < n; j++)
			wanted |= fd[j] == i;
		if ((fcntl(i, F_GETFD) >= 0) != wanted)
			_exit(1);
	}
	fd_keep_release(&k);
	_exit(0);
}

Test(fd_keep, only_what_was_named_stays_and_stdio)
{
	cr_assert(leaves_exactly(NULL, 0));
	cr_assert(leaves_exactly((int[]){3}, 1));
	cr_assert(leaves_exactly((int[]){39, 900, 4}, 3));
	cr_assert(leaves_exactly((int[]){7, 7, -1, 8, 2, 9, 7}, 7));
}

Test(fd_keep, without_memory_to_know_what_to_keep_nothing_is_closed)
{
	struct fd_keep k = {.short_of_memory = true};
	int fd = dup(STDIN_FILENO);

	cr_assert_eq(fd_keep_close_others(&k), -1);
	cr_assert_eq(errno, ENOMEM);
	cr_assert_geq(fcntl(fd, F_GETFD), 0);
	(void)close(fd);
}

Test(fd_keep, there_is_room_for_many)
{
	int fd[37];

	for (int i = 0; i < 37; i++)
		fd[i] = 39 - i;
	cr_assert(leaves_exactly(fd, 37));
}
