/* listen_unix: whether a Unix socket can be where the settings want it. */
#include "listen_unix.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/listen-unix-test-XXXXXX", told[512];
static char empty[] = "";
static struct daemon_conf conf = {
	.runtime_dir = empty, .listen_owner = empty, .listen_group = empty, .listen_mode = 0640};

static void
make_folder(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void
remove_folder(void)
{
	(void)rmdir(dir);
}

TestSuite(listen_unix, .init = make_folder, .fini = remove_folder);

/* 0, or -1 with the line in `told`. */
static int
check(const char *in_folder)
{
	struct listen_socket v = {.n = 1};
	char path[128];
	FILE *err = fmemopen(told, sizeof told, "w");
	int rc;

	(void)snprintf(path, sizeof path, "%s/%s", dir, in_folder);
	cr_assert_eq(addr_unix_path(&v.at[0].asked, path), 0);
	rc = listen_unix_check(&conf, &v, "toy", err);
	(void)fclose(err);
	return rc;
}

static void
refused(const char *in_folder, const char *why)
{
	cr_expect_eq(check(in_folder), -1);
	cr_expect_not_null(strstr(told, why), "%s", told);
}

Test(listen_unix, the_folder_must_be_there)
{
	cr_expect_eq(check("p.sock"), 0);
	refused("no/p.sock", "/no/p.sock: its folder is missing");
}

Test(listen_unix, the_runtime_folder_is_made)
{
	char runtime[64];

	(void)snprintf(runtime, sizeof runtime, "%s/rt", dir);
	conf.runtime_dir = runtime;
	cr_expect_eq(check("rt/p.sock"), 0);
}

Test(listen_unix, what_is_no_socket_is_in_the_way)
{
	char path[64];

	(void)snprintf(path, sizeof path, "%s/file", dir);
	(void)close(open(path, O_CREAT | O_WRONLY, 0600));
	refused("file", "what is there is no socket");
	(void)unlink(path);
}

Test(listen_unix, users_and_groups_are_found)
{
	char number[16];

	(void)snprintf(number, sizeof number, "%u", (unsigned)geteuid());
	conf.listen_owner = number;
	cr_expect_eq(check("p.sock"), 0);
	cr_expect_eq(conf.listen_rights.owner, geteuid());
	cr_expect_eq(conf.listen_rights.group, (gid_t)-1);
	cr_expect_eq(conf.listen_rights.mode, 0640);
	conf.listen_owner = (char[]){"no-such-user-here"};
	refused("p.sock", "toy: listen_owner: no-such-user-here: no such user");
	conf.listen_owner = empty;
	conf.listen_group = (char[]){"no-such-group-here"};
	refused("p.sock", "toy: listen_group: no-such-group-here: no such group");
}

Test(listen_unix, only_root_gives_it_to_another)
{
	if (geteuid() == 0)
		cr_assert(chown(dir, 12345, 12345) == 0 && setgid(12345) == 0 &&
			  setuid(12345) == 0);
	conf.listen_owner = (char[]){"0"};
	refused("p.sock", "only root can give it to another");
	conf.listen_owner = empty;
	conf.listen_group = (char[]){"54321"};
	refused("p.sock", "only root can give it to a group");
}
