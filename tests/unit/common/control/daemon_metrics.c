/* daemon_metrics: what monitoring is told; the supervisor is a stand-in. */
#include "daemon_metrics.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "supervisor_fake.h"

static struct evbuffer *out;

static void
open_vitals(void)
{
	out = evbuffer_new();
	fake = (struct supervisor){
		.scoreboard = scoreboard_new(FAKE_SLOTS),
		.view = {.state = "running", .wanted = 3, .ready = 2, .started = clock_ms()}};
}

static void
close_vitals(void)
{
	evbuffer_free(out);
	counters_free(fake.scoreboard);
}

TestSuite(vitals, .init = open_vitals, .fini = close_vitals, .timeout = 20);

/* What was written since the last time. */
static const char *
text(void)
{
	static char copy[65536];
	int n = evbuffer_remove(out, copy, sizeof copy - 1);

	copy[n < 0 ? 0 : n] = '\0';
	return copy;
}

static int
page(const char *path)
{
	const struct http_admin_page *p = daemon_metrics_pages;

	while (p->path != NULL && strcmp(p->path, path) != 0)
		p++;
	cr_assert_not_null(p->path, "%s", path);
	return p->write(out, &fake);
}

Test(vitals, it_is_ready_while_workers_serve_and_nobody_stops_it)
{
	cr_expect_eq(page("/readyz"), 200);
	cr_expect_str_eq(text(), "ready\n");
	fake.view.ready = 0;
	cr_expect_eq(page("/readyz"), 503);
	cr_expect_str_eq(text(), "no worker serves\n");
	fake.view.ready = 2;
	fake.stopping = true;
	cr_expect_eq(page("/readyz"), 503);
	cr_expect_str_eq(text(), "stopping\n");
}

Test(vitals, it_is_well_while_a_worker_serves)
{
	fake.stopping = true;
	cr_expect_eq(page("/healthz"), 200);
	cr_expect_str_eq(text(), "running\n");
	fake.view.ready = 0;
	cr_expect_eq(page("/healthz"), 503);
	cr_expect_str_eq(text(), "no worker serves\n");
}

static const char *
written(void)
{
	struct prometheus e = {.out = out};

	daemon_metrics_write(&e, "a-program", &fake);
	cr_assert_eq(e.error, 0);
	return text();
}

#define expect_told(line) cr_expect(strstr(all, line "\n") != NULL, "%s\n%s", line, all)

Test(vitals, workers_and_how_they_ended_are_counted)
{
	const char *all;

	fake.view.state = "degraded";
	fake_exit((struct exit_record){.at = 1, .cause = EXIT_HUNG});
	all = written();
	expect_told("policypool_workers_wanted 3");
	expect_told("policypool_workers_ready 2");
	expect_told("policypool_degraded 1");
	expect_told("policypool_worker_ends_total{why=\"hung\"} 1");
	expect_told("policypool_worker_ends_total{why=\"died\"} 0");
	cr_expect_not_null(strstr(all, "program=\"a-program\",version=\"" POLICYPOOL_VERSION "\""));
	fake.view.state = "running";
	all = written();
	expect_told("policypool_degraded 0");
}

Test(vitals, packets_are_all_that_were_answered_and_errors_among_them)
{
	struct scoreboard_row *row;
	const char *all;

	cr_assert_eq(counters_enter(fake.scoreboard, 1), 0);
	row = scoreboard_row(fake.scoreboard, 1);
	counter_add(&row->requests, 10);
	counter_add(&row->errors, 3);
	counter_add(&row->connections, 4);
	fake.child[1].pid = getpid();
	fake.child[1].state = SLOT_READY;
	all = written();
	expect_told("policypool_requests_total 13");
	expect_told("policypool_errors_total 3");
	expect_told("policypool_connections 4");
	expect_told("policypool_worker_requests_total{slot=\"1\"} 13");
	expect_told("policypool_worker_connections{slot=\"1\"} 4");
	cr_expect_not_null(strstr(all, "policypool_worker_resident_bytes{slot=\"1\"} "));
	cr_expect_null(strstr(all, "{slot=\"0\"}"), "nobody is there");
}
