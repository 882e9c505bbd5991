/* top.c - see top.h. */
#include "top.h"

#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "command.h"
#include "human.h"
#include "printable.h"
#include "rates.h"
#include "rpc.h"
#include "screen.h"
#include "top_page.h"

/* One look at the proxy. */
struct look {
	uint64_t at; /* clock_us() */
	struct json_object *status, *policies, *servers;
};

static const struct rates_column of_policy[] = {
	{"policy", "policy", RATES_AS_IS, 0},
	{"job", "job", RATES_AS_IS, 0},
	{"balance", "balance", RATES_AS_IS, 0},
	{"servers", "servers", RATES_AS_IS, 0},
	{"up", "up", RATES_AS_IS, 0},
	{"served", "req/s", RATES_GROWTH, 0},
	{"failed", "failed/s", RATES_GROWTH, 0},
	{"in_flight", "in_flight", RATES_AS_IS, 0},
	{"queued", "queued", RATES_AS_IS, 0},
};

static const struct rates_column of_server[] = {
	{"id", "server", RATES_AS_IS, 0},
	{"policy", "policy", RATES_AS_IS, 0},
	{"state", "state", RATES_AS_IS, 0},
	{"served", "req/s", RATES_GROWTH, 0},
	{"failed", "failed/s", RATES_GROWTH, 0},
	{"retried", "retried/s", RATES_GROWTH, 0},
	{"in_flight", "in_flight", RATES_AS_IS, 0},
	{"connections", "connections", RATES_AS_IS, 0},
	{"latencies", "p50_us", RATES_QUANTILE, 0.50},
	{"latencies", "p99_us", RATES_QUANTILE, 0.99},
	{"reason", "reason", RATES_AS_IS, 0},
};

enum {
	OF_POLICY = sizeof of_policy / sizeof *of_policy,
	OF_SERVER = sizeof of_server / sizeof *of_server
};

/* ---- looking ---- */

static void
look_free(struct look *l)
{
	(void)json_object_put(l->status);
	(void)json_object_put(l->policies);
	(void)json_object_put(l->servers);
	*l = (struct look){.at = 0};
}

static int
ask(const char *path, const char *verb, char *argument, struct json_object **out, char why[RPC_WHY])
{
	char *args[] = {argument, NULL};
	enum rpc_result result = rpc_daemon(path, verb, args, RPC_LIMIT, out, why);

	if (result == RPC_ANSWERED)
		return 0;
	return result == RPC_REFUSED ? STATUS_REFUSED : STATUS_UNREACHED;
}

/* 0, or the exit status with the reason in why. */
static int
look_at(const char *path, struct look *l, char why[RPC_WHY])
{
	char latencies[] = "latencies";
	int status;

	*l = (struct look){.at = clock_us()};
	status = ask(path, "status", NULL, &l->status, why);
	if (status == 0)
		status = ask(path, "policies", NULL, &l->policies, why);
	if (status == 0)
		status = ask(path, "servers", latencies, &l->servers, why);
	if (status != 0)
		look_free(l);
	return status;
}

/* ---- a page ---- */

static const char *
text_of(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	return json_object_object_get_ex(o, key, &v) && v != NULL ? json_object_get_string(v) : "-";
}

static void
put(FILE *out, const char *before, struct json_object *o, const char *key)
{
	char shown[RPC_WHY];

	(void)fprintf(out, "%s%s", before,
		      printable(o == NULL ? "-" : text_of(o, key), shown, sizeof shown));
}

/* What stands above the tables; the caller's, NULL on ENOMEM. */
static char *
head_text(const struct look *before, const struct look *now, double seconds)
{
	struct json_object *s = now->status, *workers = NULL, *uptime = NULL;
	char *text = NULL, time[HUMAN_TEXT];
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (out == NULL)
		return NULL;
	(void)json_object_object_get_ex(s, "workers", &workers);
	(void)json_object_object_get_ex(s, "uptime_s", &uptime);
	put(out, "", s, "program");
	put(out, " ", s, "listen");
	put(out, "  ", s, "state");
	(void)fprintf(out, "  up %s", human_seconds(json_object_get_double(uptime), time));
	put(out, "  workers ", workers, "ready");
	put(out, "/", workers, "wanted");
	(void)fprintf(out, "\nreq/s %.1f  errors/s %.1f",
		      rates_growth(before->status, s, "requests", seconds),
		      rates_growth(before->status, s, "errors", seconds));
	put(out, "  connections ", s, "connections");
	put(out, "  in flight ", s, "in_flight");
	put(out, "  queued ", s, "queued");
	(void)fputc('\n', out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Of the rows of all, which are no more, those that are wanted; none where they can't be had. */
static struct json_object *
wanted(struct json_object *all, const char *policy, const char *state)
{
	const struct rows_wish wish = {.policy = policy, .state = state};
	char why[ROWS_WHY];
	struct json_object *rows = rows_select(all, &wish, why);

	(void)json_object_put(all);
	return rows != NULL ? rows : json_object_new_array();
}

/* ---- pages ---- */

struct top {
	const char *path;
	const struct view *view;
	struct look before, now;
	char *head;
	struct json_object *policies, *servers; /* rates between the two */
	struct top_state state;
};

static void
forget_rates(struct top *t)
{
	free(t->head);
	(void)json_object_put(t->policies);
	(void)json_object_put(t->servers);
	t->head = NULL;
	t->policies = t->servers = NULL;
}

/* Between a look and the one before; what there was before the first is itself. */
static void
find_rates(struct top *t)
{
	const struct look *now = &t->now, *before = t->before.at > 0 ? &t->before : now;
	const struct rows_wish *w = &t->view->wish;
	double seconds = (double)(now->at - before->at) / 1e6;

	forget_rates(t);
	t->head = head_text(before, now, seconds);
	t->policies = wanted(
		rates_of(before->policies, now->policies, "policy", of_policy, OF_POLICY, seconds),
		w->policy, NULL);
	t->servers = wanted(
		rates_of(before->servers, now->servers, "id", of_server, OF_SERVER, seconds),
		w->policy, w->state);
}

/* Another look: what was the last one is what it is compared with.  As look_at(). */
static int
look_again(struct top *t, char why[RPC_WHY])
{
	struct look now;
	int status = look_at(t->path, &now, why);

	if (status != 0)
		return status;
	look_free(&t->before);
	t->before = t->now;
	t->now = now;
	find_rates(t);
	return 0;
}

static struct top_data
data_of(const struct top *t)
{
	return (struct top_data){.head = t->head != NULL ? t->head : "",
				 .policies = t->policies,
				 .servers = t->servers};
}

static void
print_json(const struct top *t)
{
	struct json_object *o = json_object_new_object();

	(void)json_object_object_add(o, "status", json_object_get(t->now.status));
	(void)json_object_object_add(o, "policies", json_object_get(t->policies));
	(void)json_object_object_add(o, "servers", json_object_get(t->servers));
	view_json(o, JSON_C_TO_STRING_PLAIN, stdout);
	(void)json_object_put(o);
}

/* Where there is no screen: page after page; as look_at(). */
static int
print_pages(struct top *t, unsigned shots, unsigned pause_ms, char why[RPC_WHY])
{
	bool json = t->view->form == VIEW_JSON;
	struct top_data data;
	int status;

	for (; shots > 0; shots--) {
		(void)poll(NULL, 0, (int)pause_ms);
		status = look_again(t, why);
		if (status != 0)
			return status;
		data = data_of(t);
		if (json)
			print_json(t);
		else
			top_page_print(&data, t->view, stdout);
		if (shots > 1 && !json)
			(void)fputc('\n', stdout);
		(void)fflush(stdout);
	}
	return 0;
}

static void
draw(struct top *t)
{
	const struct top_data data = data_of(t);
	unsigned columns, lines;
	char *text;

	screen_size(&columns, &lines);
	text = top_page_text(&t->state, &data, t->view, columns, lines);
	if (text != NULL)
		screen_draw(text);
	free(text);
}

/* Until the next look is due; false: it is to end. */
static bool
obey_keys(struct top *t, uint64_t due_us)
{
	const struct top_data data = data_of(t);

	for (;;) {
		uint64_t now = clock_us();
		int key = screen_wait(now < due_us ? (unsigned)((due_us - now + 999) / 1000) : 0);

		if (key == SCREEN_NONE && clock_us() >= due_us)
			return true;
		if (key != SCREEN_NONE && !top_page_key(&t->state, &data, key))
			return false;
		draw(t);
	}
}

/* As look_at(); shots 0: until q. */
static int
show_screen(struct top *t, unsigned shots, unsigned pause_ms, char why[RPC_WHY])
{
	int status = 0;

	draw(t);
	for (unsigned n = 0; shots == 0 || n < shots; n++) {
		if (!obey_keys(t, clock_us() + pause_ms * 1000ULL) ||
		    (status = look_again(t, why)) != 0)
			break;
		draw(t);
	}
	return status;
}

/* A column that is not there is told before anything is drawn. */
static int
check_columns(const struct top *t, char why[RPC_WHY])
{
	struct json_object *rows = rows_select(t->servers, &t->view->wish, why);

	(void)json_object_put(rows);
	return rows != NULL ? 0 : STATUS_USAGE;
}

static int
show_all(struct top *t, unsigned shots, unsigned pause_ms, char why[RPC_WHY])
{
	int status;

	if (t->view->form != VIEW_TEXT || !screen_open())
		return print_pages(t, shots > 0 ? shots : 1, pause_ms, why);
	status = show_screen(t, shots, pause_ms, why);
	screen_close();
	return status;
}

int
top_run(const char *path, const struct view *view, unsigned shots, unsigned pause_ms)
{
	struct top t = {.path = path, .view = view};
	char why[RPC_WHY];
	int status = look_at(path, &t.now, why);

	if (status == 0) {
		find_rates(&t);
		status = check_columns(&t, why);
	}
	if (status == 0)
		status = show_all(&t, shots, pause_ms, why);
	if (status != 0)
		(void)fprintf(stderr, "ppool-ctl: top: %s\n", why);
	forget_rates(&t);
	look_free(&t.before);
	look_free(&t.now);
	return status;
}
