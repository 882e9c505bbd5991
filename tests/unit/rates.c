/* rates: growth between two looks. */
#include "rates.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct rates_column columns[] = {
	{"id", "id", false}, {"served", "req/s", true}, {"state", "state", false}};

static const char *
rates(const char *before, const char *after, double seconds)
{
	static char text[512];
	struct json_object *x = json_tokener_parse(before), *y = json_tokener_parse(after), *rows;

	cr_assert(x != NULL && y != NULL);
	rows = rates_of(x, y, "id", columns, 3, seconds);
	(void)snprintf(text, sizeof text, "%s",
		       json_object_to_json_string_ext(rows, JSON_C_TO_STRING_PLAIN));
	(void)json_object_put(rows);
	(void)json_object_put(x);
	(void)json_object_put(y);
	return text;
}

Test(rates, a_counter_is_told_as_its_growth_a_second)
{
	cr_assert_str_eq(rates("[{\"id\":\"a\",\"served\":10}]",
			       "[{\"id\":\"a\",\"served\":15,\"state\":\"up\"}]", 2),
			 "[{\"id\":\"a\",\"req\\/s\":2.5,\"state\":\"up\"}]");
	cr_assert_str_eq(
		rates("[{\"id\":\"a\",\"served\":0}]", "[{\"id\":\"a\",\"served\":12345}]", 1),
		"[{\"id\":\"a\",\"req\\/s\":12345,\"state\":null}]");
}

Test(rates, things_are_found_by_their_key_and_newcomers_have_not_grown)
{
	cr_assert_str_eq(
		rates("[{\"id\":\"b\",\"served\":7},{\"id\":\"a\",\"served\":10}]",
		      "[{\"id\":\"a\",\"served\":11},{\"id\":\"b\",\"served\":7},{\"id\":\"c\",\"served\":99}]",
		      1),
		"[{\"id\":\"a\",\"req\\/s\":1.0,\"state\":null},{\"id\":\"b\",\"req\\/s\":0.0,\"state\":null},"
		"{\"id\":\"c\",\"req\\/s\":0.0,\"state\":null}]");
}

Test(rates, what_has_gone_back_has_not_grown)
{
	cr_assert_str_eq(
		rates("[{\"id\":\"a\",\"served\":10}]", "[{\"id\":\"a\",\"served\":3}]", 1),
		"[{\"id\":\"a\",\"req\\/s\":0.0,\"state\":null}]");
	cr_assert_str_eq(
		rates("[{\"id\":\"a\",\"served\":10}]", "[{\"id\":\"a\",\"served\":30}]", 0),
		"[{\"id\":\"a\",\"req\\/s\":0.0,\"state\":null}]");
	cr_assert_str_eq(rates("[]", "[]", 1), "[]");
}
