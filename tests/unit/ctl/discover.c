/* discover: which sockets of a folder are daemons', and whose are trusted. */
#include "discover.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net_unix.h"

enum { NOBODY = 65534 };

static char dir[] = "/tmp/discover-XXXXXX";
static struct discover_list list;

static void
begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void
end(void)
{
	char command[64];

	discover_free(&list);
	(void)snprintf(command, sizeof command, "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(discover, .init = begin, .fini = end, .timeout = 30);

static const char *
path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof path, "%s/%s.sock", dir, name);
	return path;
}

/* A daemon of that name. */
static int
listens(const char *name)
{
	int fd = net_listen_unix(path_of(name), 0666);

	cr_assert_geq(fd, 0);
	return fd;
}

/* One that has died. */
static void
left_behind(const char *name)
{
	(void)close(listens(name));
}

/* Another user's; root alone can play it. */
static void
of_another(const char *name)
{
	int fd;

	cr_assert_eq(chmod(dir, 0777), 0);
	cr_assert_eq(seteuid(NOBODY), 0);
	fd = listens(name);
	cr_assert_geq(fd, 0);
	cr_assert_eq(seteuid(0), 0);
	cr_assert_eq(chmod(dir, 0755), 0);
}

static void
find(enum discover_trust how)
{
	discover_free(&list);
	cr_assert_eq(discover_daemons(dir, how, &list), 0);
}

static const char *
only(enum discover_program program)
{
	const struct discover_entry *e = discover_only(&list, program);

	return e != NULL ? e->name : "-";
}

Test(discover, sockets_are_found_by_name_and_those_left_behind_do_not_answer)
{
	char other[128];
	FILE *f;

	(void)listens("ppool-server-7");
	(void)listens("ppool-proxy-2100");
	left_behind("ppool-proxy-2200");
	f = fopen(path_of("x"), "w"); /* a file */
	cr_assert(f != NULL && fclose(f) == 0);
	(void)listens("ppool-proxy-3.pid.no"); /* renamed: no socket's name */
	(void)snprintf(other, sizeof other, "%s/ppool-proxy-3.pid", dir);
	cr_assert_eq(rename(path_of("ppool-proxy-3.pid.no"), other), 0);
	find(DISCOVER_DEFAULT);
	cr_assert_eq(list.n, 4);
	cr_assert_str_eq(list.entry[0].name, "ppool-proxy-2100");
	cr_assert_str_eq(list.entry[1].name, "ppool-proxy-2200");
	cr_assert_str_eq(list.entry[2].name, "ppool-server-7");
	cr_assert_str_eq(list.entry[3].name, "x");
	cr_assert(list.entry[0].answers && list.entry[2].answers);
	cr_assert_not(list.entry[1].answers || list.entry[3].answers);
	cr_assert_eq(list.entry[0].pid, getpid());
}

Test(discover, a_folder_that_is_not_there_holds_none)
{
	cr_assert_eq(discover_daemons("/tmp/there/is/none", DISCOVER_DEFAULT, &list), 0);
	cr_assert_eq(list.n, 0);
}

Test(discover, the_only_one_that_answers_is_meant_and_a_proxy_before_servers)
{
	left_behind("ppool-proxy-1");
	find(DISCOVER_DEFAULT);
	cr_assert_str_eq(only(DISCOVER_ANY), "-");
	(void)listens("ppool-server-7");
	find(DISCOVER_DEFAULT);
	cr_assert_str_eq(only(DISCOVER_ANY), "ppool-server-7");
	cr_assert_str_eq(only(DISCOVER_PROXY), "-");
	(void)listens("ppool-proxy-2");
	find(DISCOVER_DEFAULT);
	cr_assert_str_eq(only(DISCOVER_ANY), "ppool-proxy-2");
	cr_assert_str_eq(only(DISCOVER_SERVER), "ppool-server-7");
	(void)listens("ppool-proxy-3");
	(void)listens("ppool-server-8");
	find(DISCOVER_DEFAULT);
	cr_assert_str_eq(only(DISCOVER_ANY), "-");
	cr_assert_str_eq(only(DISCOVER_PROXY), "-");
	cr_assert_str_eq(only(DISCOVER_SERVER), "-");
}

Test(discover, a_folder_that_others_may_write_to_is_used_only_when_it_was_named)
{
	pid_t pid;

	(void)listens("ppool-proxy-1");
	cr_assert_eq(chmod(dir, 0777), 0);
	cr_assert_eq(discover_daemons(dir, DISCOVER_DEFAULT, &list), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(list.n, 0);
	cr_assert_eq(discover_probe(dir, path_of("ppool-proxy-1"), DISCOVER_DEFAULT, &pid), EPERM);
	find(DISCOVER_NAMED);
	cr_assert_eq(list.n, 1);
	cr_assert(list.entry[0].answers);
}

Test(discover, a_socket_of_another_user_is_not_trusted_but_the_named_folders_owners)
{
	pid_t pid;

	if (geteuid() != 0)
		cr_skip_test("only root can play another user");
	of_another("ppool-proxy-1");
	for (int how = DISCOVER_NAMED; how <= DISCOVER_DEFAULT; how++) {
		find((enum discover_trust)how);
		cr_assert_eq(list.n, 1);
		cr_assert_not(list.entry[0].answers);
		cr_assert_eq(discover_probe(dir, path_of("ppool-proxy-1"), (enum discover_trust)how,
					    &pid),
			     EPERM);
	}
	cr_assert_eq(chown(dir, NOBODY, NOBODY), 0);
	cr_assert_eq(discover_daemons(dir, DISCOVER_DEFAULT, &list), -1,
		     "in /tmp anybody makes it");
	find(DISCOVER_NAMED);
	cr_assert(list.entry[0].answers);
}
