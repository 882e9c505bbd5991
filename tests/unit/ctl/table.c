/* table: JSON data as aligned text. */
#include "table.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static char *
printed(const char *json, void (*print)(struct json_object *, FILE *))
{
	struct json_object *o = json_tokener_parse(json);
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	cr_assert(o != NULL && f != NULL);
	print(o, f);
	(void)fclose(f);
	(void)json_object_put(o);
	return out;
}

#define PRINTS(json, print, wanted)               \
	do {                                      \
		char *got = printed(json, print); \
		cr_assert_str_eq(got, wanted);    \
		free(got);                        \
	} while (0)

Test(table, rows_are_aligned_and_numbers_stand_right)
{
	PRINTS("[{\"id\":\"100\",\"served\":7,\"age_s\":1.5},{\"id\":\"a\",\"served\":12345,\"age_s\":10.0}]",
	       table_print,
	       "ID   SERVED    AGE\n"
	       "100       7   1.5s\n"
	       "a     12345  10.0s\n");
}

Test(table, a_missing_value_is_a_dash_and_keeps_numbers_right)
{
	PRINTS("[{\"lease_s\":9.5,\"x\":\"y\"},{\"lease_s\":null}]", table_print,
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
