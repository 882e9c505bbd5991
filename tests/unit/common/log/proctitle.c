/* proctitle: what ps shows. */
#include "proctitle.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char block[64];
static char *args[4];

/* Arguments as the kernel lays them out: one after the other, the environment behind. */
static void
lay_out(void)
{
	memcpy(block, "program\0-option\0value\0ENV=1", 27);
	args[0] = block;
	args[1] = block + 8;
	args[2] = block + 16;
}

TestSuite(proctitle, .init = lay_out);

Test(proctitle, it_stands_where_the_arguments_stood)
{
	proctitle_init(3, args, "ppool");
	proctitle_set("worker %d", 3);
	cr_assert_str_eq(block, "ppool: worker 3");
	cr_assert_str_eq(block + 22, "ENV=1");
}

Test(proctitle, a_long_one_is_cut_before_the_environment)
{
	proctitle_init(3, args, "ppool");
	proctitle_set("%s", "a title that is much longer than its place");
	cr_assert_str_eq(block, "ppool: a title that i");
	cr_assert_str_eq(block + 22, "ENV=1");
	proctitle_set("x");
	cr_assert_str_eq(block, "ppool: x");
	cr_assert_eq(memcmp(block + 8, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 14), 0,
		     "nothing of the longer one is left");
}

Test(proctitle, the_environment_makes_room_and_is_still_there)
{
	char *env[] = {block + 22, NULL};

	environ = env;
	proctitle_init(3, args, "ppool");
	proctitle_set("%s", "a title that is longer than its place");
	cr_assert_str_eq(block, "ppool: a title that is long");
	cr_assert_str_eq(getenv("ENV"), "1");
	environ = NULL;
}

Test(proctitle, without_a_place_nothing_happens)
{
	proctitle_set("worker");
	proctitle_init(0, args, "ppool");
	proctitle_set("worker");
	cr_assert_str_eq(block, "program");
}
