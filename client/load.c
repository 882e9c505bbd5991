/* load.c - see load.h: begins, judges whether all is done, and ends.  The connections are in
 * load_lane.c. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "load_state.h"

enum { PAUSE_MIN = 50, PAUSE_MAX = 1000 }; /* ms before connecting anew */

/* ---- the end ---- */

static void
load_quit(struct load *load)
{
	load->ended = true;
	for (unsigned i = 0; i < load->conf.parallel; i++) {
		conn_close(load->lane[i].conn);
		load->lane[i].conn = NULL;
		(void)event_del(&load->lane[i].timer);
	}
	if (load->over != NULL)
		(void)event_del(load->over);
}

static void
load_end(struct load *load, enum load_end end, const char *why)
{
	load_quit(load);
	load->ops->on_end(end, why, load->ctx);
}

/* No lane is left to send anything.  What was to be sent counts as sent and failed.  Where time
 * bounds it, nobody knows how much that would have been: then it is what was sent and waits to be
 * sent again, and one at least, for a load that ended too early has failed. */
static void
load_give_up(struct load *load, const char *why)
{
	unsigned n = load->unsent;

	if (load->conf.duration > 0)
		n = load->again > 0 ? load->again : 1;
	load->unsent = 0;
	load->ops->on_send(n - load->again, proxies_choice_at(&load->lane[0].choice), load->ctx);
	load->again = 0;
	load->ops->on_fail(n, why, load->ctx);
}

/* After every change: is this the end?  why is what befell a lane just now, if anything did. */
void
load_update(struct load *load, const char *why)
{
	if (load->ended)
		return;
	if (!load->reached && load->in_state[LANE_CONNECTING] == 0) {
		load_end(load, LOAD_UNREACHABLE, why);
		return;
	}
	if (load->in_state[LANE_GIVEN_UP] + load->in_state[LANE_RESTING] == load->conf.parallel &&
	    load->unsent > 0)
		load_give_up(load, why);
	if (load->unsent == 0 && load->in_flight == 0)
		load_end(load, LOAD_DONE, NULL);
}

/* A lane that has nothing to do takes what another could not have answered. */
void
load_spread(struct load *load)
{
	for (unsigned i = 0; i < load->conf.parallel && load->unsent > 0; i++)
		if (load->lane[i].state == LANE_OPEN && load->conf.keepalive)
			load_lane_fill(&load->lane[i]);
}

/* ---- the clock of all ---- */

/* What was sent is waited for, and sent again if need be; nothing else is sent any more. */
static void
on_over(evutil_socket_t fd, short what, void *ctx)
{
	struct load *load = ctx;

	(void)fd;
	(void)what;
	load->unsent = load->again;
	if (load->reached)
		load_update(load, NULL);
	else
		load_end(load, LOAD_UNREACHABLE, strerror(ETIMEDOUT));
}

static int
load_set_end(struct load *load)
{
	struct timeval tv = clock_timeval(load->conf.duration);

	return load->over == NULL ? 0 : event_add(load->over, &tv);
}

/* ---- life ---- */

/* No lane shall take what is another's share at the start. */
static unsigned
fair_pipeline(const struct load_conf *c)
{
	unsigned share = c->count / c->parallel + (c->count % c->parallel != 0);

	if (!c->keepalive)
		return 1;
	return c->pipeline < share ? c->pipeline : share;
}

static int
make_lanes(struct load *load, struct event_base *base)
{
	const struct load_conf *c = &load->conf;

	load->lane = calloc(c->parallel, sizeof *load->lane);
	load->flights = calloc((size_t)c->parallel * c->pipeline, sizeof *load->flights);
	load->since = calloc((size_t)c->parallel * c->pipeline, sizeof *load->since);
	if (load->lane == NULL || load->flights == NULL || load->since == NULL)
		return -1;
	for (unsigned i = 0; i < c->parallel; i++) {
		struct load_lane *l = &load->lane[i];

		l->load = load;
		l->ring = load->flights + (size_t)i * c->pipeline;
		proxies_choice_init(&l->choice, c->proxies, PAUSE_MIN, PAUSE_MAX,
				    c->random ? backoff_random : NULL);
		if (event_assign(&l->timer, base, -1, 0, load_lane_on_timer, l) < 0)
			return -1;
	}
	load->in_state[LANE_RESTING] = c->parallel;
	return 0;
}

struct load *
load_new(struct event_base *base, const struct load_conf *conf, struct template *template,
	 const struct load_ops *ops, void *ctx)
{
	struct load *load = calloc(1, sizeof *load);

	assert(conf->proxies->n > 0 && conf->count > 0 && conf->parallel > 0 && conf->pipeline > 0);
	if (load == NULL)
		return NULL;
	load->conf = *conf;
	if (conf->parallel > conf->count)
		load->conf.parallel = conf->count;
	load->conf.pipeline = fair_pipeline(&load->conf);
	load->template = template;
	load->ops = ops;
	load->ctx = ctx;
	load->unsent = conf->count;
	load->conns = conn_loop_new(base, conf->max_message);
	if (conf->duration > 0)
		load->over = event_new(base, -1, 0, on_over, load);
	if (load->conns == NULL || (conf->duration > 0 && load->over == NULL) ||
	    make_lanes(load, base) < 0) {
		load->conf.parallel = 0;
		load_free(load);
		return NULL;
	}
	return load;
}

void
load_free(struct load *load)
{
	if (load == NULL)
		return;
	load_quit(load);
	conn_loop_free(load->conns);
	if (load->over != NULL)
		event_free(load->over);
	free(load->lane);
	free(load->flights);
	free(load->since);
	free(load);
}

void
load_start(struct load *load)
{
	if (load_set_end(load) < 0) {
		load_end(load, LOAD_UNREACHABLE, strerror(ENOMEM));
		return;
	}
	for (unsigned i = 0; i < load->conf.parallel && !load->ended; i++)
		load_lane_connect(&load->lane[i]);
}

void
load_stop(struct load *load, const char *why)
{
	if (load->ended)
		return;
	load_quit(load);
	/* What waits to be sent again was told as sent. */
	if (load->again > 0)
		load->ops->on_fail(load->again, why, load->ctx);
	load->unsent = load->again = 0;
	for (unsigned i = 0; i < load->conf.parallel; i++)
		load_lane_fail_flights(&load->lane[i], why);
}
