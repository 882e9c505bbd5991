/* fd_limit: connections that the limit of open files allows for. */
#include "fd_limit.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/resource.h>

Test(nofile, what_fits_is_granted_as_asked)
{
	const struct fd_limit_need serves = {.workers = 20, .connections = 1000},
				   forwards = {
					   .workers = 20, .connections = 1000, .forwards = true};

	cr_assert_eq(fd_limit_fit(65536, &serves), 1000);
	cr_assert_eq(fd_limit_fit(65536, &forwards), 1000);
}

Test(nofile, servers_keep_a_quarter_of_what_is_not_the_workers_own)
{
	const struct fd_limit_need serves = {.workers = 20, .connections = 1000},
				   forwards = {
					   .workers = 20, .connections = 1000, .forwards = true};

	cr_assert_eq(fd_limit_fit(432, &serves), 400);
	cr_assert_eq(fd_limit_fit(452, &forwards), 300);
	cr_assert_eq(fd_limit_fit(20052, &(struct fd_limit_need){.workers = 20,
								 .connections = 99999,
								 .forwards = true}),
		     20000 - 2048);
	cr_assert_eq(fd_limit_fit(33, &serves), 1);
	cr_assert_eq(fd_limit_fit(53, &forwards), 0, "the only one is a server's");
	cr_assert_eq(fd_limit_fit(54, &forwards), 1);
	cr_assert_eq(fd_limit_fit(0, &serves), 0);
}

Test(nofile, the_soft_limit_is_raised_to_what_is_needed)
{
	const struct fd_limit_need need = {.workers = 4, .connections = 100, .forwards = true};
	struct rlimit l;
	struct fd_limit f;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = 64;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
	cr_assert_eq(fd_limit_plan(&need, &f), 0);
	cr_assert(f.asked == 100 && f.granted == 100 && f.limit >= 236);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
	cr_assert_eq(l.rlim_cur, f.limit);
}

Test(nofile, what_the_program_needs_beside_is_not_for_connections)
{
	const struct fd_limit_need need = {
		.workers = 4, .connections = 100, .others = 16, .of_master = 500};
	struct rlimit l;
	struct fd_limit f;

	cr_assert_eq(fd_limit_fit(100, &need), 52);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = 64;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
	cr_assert_eq(fd_limit_plan(&need, &f), 0);
	cr_assert(f.granted == 100 && f.limit >= 532, "%lu", f.limit);
}

Test(nofile, where_it_cannot_be_raised_less_is_granted_and_said)
{
	const struct fd_limit_need need = {.workers = 4, .connections = 100, .most = 52},
				   none = {.workers = 4, .connections = 100, .most = 32};
	struct fd_limit f;
	char text[FD_LIMIT_TEXT];

	cr_assert_eq(fd_limit_plan(&need, &f), 0);
	cr_assert(f.asked == 100 && f.granted == 20 && f.limit == 52);
	cr_assert_not_null(strstr(fd_limit_text(&f, text),
				  "100 lowered to 20: the limit of open files is 52"));
	cr_assert_eq(fd_limit_plan(&none, &f), -1);
	cr_assert_not_null(strstr(fd_limit_text(&f, text), "the limit of open files is 32"));
}

Test(nofile, a_master_that_lacks_descriptors_in_a_reload_says_so)
{
	const struct fd_limit_need one = {.workers = 4, .connections = 10, .of_master = 136},
				   none = {.workers = 4, .connections = 10, .of_master = 138},
				   both = {.workers = 4, .connections = 10, .of_master = 68};
	const struct rlimit hundred = {100, 100};
	struct fd_limit f;
	char text[FD_LIMIT_TEXT];

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &hundred), 0);
	cr_assert_eq(fd_limit_plan(&one, &f), 0);
	cr_assert_not_null(fd_limit_master_text(&f, text));
	cr_assert_not_null(strstr(text, "needs 168 descriptors in a reload"), "%s", text);
	cr_assert_not_null(strstr(text, "the limit of open files is 100 "), "%s", text);
	cr_assert_eq(fd_limit_plan(&both, &f), 0);
	cr_assert_null(fd_limit_master_text(&f, text), "100 are enough");
	cr_assert_eq(fd_limit_plan(&none, &f), -1, "not even one generation fits");
	cr_assert_not_null(fd_limit_master_text(&f, text));
}
