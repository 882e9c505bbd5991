/* status: numbers as they are told. */
#include "status.h"

#include <criterion/criterion.h>

static void
check_seconds(uint64_t ms, const char *wanted)
{
	struct json_object *o = json_object_new_object();

	status_add_seconds(o, "age_s", ms);
	cr_assert_str_eq(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), wanted);
	cr_assert(json_object_is_type(json_object_object_get(o, "age_s"), json_type_double));
	(void)json_object_put(o);
}

Test(status, milliseconds_are_seconds_with_one_decimal)
{
	check_seconds(0, "{\"age_s\":0.0}");
	check_seconds(1299, "{\"age_s\":1.2}");
	check_seconds(3600000, "{\"age_s\":3600.0}");
}

Test(status, numbers_keep_all_their_digits)
{
	struct json_object *o = json_object_new_object();

	status_add_number(o, "n", UINT64_MAX);
	status_add_text(o, "t", "a\"b");
	cr_assert_str_eq(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
			 "{\"n\":18446744073709551615,\"t\":\"a\\\"b\"}");
	(void)json_object_put(o);
}

/* Objects that could not be made for want of memory. */
Test(status, to_nothing_nothing_is_added)
{
	status_add_text(NULL, "a", "b");
	status_add_number(NULL, "a", 1);
	status_add_null(NULL, "a");
	status_add(NULL, "a", json_object_new_array());
	status_append(NULL, json_object_new_int(1));
	cr_assert_null(status_add_list(NULL, "a"));
	cr_assert_null(status_add_row(NULL));
}
