/* csv: JSON data as comma-separated values. */
#include "csv.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void
prints(const char *json, const char *wanted)
{
	struct json_object *o = json_tokener_parse(json);
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	cr_assert(o != NULL && f != NULL);
	csv_print(o, f);
	(void)fclose(f);
	cr_assert_str_eq(out, wanted);
	free(out);
	(void)json_object_put(o);
}

Test(csv, rows_have_a_line_of_keys_and_null_is_empty)
{
	prints("[{\"id\":\"1\",\"age_s\":1.5,\"key\":null,\"tls\":true},{\"id\":\"2\",\"age_s\":0.0,\"key\":\"k\",\"tls\":false}]",
	       "id,age_s,key,tls\n1,1.5,,true\n2,0.0,k,false\n");
}

Test(csv, commas_and_quotes_are_quoted_and_what_a_terminal_obeys_is_escaped)
{
	prints("[{\"a\":\"x,\\\"y\\\"\",\"b\":\"l\\n\\u001b\"}]",
	       "a,b\n\"x,\"\"y\"\"\",l\\n\\u001b\n");
}

Test(csv, an_object_is_one_row_with_inner_names)
{
	prints("{\"pid\":7,\"workers\":{\"ready\":2},\"proxies\":[\"a\"]}",
	       "pid,workers.ready,proxies\n7,2,\"[\"\"a\"\"]\"\n");
}

Test(csv, no_rows_are_nothing)
{
	prints("[]", "");
}
