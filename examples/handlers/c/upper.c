/* upper.c - a handler: the payload in capitals, ASCII letters alone; see policypool-handler(7).
 *
 *   cc -O2 -o upper upper.c $(pkg-config --cflags --libs json-c) */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <json.h>

static void
answer(struct json_object *job)
{
	struct json_object *a = json_object_new_object();
	struct json_object *text = json_object_object_get(job, "payload");

	json_object_object_add(a, "job", json_object_get(json_object_object_get(job, "job")));
	if (json_object_object_get(job, "encoding") != NULL) {
		json_object_object_add(a, "error",
				       json_object_new_string("this handler takes text only"));
	} else {
		int n = json_object_get_string_len(text); /* NUL bytes count */
		char *upper = malloc((size_t)n + 1);

		if (upper == NULL)
			exit(1);
		for (int i = 0; i < n; i++)
			upper[i] = (char)toupper((unsigned char)json_object_get_string(text)[i]);
		json_object_object_add(a, "payload", json_object_new_string_len(upper, n));
		free(upper);
	}
	puts(json_object_to_json_string_ext(a, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(a);
}

int
main(void)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		struct json_object *job = json_tokener_parse(line);

		if (job == NULL)
			return 1;
		answer(job);
		json_object_put(job);
	}
	free(line);
	return 0;
}
