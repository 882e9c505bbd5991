/* table: JSON data as aligned text. */
#include "table.h"

#include <criterion/criterion.h>
#include <stdlib.h>

typedef void (*printer)(struct json_object *, const struct table_look *, FILE *);

static char *
printed(const char *json, printer print, const struct table_look *look)
{
	struct json_object *o = json_tokener_parse(json);
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	cr_assert(o != NULL && f != NULL);
	print(o, look, f);
	(void)fclose(f);
	(void)json_object_put(o);
	return out;
}

#define PRINTS_AS(json, print, look, wanted)            \
	do {                                            \
		char *got = printed(json, print, look); \
		cr_assert_str_eq(got, wanted);          \
		free(got);                              \
	} while (0)

#define PRINTS(json, print, wanted)                           \
	do {                                                  \
		const struct table_look plain = {.width = 0}; \
		PRINTS_AS(json, print, &plain, wanted);       \
	} while (0)

Test(table, rows_are_aligned_and_numbers_stand_right)
{
	PRINTS("[{\"id\":\"100\",\"served\":7,\"age_s\":1.5},{\"id\":\"a\",\"served\":12345,\"age_s\":10.0}]",
	       table_print,
	       "ID   SERVED   AGE\n"
	       "100       7  1.5s\n"
	       "a     12345   10s\n");
}

Test(table, times_are_in_units_of_their_size)
{
	PRINTS("[{\"age_s\":7325.4,\"p99_us\":24576},{\"age_s\":59.4,\"p99_us\":383}]", table_print,
	       "  AGE    P99\n"
	       "2h02m   25ms\n"
	       "  59s  383us\n");
}

Test(table, a_missing_value_is_a_dash_and_keeps_numbers_right)
{
	PRINTS("[{\"lease_s\":9.5,\"x\":\"y\"},{\"lease_s\":null,\"x\":\"\"}]", table_print,
	       "LEASE  X\n"
	       " 9.5s  y\n"
	       "    -  -\n");
}

Test(table, width_is_counted_in_characters_not_bytes)
{
	PRINTS("[{\"a\":\"\xc3\xa9\",\"b\":\"1\"},{\"a\":\"zz\",\"b\":\"2\"}]", table_print,
	       "A   B\n"
	       "\xc3\xa9   1\n"
	       "zz  2\n");
}

Test(table, truth_is_yes_or_no_and_what_cannot_be_seen_is_escaped)
{
	PRINTS("[{\"id\":\"1\\u202e0\\u001b\",\"tls\":true},{\"id\":\"2\",\"tls\":false}]",
	       table_print,
	       "ID              TLS\n"
	       "1\\u202e0\\u001b  yes\n"
	       "2               no\n");
}

Test(table, no_rows_are_said)
{
	PRINTS("[]", table_print, "none\n");
}

Test(table, an_object_is_a_list_with_inner_names)
{
	PRINTS("{\"program\":\"p\",\"workers\":{\"wanted\":2},\"uptime_s\":1.5}",
	       table_print_object,
	       "program         p\n"
	       "workers.wanted  2\n"
	       "uptime          1.5s\n");
}

#define POOL                                                                                \
	"[{\"id\":\"100\",\"job\":\"sha1\",\"key\":null,\"state\":\"up\",\"served\":7,"     \
	"\"reason\":null},"                                                                 \
	"{\"id\":\"300\",\"job\":\"sha1\",\"key\":null,\"state\":\"ejected\",\"served\":8," \
	"\"reason\":\"5 failures in a row: connection refused\"}]"

Test(table, where_not_all_fits_the_important_columns_stay_and_the_last_is_cut)
{
	const struct table_look look = {.width = 42, .first = "id,state,reason,served,job"};

	PRINTS_AS(POOL, table_print, &look,
		  "ID   STATE    SERVED  REASON\n"
		  "100  up            7  -\n"
		  "300  ejected       8  5 failures in a row\xe2\x80\xa6\n");
}

Test(table, no_line_is_wider_than_the_terminal_while_a_column_fits)
{
	for (unsigned width = 3; width < 90; width++) {
		const struct table_look look = {.width = width, .first = "id,state,reason"};
		char *got = printed(POOL, table_print, &look);
		for (char *p = got; *p != '\0'; p += strcspn(p, "\n") + 1) {
			unsigned n = 0;
			for (size_t i = 0; p[i] != '\n'; i++)
				n += ((unsigned char)p[i] & 0xc0) != 0x80;
			cr_assert_leq(n, width, "width %u: %s", width, p);
		}
		free(got);
	}
}

Test(table, what_is_left_out_is_told_and_an_empty_column_is_no_loss)
{
	const struct table_look look = {.width = 14, .first = "id,state", .tells = true};

	PRINTS_AS(POOL, table_print, &look,
		  "ID   STATE\n"
		  "100  up\n"
		  "300  ejected\n"
		  "(3 more columns: --wide, or -o COLUMNS)\n");
}

Test(table, states_have_colours_that_take_no_room)
{
	const struct table_look look = {.color = true};

	PRINTS_AS(
		"[{\"state\":\"up\",\"x\":1},{\"state\":\"ejected\",\"x\":2},{\"state\":\"new\",\"x\":3}]",
		table_print, &look,
		"\033[1mSTATE\033[0m    \033[1mX\033[0m\n"
		"\033[32mup\033[0m       1\n"
		"\033[31mejected\033[0m  2\n"
		"\033[33mnew\033[0m      3\n");
}

Test(table, the_column_that_is_sorted_by_is_marked)
{
	const struct table_look look = {.marked = "served"};

	PRINTS_AS("[{\"id\":\"1\",\"served\":7}]", table_print, &look,
		  "ID  SERVED*\n"
		  "1         7\n");
}
