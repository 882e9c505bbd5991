/* rows: which rows and columns of a table, in which order. */
#include "rows.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define POOL                                                                                   \
	"[{\"id\":\"100\",\"policy\":\"111\",\"state\":\"up\",\"served\":7,\"age_s\":2.5,"     \
	"\"p99_us\":9,\"key\":null},"                                                          \
	"{\"id\":\"20\",\"policy\":\"a,b\",\"state\":\"ejected\",\"served\":10,\"age_s\":1.0," \
	"\"p99_us\":null,\"key\":\"k\"},"                                                      \
	"{\"id\":\"x\",\"policy\":\"111\",\"state\":\"draining\",\"served\":7,\"age_s\":9.0,"  \
	"\"p99_us\":5,\"key\":null}]"

/* The result as JSON, or the reason. */
static const char *
selected(const struct rows_wish *wish)
{
	static char text[2048];
	char why[ROWS_WHY];
	struct json_object *rows = json_tokener_parse(POOL), *got = rows_select(rows, wish, why);

	(void)snprintf(text, sizeof text, "%s",
		       got == NULL ? why
				   : json_object_to_json_string_ext(got, JSON_C_TO_STRING_PLAIN));
	(void)json_object_put(got);
	(void)json_object_put(rows);
	return text;
}

#define SELECTS(wanted, ...)                                 \
	do {                                                 \
		const struct rows_wish wish = {__VA_ARGS__}; \
		cr_assert_str_eq(selected(&wish), wanted);   \
	} while (0)

Test(rows, without_a_wish_all_stay_as_they_are)
{
	SELECTS(POOL, .columns = NULL);
}

Test(rows, columns_are_named_as_in_json_or_as_in_the_header)
{
	SELECTS("[{\"age_s\":2.5,\"id\":\"100\",\"p99_us\":9},{\"age_s\":1.0,\"id\":\"20\",\"p99_us\":null},"
		"{\"age_s\":9.0,\"id\":\"x\",\"p99_us\":5}]",
		.columns = "AGE,id,p99_us");
}

Test(rows, a_column_that_is_not_there_is_told_with_those_that_are)
{
	SELECTS("sered: no such column; there are id policy state served age_s p99_us key",
		.columns = "id,sered");
	SELECTS("x: no such column; there are id policy state served age_s p99_us key",
		.sort = "-x");
}

Test(rows, are_sorted_by_number_and_by_the_numbers_in_text)
{
	SELECTS("[{\"id\":\"20\"},{\"id\":\"100\"},{\"id\":\"x\"}]", .columns = "id", .sort = "id");
	SELECTS("[{\"id\":\"20\"},{\"id\":\"100\"},{\"id\":\"x\"}]", .columns = "id",
		.sort = "-served");
	SELECTS("[{\"id\":\"20\"},{\"id\":\"100\"},{\"id\":\"x\"}]", .columns = "id",
		.sort = "age");
}

Test(rows, nulls_stand_last_whichever_way)
{
	SELECTS("[{\"id\":\"x\"},{\"id\":\"100\"},{\"id\":\"20\"}]", .columns = "id",
		.sort = "p99");
	SELECTS("[{\"id\":\"100\"},{\"id\":\"x\"},{\"id\":\"20\"}]", .columns = "id",
		.sort = "-p99");
}

Test(rows, of_policies_and_states_alone)
{
	SELECTS("[{\"id\":\"100\"},{\"id\":\"x\"}]", .columns = "id", .policy = "111");
	SELECTS("[{\"id\":\"20\"}]", .columns = "id", .policy = "a,b");
	SELECTS("[{\"id\":\"20\"},{\"id\":\"x\"}]", .columns = "id", .state = "draining,ejected");
	SELECTS("[{\"id\":\"x\"}]", .columns = "id", .state = "!up,ejected");
	SELECTS("[]", .state = "up,gone", .policy = "222");
}

Test(rows, a_column_is_missed_also_where_no_row_is_left)
{
	SELECTS("x: no such column; there are id policy state served age_s p99_us key",
		.policy = "222", .columns = "x");
}

Test(rows, of_no_rows_nothing_is_missing)
{
	const struct rows_wish wish = {.columns = "x", .sort = "y", .policy = "z"};
	struct json_object *rows = json_object_new_array();
	char why[ROWS_WHY];
	struct json_object *got = rows_select(rows, &wish, why);

	cr_assert_not_null(got);
	cr_assert_eq(json_object_array_length(got), 0);
	(void)json_object_put(got);
	(void)json_object_put(rows);
}
