/* handler_reach: folders that another user may not enter, found as that user. */
#include "handler_reach.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static char dir[] = "/tmp/handler-reach-XXXXXX";
static char path[128];

static void
make(mode_t outer, mode_t inner)
{
	char folder[64];

	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(folder, sizeof folder, "%s/inner", dir);
	cr_assert_eq(mkdir(folder, 0700), 0);
	cr_assert_eq(chmod(folder, inner), 0);
	cr_assert_eq(chmod(dir, outer), 0);
	(void)snprintf(path, sizeof path, "%s/inner/program", dir);
}

static void
clean(void)
{
	char folder[64];

	(void)snprintf(folder, sizeof folder, "%s/inner", dir);
	(void)rmdir(folder);
	(void)rmdir(dir);
}

static const struct privdrop nobody = {.change_user = true, .uid = NOBODY, .gid = NOBODY};

/* The length of the folder that is. */
static size_t
closed_to(const struct privdrop *plan)
{
	size_t folder;

	(void)handler_reach_file(plan, path, X_OK, &folder);
	return folder;
}

TestSuite(handler_reach, .fini = clean);

Test(handler_reach, the_first_folder_that_a_user_may_not_enter_is_found)
{
	if (geteuid() != 0)
		cr_skip_test("not root");
	make(0755, 0700);
	cr_expect_eq(closed_to(&nobody), strlen(dir) + strlen("/inner"));
	cr_expect_eq(chmod(dir, 0700), 0);
	cr_expect_eq(closed_to(&nobody), strlen(dir));
	cr_expect_eq(handler_reach_closed(path), 0, "root may");
}

Test(handler_reach, where_all_may_be_entered_there_is_none)
{
	make(0755, 0755);
	cr_expect_eq(handler_reach_closed(path), 0);
	if (geteuid() == 0)
		cr_expect_eq(closed_to(&nobody), 0);
}

Test(handler_reach, who_stays_who_it_is_is_not_tried)
{
	const struct privdrop same = {.change_user = false, .uid = NOBODY};

	make(0700, 0700);
	cr_expect_eq(closed_to(&same), 0);
}

static enum handler_reach
script(const struct privdrop *plan, const char *name, size_t wanted)
{
	enum handler_reach found;
	size_t folder;
	char at[128];

	(void)snprintf(at, sizeof at, "%s/inner/%s", dir, name);
	found = handler_reach_file(plan, at, R_OK, &folder);
	cr_expect_eq(folder, wanted);
	return found;
}

Test(handler_reach, a_script_is_there_and_can_be_read)
{
	const struct privdrop same = {.change_user = false};
	size_t folder;
	FILE *f;

	make(0755, 0755);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fclose(f), 0);
	cr_expect_eq(script(&same, "program", 0), HANDLER_REACH_FINE);
	cr_expect_eq(script(&same, "none", 0), HANDLER_REACH_MISSING);
	if (geteuid() == 0) {
		cr_expect_eq(chmod(path, 0644), 0);
		cr_expect_eq(script(&nobody, "program", 0), HANDLER_REACH_FINE);
		cr_expect_eq(script(&nobody, "none", 0), HANDLER_REACH_MISSING);
		cr_expect_eq(chmod(path, 0600), 0);
		cr_expect_eq(script(&nobody, "program", 0), HANDLER_REACH_DENIED);
		cr_expect_eq(handler_reach_file(&nobody, path, X_OK, &folder),
			     HANDLER_REACH_DENIED);
		cr_expect_eq(chmod(path, 0711), 0);
		cr_expect_eq(handler_reach_file(&nobody, path, X_OK, &folder), HANDLER_REACH_FINE);
		cr_expect_eq(script(&nobody, "program", 0), HANDLER_REACH_DENIED);
		cr_expect_eq(chmod(dir, 0700), 0);
		cr_expect_eq(script(&nobody, "program", strlen(dir)), HANDLER_REACH_CLOSED);
		cr_expect_eq(script(&same, "program", 0), HANDLER_REACH_FINE, "root may");
	}
	(void)unlink(path);
}

Test(handler_reach, a_user_without_a_name_is_a_number)
{
	char text[32];

	cr_expect_str_eq(handler_reach_user(0, text), "root");
	cr_expect_str_eq(handler_reach_user(123456789, text), "123456789");
}
