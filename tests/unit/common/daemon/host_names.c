/* host_names: what is asked for, and what is kept. */
#include "host_names.h"

#include <criterion/criterion.h>
#include <netdb.h>
#include <string.h>

static unsigned asked; /* how often the resolver was */

/* In place of the library's: names of which the beginning says what they have. */
int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	    struct addrinfo **out)
{
	static const char *const both[] = {"::1", "127.0.0.9", "127.0.0.1", "::2"}, *const six[] = {
											    "::3",
											    "::4"};
	static struct addrinfo found[4];
	static struct addr at[4];
	bool is_six = strncmp(host, "six", 3) == 0;
	unsigned n = is_six ? 2 : 4;

	(void)service, (void)hints;
	asked++;
	if (strcmp(host, "unknown.test") == 0)
		return EAI_NONAME;
	for (unsigned i = 0; i < n; i++) {
		cr_assert_eq(addr_numeric(&at[i], (is_six ? six : both)[i], 0), 0);
		found[i] = (struct addrinfo){.ai_addr = &at[i].u.sa,
					     .ai_addrlen = at[i].len,
					     .ai_next = i + 1 < n ? &found[i + 1] : NULL};
	}
	*out = found;
	return 0;
}

void
freeaddrinfo(struct addrinfo *found)
{
	(void)found;
}

static void
is_at(const struct addr *a, const char *wanted)
{
	char text[ADDR_TEXT];

	cr_expect_str_eq(addr_text(a, text), wanted);
}

Test(host_names, a_name_is_asked_for_once_and_has_each_port)
{
	struct host_names names = {.former = NULL};
	struct addr_list list;
	const char *why = NULL;

	cr_assert_eq(host_names_ask(&names, "a.test", 2100, &list, &why), 0);
	cr_assert_eq(list.n, 4);
	is_at(&list.at[1], "127.0.0.9:2100");
	cr_assert_eq(host_names_ask(&names, "a.test", 2180, &list, &why), 0);
	is_at(&list.at[1], "127.0.0.9:2180");
	cr_expect_eq(asked, 1);
	host_names_forget(&names);
	cr_assert_eq(host_names_ask(&names, "a.test", 1, &list, &why), 0);
	cr_expect_eq(asked, 2);
	host_names_forget(&names);
}

Test(host_names, what_was_found_before_is_kept_and_outlives_the_former)
{
	struct host_names before = {.former = NULL}, names = {.former = &before},
			  next = {.former = &names};
	struct addr_list list;
	const char *why = NULL;

	cr_assert_eq(host_names_ask(&before, "a.test", 1, &list, &why), 0);
	cr_assert_eq(host_names_ask(&before, "b.test", 1, &list, &why), 0);
	cr_assert_eq(host_names_ask(&names, "a.test", 7, &list, &why), 0);
	is_at(&list.at[0], "[::1]:7");
	cr_expect_eq(asked, 2);
	names.former = NULL;
	host_names_forget(&before);
	cr_assert_eq(host_names_ask(&next, "a.test", 8, &list, &why), 0);
	is_at(&list.at[0], "[::1]:8");
	cr_expect_eq(asked, 2);
	cr_assert_eq(host_names_ask(&next, "b.test", 8, &list, &why), 0);
	cr_expect_eq(asked, 3, "what the settings between had no use for is asked for anew");
	host_names_forget(&names);
	host_names_forget(&next);
}

Test(host_names, what_is_not_known_is_not_kept)
{
	struct host_names names = {.former = NULL};
	struct addr_list list;
	const char *why = NULL;

	cr_expect_eq(host_names_ask(&names, "unknown.test", 1, &list, &why), -1);
	cr_expect_str_eq(why, gai_strerror(EAI_NONAME));
	cr_expect_eq(host_names_ask(&names, "unknown.test", 1, &list, &why), -1);
	cr_expect_eq(asked, 2);
	host_names_forget(&names);
}

Test(host_names, a_pair_is_the_first_of_each_family)
{
	struct host_names names = {.former = NULL};
	struct addr at[HOST_NAMES_PAIR];
	const char *why = NULL;

	cr_assert_eq(host_names_ask_pair(&names, "a.test", 5, at, &why), 2);
	is_at(&at[0], "127.0.0.9:5");
	is_at(&at[1], "[::1]:5");
	cr_assert_eq(host_names_ask_pair(&names, "six.test", 5, at, &why), 1);
	is_at(&at[0], "[::3]:5");
	cr_assert_eq(host_names_ask_pair(&names, "unknown.test", 5, at, &why), -1);
	host_names_forget(&names);
}
