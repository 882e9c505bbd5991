/* top_page: what top shows of a look, and what keys change of that. */
#include "top_page.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "screen.h"

static struct top_state state;
static struct view view;
static struct top_data data;

/* So many servers, with more and more requests a second. */
static void
make(unsigned policies, unsigned servers)
{
	char text[64];

	data = (struct top_data){.head = "ppool-proxy 2100\nreq/s 7\n",
				 .policies = json_object_new_array(),
				 .servers = json_object_new_array()};
	for (unsigned i = 0; i < policies + servers; i++) {
		struct json_object *o = json_object_new_object();
		bool server = i >= policies;
		(void)snprintf(text, sizeof text, "%s%u", server ? "s" : "p",
			       server ? i - policies : i);
		(void)json_object_object_add(o, server ? "server" : "policy",
					     json_object_new_string(text));
		(void)json_object_object_add(o, "req/s", json_object_new_int((int)i * 10));
		(void)json_object_array_add(server ? data.servers : data.policies, o);
	}
}

static void
end(void)
{
	(void)json_object_put(data.policies);
	(void)json_object_put(data.servers);
}

TestSuite(top_page, .fini = end);

/* The page as lines; their number. */
static size_t
lines_of(unsigned columns, unsigned lines, char line[][256])
{
	char *text = top_page_text(&state, &data, &view, columns, lines);
	size_t n = 0;

	cr_assert_not_null(text);
	for (const char *p = text; *p != '\0'; n++) {
		size_t length = strcspn(p, "\n");
		cr_assert_lt(n, 100);
		(void)snprintf(line[n], 256, "%.*s", (int)length, p);
		p += length + (p[length] == '\n');
	}
	free(text);
	return n;
}

static void
press(int key)
{
	cr_assert(top_page_key(&state, &data, key));
}

static char line[100][256];

Test(top_page, takes_the_lines_that_there_are_and_tells_where_one_is)
{
	make(2, 300);
	cr_assert_eq(lines_of(80, 24, line), 24);
	cr_assert_str_eq(line[0], "ppool-proxy 2100");
	cr_assert_not_null(strstr(line[3], "POLICY"));
	cr_assert_not_null(strstr(line[7], "SERVER"));
	cr_assert_eq(strncmp(line[8], "s0 ", 3), 0);
	cr_assert_eq(strncmp(line[23], "servers 1-15 of 300 ", 20), 0, "%s", line[23]);
	cr_assert_not_null(strstr(line[23], "h help"));
}

Test(top_page, many_policies_leave_room_for_servers)
{
	make(40, 300);
	cr_assert_eq(lines_of(80, 24, line), 24);
	cr_assert_str_eq(line[11], "(33 more)");
	cr_assert_not_null(strstr(line[13], "SERVER"));
}

Test(top_page, a_small_screen_shows_servers_alone)
{
	make(2, 30);
	cr_assert_eq(lines_of(80, 8, line), 8);
	cr_assert_not_null(strstr(line[2], "SERVER"));
	cr_assert_eq(strncmp(line[7], "servers 1-4 of 30 ", 18), 0, "%s", line[7]);
	for (unsigned lines = 1; lines < 8; lines++)
		(void)lines_of(80, lines, line);
}

Test(top_page, scrolls_and_stops_at_both_ends)
{
	make(0, 10);
	(void)lines_of(80, 8, line); /* four of them */
	press('j');
	(void)lines_of(80, 8, line);
	cr_assert_eq(strncmp(line[3], "s1 ", 3), 0);
	cr_assert_not_null(strstr(line[2], "SERVER"), "the header stays");
	press(SCREEN_LAST);
	(void)lines_of(80, 8, line);
	cr_assert_eq(strncmp(line[7], "servers 7-10 of 10 ", 19), 0, "%s", line[7]);
	press(SCREEN_DOWN);
	(void)lines_of(80, 8, line);
	cr_assert_eq(strncmp(line[7], "servers 7-10 of 10 ", 19), 0, "%s", line[7]);
	press(SCREEN_PAGE_UP);
	(void)lines_of(80, 8, line);
	cr_assert_eq(strncmp(line[7], "servers 4-7 of 10 ", 18), 0, "%s", line[7]);
	press(SCREEN_FIRST);
	press('k');
	(void)lines_of(80, 8, line);
	cr_assert_eq(strncmp(line[3], "s0 ", 3), 0);
}

Test(top_page, sorts_by_the_next_column_and_the_other_way)
{
	make(0, 12);
	press('>'); /* server: a text, so the first in the alphabet */
	(void)lines_of(80, 8, line);
	cr_assert_not_null(strstr(line[2], "SERVER*"));
	cr_assert_eq(strncmp(line[3], "s0 ", 3), 0);
	press('>'); /* req/s: a number, so the largest */
	(void)lines_of(80, 8, line);
	cr_assert_not_null(strstr(line[2], "REQ/S*"));
	cr_assert_eq(strncmp(line[3], "s11 ", 4), 0, "%s", line[3]);
	cr_assert_not_null(strstr(line[7], ", by req/s down"));
	press('r');
	(void)lines_of(80, 8, line);
	cr_assert_eq(strncmp(line[3], "s0 ", 3), 0);
	press(SCREEN_RIGHT); /* round to the first */
	(void)lines_of(80, 8, line);
	cr_assert_not_null(strstr(line[2], "SERVER*"));
	press(SCREEN_LEFT);
	(void)lines_of(80, 8, line);
	cr_assert_not_null(strstr(line[2], "REQ/S*"));
}

Test(top_page, begins_sorted_as_it_is_told)
{
	make(0, 12);
	view.wish.sort = "-req/s";
	(void)lines_of(80, 8, line);
	cr_assert_eq(strncmp(line[3], "s11 ", 4), 0);
	cr_assert_not_null(strstr(line[7], ", by req/s down"));
}

Test(top_page, help_comes_and_goes_and_q_ends_it)
{
	make(1, 1);
	press('h');
	(void)lines_of(80, 24, line);
	cr_assert_str_eq(line[0], "Keys:");
	press('?');
	(void)lines_of(80, 24, line);
	cr_assert_str_eq(line[0], "ppool-proxy 2100");
	press('x');
	cr_assert(!top_page_key(&state, &data, 'q'));
	cr_assert(!top_page_key(&state, &data, SCREEN_END));
}

Test(top_page, an_empty_pool_is_a_page_too)
{
	make(0, 0);
	press('>');
	press('<');
	press(SCREEN_PAGE_DOWN);
	cr_assert_eq(lines_of(80, 24, line), 24);
	cr_assert_eq(strncmp(line[23], "servers 0-0 of 0 ", 17), 0, "%s", line[23]);
}
