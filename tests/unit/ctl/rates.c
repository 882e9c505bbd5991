/* rates: growth between two looks. */
#include "rates.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct rates_column columns[] = {{"id", "id", RATES_AS_IS, 0},
					      {"served", "req/s", RATES_GROWTH, 0},
					      {"state", "state", RATES_AS_IS, 0}};

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

/* The quantiles of two looks at one thing, as text. */
static const char *
quantiles(const char *before, const char *after)
{
	static const struct rates_column of[] = {{"took", "p50", RATES_QUANTILE, 0.50},
						 {"took", "p99", RATES_QUANTILE, 0.99}};
	static char text[128];
	struct json_object *x = json_tokener_parse(before), *y = json_tokener_parse(after), *rows;

	cr_assert(x != NULL && y != NULL);
	rows = rates_of(x, y, "id", of, 2, 1);
	(void)snprintf(text, sizeof text, "%s",
		       json_object_to_json_string_ext(json_object_array_get_idx(rows, 0),
						      JSON_C_TO_STRING_PLAIN));
	(void)json_object_put(rows);
	(void)json_object_put(x);
	(void)json_object_put(y);
	return text;
}

Test(rates, quantiles_are_those_of_what_came_in_between)
{
	const char *nothing = "{\"p50\":null,\"p99\":null}";

	cr_assert_str_eq(quantiles("[{\"id\":\"a\",\"took\":[[10,1000],[500,3]]}]",
				   "[{\"id\":\"a\",\"took\":[[10,1000],[40,50],[90,50],[500,3]]}]"),
			 "{\"p50\":40,\"p99\":90}", "the slow and the many of before do not count");
	cr_assert_str_eq(quantiles("[{\"id\":\"a\",\"took\":[]}]",
				   "[{\"id\":\"a\",\"took\":[[7,99],[8,1]]}]"),
			 "{\"p50\":7,\"p99\":7}");
	cr_assert_str_eq(quantiles("[{\"id\":\"a\",\"took\":[[10,5]]}]",
				   "[{\"id\":\"a\",\"took\":[[10,5]]}]"),
			 nothing);
	cr_assert_str_eq(quantiles("[{\"id\":\"a\",\"took\":[[10,5]]}]",
				   "[{\"id\":\"a\",\"took\":[[10,2]]}]"),
			 nothing, "another server under that name");
	cr_assert_str_eq(quantiles("[]", "[{\"id\":\"a\",\"took\":[[10,2]]}]"), nothing);
	cr_assert_str_eq(quantiles("[{\"id\":\"a\"}]", "[{\"id\":\"a\",\"took\":7}]"), nothing);
}
