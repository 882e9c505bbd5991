/* top.c - see top.h. */
#include "top.h"

#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "command.h"
#include "printable.h"
#include "rates.h"
#include "rpc.h"
#include "screen.h"
#include "table.h"
#include "view.h"

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

static void
print_head(const struct look *before, const struct look *now, double seconds, FILE *out)
{
	struct json_object *s = now->status, *workers = NULL;

	(void)json_object_object_get_ex(s, "workers", &workers);
	put(out, "", s, "program");
	put(out, " ", s, "listen");
	put(out, "  ", s, "state");
	put(out, "  up ", s, "uptime_s");
	put(out, " s  workers ", workers, "ready");
	put(out, "/", workers, "wanted");
	(void)fprintf(out, "\nreq/s %.1f  errors/s %.1f",
		      rates_growth(before->status, s, "requests", seconds),
		      rates_growth(before->status, s, "errors", seconds));
	put(out, "  connections ", s, "connections");
	put(out, "  in flight ", s, "in_flight");
	(void)fputs("\n\n", out);
}

static void
print_page(const struct look *before, const struct look *now, FILE *out)
{
	const struct table_look look = {.width = 0};
	double seconds = (double)(now->at - before->at) / 1e6;
	struct json_object *policies = rates_of(before->policies, now->policies, "policy",
						of_policy, OF_POLICY, seconds),
			   *servers = rates_of(before->servers, now->servers, "id", of_server,
					       OF_SERVER, seconds);

	print_head(before, now, seconds, out);
	table_print(policies, &look, out);
	(void)fputc('\n', out);
	table_print(servers, &look, out);
	(void)json_object_put(policies);
	(void)json_object_put(servers);
}

static void
print_json(const struct look *before, const struct look *now)
{
	double seconds = (double)(now->at - before->at) / 1e6;
	struct json_object *o = json_object_new_object();

	(void)json_object_object_add(o, "status", json_object_get(now->status));
	(void)json_object_object_add(
		o, "policies",
		rates_of(before->policies, now->policies, "policy", of_policy, OF_POLICY, seconds));
	(void)json_object_object_add(
		o, "servers",
		rates_of(before->servers, now->servers, "id", of_server, OF_SERVER, seconds));
	view_json(o, JSON_C_TO_STRING_PLAIN, stdout);
	(void)json_object_put(o);
}

static void
draw_page(const struct look *before, const struct look *now)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (out == NULL)
		return;
	print_page(before, now, out);
	if (fclose(out) == 0)
		screen_draw(text);
	free(text);
}

/* ---- pages ---- */

static void
show_page(const struct look *before, const struct look *now, bool on_screen, bool json)
{
	if (on_screen)
		draw_page(before, now);
	else if (json)
		print_json(before, now);
	else
		print_page(before, now, stdout);
}

static bool
pause_for(bool on_screen, unsigned ms)
{
	if (on_screen)
		return screen_wait(ms);
	(void)poll(NULL, 0, (int)ms);
	return true;
}

/* Page after page, until it is to end; 0, or the exit status with the reason in why. */
static int
show_pages(const char *path, struct look *before, bool on_screen, bool json, unsigned shots,
	   unsigned pause_ms, char why[RPC_WHY])
{
	struct look now;
	int status = 0;

	while (pause_for(on_screen, pause_ms) && (status = look_at(path, &now, why)) == 0) {
		show_page(before, &now, on_screen, json);
		look_free(before);
		*before = now;
		if (shots > 0 && --shots == 0)
			break;
		if (!on_screen && !json)
			(void)fputc('\n', stdout);
		(void)fflush(stdout);
	}
	return status;
}

int
top_run(const char *path, const struct view *view, unsigned shots, unsigned pause_ms)
{
	struct look before;
	char why[RPC_WHY];
	int status = look_at(path, &before, why);
	bool json = view->form == VIEW_JSON;

	if (status == 0) {
		bool on_screen = !json && screen_open();
		if (on_screen)
			draw_page(&before, &before);
		else if (shots == 0)
			shots = 1;
		status = show_pages(path, &before, on_screen, json, shots, pause_ms, why);
		look_free(&before);
		if (on_screen)
			screen_close();
	}
	if (status != 0)
		(void)fprintf(stderr, "ppool-ctl: top: %s\n", why);
	return status;
}
