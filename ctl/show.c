/* show.c - see show.h. */
#include "show.h"

#include <unistd.h>

void
show(struct json_object *data, bool json, void (*print)(struct json_object *, FILE *))
{
	int flags = isatty(STDOUT_FILENO) ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
					  : JSON_C_TO_STRING_PLAIN;

	if (json)
		(void)printf("%s\n", json_object_to_json_string_ext(data, flags));
	else
		print(data, stdout);
}
