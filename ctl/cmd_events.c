/* cmd_events.c - see cmd_events.h. */
#include "cmd_events.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "command_ask.h"
#include "printable.h"
#include "rpc.h"

enum { LOOK_MS = 200 }; /* between two looks at the events that follow */

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
	static const struct {
		const char *key;
		int width;
	} column[] = {{"when", 0}, {"event", 11}, {"id", 8}, {"policy", 8}, {"why", 0}};
	enum { COLUMNS = sizeof column / sizeof *column };
	char shown[RPC_WHY];

	if (json) {
		view_json(e, JSON_C_TO_STRING_PLAIN, stdout);
		return;
	}
	for (int i = 0; i < COLUMNS; i++)
		(void)printf("%-*s%s", column[i].width,
			     printable(text_of(e, column[i].key), shown, sizeof shown),
			     i + 1 < COLUMNS ? "  " : "\n");
}

/* Prints what there is, of the policy that was asked for; the number of the last one. */
static uint64_t
print_all(struct json_object *list, const struct view *view, uint64_t last)
{
	const struct rows_wish wish = {.policy = view->wish.policy};
	size_t n = json_object_array_length(list);
	struct json_object *number = NULL, *wanted;
	char why[ROWS_WHY];

	if (n > 0 &&
	    json_object_object_get_ex(json_object_array_get_idx(list, n - 1), "number", &number))
		last = json_object_get_uint64(number);
	wanted = rows_select(list, &wish, why);
	n = wanted == NULL ? 0 : json_object_array_length(wanted);
	for (size_t i = 0; i < n; i++)
		print_event(json_object_array_get_idx(wanted, i), view->form == VIEW_JSON);
	(void)json_object_put(wanted);
	return last;
}

/* Prints those that are remembered, then each new one, until it is interrupted or the proxy cannot
 * be reached any more; the exit status. */
static int
follow(const char *path, const struct view *view)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	char number[24] = "0", why[RPC_WHY];
	char after[] = "after", verb[] = "events";
	char *args[] = {after, number, NULL};
	struct json_object *list;
	uint64_t last = 0;

	for (;;) {
		enum rpc_result result = rpc_daemon(path, verb, args, RPC_LIMIT, &list, why);
		if (result != RPC_ANSWERED) {
			(void)fprintf(stderr, "ppool-ctl: events: %s\n", why);
			return result == RPC_REFUSED ? STATUS_REFUSED : STATUS_UNREACHED;
		}
		last = print_all(list, view, last);
		(void)json_object_put(list);
		if (fflush(stdout) == EOF)
			return 0; /* nobody reads any more; see process_status() */
		(void)snprintf(number, sizeof number, "%" PRIu64, last);
		(void)nanosleep(&pause, NULL);
	}
}

/* What is printed as it happens is no table. */
static bool
is_a_table(const struct view *view)
{
	return view->form == VIEW_CSV || view->wide || view->wish.columns != NULL ||
	       view->wish.sort != NULL || view->wish.state != NULL;
}

int
cmd_events(const struct command *v, const struct target *t, const struct view *view,
	   char *const args[])
{
	char path[TARGET_PATH];

	if (args[0] == NULL || strcmp(args[0], "--follow") != 0) {
		size_t most = args[0] != NULL && strcmp(args[0], "after") == 0 ? 2 : 1;
		return command_too_many(v, args, most) ? STATUS_USAGE
						       : command_ask(v, t, view, args, RPC_LIMIT);
	}
	if (args[1] != NULL) {
		(void)fputs("ppool-ctl: events: nothing can follow --follow\n", stderr);
		return STATUS_USAGE;
	}
	if (is_a_table(view)) {
		(void)fputs("ppool-ctl: events: of the options for tables only --policy goes with "
			    "--follow\n",
			    stderr);
		return STATUS_USAGE;
	}
	if (target_path(t, v->of, v->name, path) < 0)
		return STATUS_UNREACHED;
	return follow(path, view);
}
