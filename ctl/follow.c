/* follow.c - see follow.h. */
#include "follow.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <time.h>

#include "call.h"
#include "verb.h"

enum { LOOK_MS = 200 };

static const char *
text_of(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	(void)json_object_object_get_ex(o, key, &v);
	return v == NULL ? "-" : json_object_get_string(v);
}

static void
print_event(struct json_object *e, bool json)
{
	if (json)
		(void)printf("%s\n", json_object_to_json_string_ext(e, JSON_C_TO_STRING_PLAIN));
	else
		(void)printf("%s  %-11s  %-8s  %-8s  %s\n", text_of(e, "when"), text_of(e, "event"),
			     text_of(e, "id"), text_of(e, "policy"), text_of(e, "why"));
}

/* Prints what there is; the number of the last one. */
static uint64_t
print_all(struct json_object *list, bool json, uint64_t last)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i), *number = NULL;
		print_event(e, json);
		if (json_object_object_get_ex(e, "number", &number))
			last = json_object_get_uint64(number);
	}
	return last;
}

int
follow_events(const char *path, bool json)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	char number[24] = "0", why[CALL_WHY];
	char after[] = "after", verb[] = "events";
	char *args[] = {after, number, NULL};
	struct json_object *list;
	uint64_t last = 0;

	for (;;) {
		enum call_result result = call_daemon(path, verb, args, CALL_LIMIT, &list, why);
		if (result != CALL_ANSWERED) {
			(void)fprintf(stderr, "ppool-ctl: events: %s\n", why);
			return result == CALL_REFUSED ? STATUS_REFUSED : STATUS_UNREACHED;
		}
		last = print_all(list, json, last);
		(void)json_object_put(list);
		if (fflush(stdout) == EOF)
			return 0; /* nobody reads any more */
		(void)snprintf(number, sizeof number, "%" PRIu64, last);
		(void)nanosleep(&pause, NULL);
	}
}
