/* registrar_set: where a server is registered as its list changes, and when all are told; the
 * registrars are stand-ins that tell when the test says so. */
#include "registrar_set.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "clock.h"
#include "log_fixture.h"

enum { PATIENT = 600000, SOON = 5 }; /* ms */

static struct event_base *base;
static struct registrar_set *set;
static unsigned done, left, freed;

/* ---- stand-ins ---- */

struct registrar {
	char proxy[ADDR_HOST + 1];
	bool tls;
	const char *state, *trouble;
	struct addr at; /* len 0: not connected */
	bool afar;
	bool (*is_taken)(const struct addr *, void *);
	void (*on_proxies)(struct span, void *);
	void (*told)(void *);
	void (*left)(void *);
	void *ctx, *told_ctx, *left_ctx;
};

static struct registrar made[64];
static unsigned n_made;
static bool tls;

static struct registrar *
of(const char *proxy)
{
	for (unsigned i = n_made; i-- > 0;)
		if (strcmp(made[i].proxy, proxy) == 0)
			return &made[i];
	cr_assert(false, "no %s", proxy);
	abort();
}

struct registrar *
registrar_new(struct event_base *b, const struct registrar_conf *conf,
	      const struct packet_announcement *a)
{
	struct registrar *r = &made[n_made++];

	cr_assert_eq(b, base);
	(void)a;
	(void)snprintf(r->proxy, sizeof r->proxy, "%s", conf->proxy);
	r->tls = conf->tls != NULL;
	r->state = "pausing";
	r->trouble = "";
	r->afar = conf->afar;
	r->is_taken = conf->is_taken;
	r->on_proxies = conf->on_proxies;
	r->ctx = conf->ctx;
	return r;
}

void
registrar_free(struct registrar *r)
{
	freed += r != NULL;
}

bool
registrar_is_of(const struct registrar *r, const struct registrar_conf *conf)
{
	return strcmp(r->proxy, conf->proxy) == 0 && r->tls == (conf->tls != NULL);
}

bool
registrar_is_at(const struct registrar *r, const struct addr *at)
{
	return r->at.len > 0 && addr_eq(&r->at, at);
}

bool
registrar_is_near(const struct registrar *r)
{
	return r->at.len > 0 && addr_is_loopback(&r->at);
}

void
registrar_announce(struct registrar *r, const struct registrar_conf *conf,
		   const struct packet_announcement *a, void (*fn)(void *ctx), void *ctx)
{
	(void)a;
	r->afar = conf->afar;
	r->told = fn;
	r->told_ctx = ctx;
}

void
registrar_leave(struct registrar *r, void (*fn)(void *ctx), void *ctx)
{
	r->state = "leaving";
	r->left = fn;
	r->left_ctx = ctx;
	r->at.len = 0;
}

const char *
registrar_state(const struct registrar *r, uint64_t *since)
{
	*since = (uint64_t)(r - made);
	return r->state;
}

const char *
registrar_trouble(const struct registrar *r)
{
	return r->trouble;
}

/* ---- */

static void
fill(const char *proxy, struct registrar_conf *conf, struct packet_announcement *a, void *ctx)
{
	cr_assert_eq(ctx, &base);
	cr_assert_gt(strlen(proxy), 0);
	*conf = (struct registrar_conf){.tls = tls ? (struct tls_creds *)&tls : NULL};
	*a = (struct packet_announcement){.id = "1"};
}

static const struct registrar_set_ops ops = {fill};

static void
on_done(void *ctx)
{
	(void)ctx;
	done++;
}

static void
on_left(void *ctx)
{
	(void)ctx;
	left++;
}

static void
turn(void)
{
	cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
}

static struct conf_list
list(char *item[])
{
	struct conf_list l = {item, 0};

	while (item[l.n] != NULL)
		l.n++;
	return l;
}

#define LIST(...) list((char *[]){__VA_ARGS__, NULL})
static char a[] = "a:1", b[] = "b:1", c[] = "c:1", own[] = "2100", same[] = "127.0.0.1:2100";

static void
announce(struct conf_list l, uint64_t patience)
{
	registrar_set_announce(set, &l, patience, on_done, NULL);
}

/* Its proxy knows, or can't be told. */
static void
tell(const char *proxy, const char *state)
{
	struct registrar *r = of(proxy);
	void (*told)(void *) = r->told;

	r->state = state;
	r->told = NULL;
	cr_assert_not_null(told);
	told(r->told_ctx);
}

static void
take_leave(const char *proxy)
{
	struct registrar *r = of(proxy);

	cr_assert_str_eq(r->state, "leaving");
	r->left(r->left_ctx);
}

static const char *
shown(void)
{
	static char text[256];

	text[0] = '\0';
	for (unsigned i = 0; i < registrar_set_count(set); i++) {
		struct registrar_view v = registrar_set_at(set, i);

		(void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s=%s ", v.proxy,
			       v.state);
	}
	return text;
}

static void
open_set(void)
{
	log_to_memory();
	base = event_base_new();
	set = registrar_set_new(base, &ops, &base);
	cr_assert_not_null(set);
}

static void
close_set(void)
{
	registrar_set_free(set);
	cr_expect_eq(freed, n_made);
	event_base_free(base);
}

TestSuite(registrar_set, .init = open_set, .fini = close_set, .timeout = 30);

Test(registrar_set, what_is_listed_is_shown_and_nothing_is_said_yet)
{
	struct conf_list l = LIST(a, b);

	cr_expect_null(registrar_set_view(set, NULL, 0).state);
	cr_expect_eq(registrar_set_list(set, &l), 0);
	cr_expect_str_eq(shown(), "a:1=pausing b:1=pausing ");
	cr_expect(of("a:1")->told == NULL && of("b:1")->told == NULL);
}

Test(registrar_set, it_is_over_once_each_has_been_told_or_cannot_be)
{
	announce(LIST(a, b), PATIENT);
	tell("b:1", "joined");
	cr_expect_eq(done, 0);
	tell("a:1", "pausing");
	cr_expect_eq(done, 1);
}

Test(registrar_set, with_one_joined_the_others_are_waited_for_no_longer_than_patience_lasts)
{
	announce(LIST(a, b), SOON);
	for (uint64_t end = clock_ms() + 10 * SOON; clock_ms() < end;)
		turn();
	cr_expect_eq(done, 0, "none has joined");
	tell("a:1", "joined");
	cr_expect_eq(done, 1);
	tell("b:1", "joined");
	cr_expect_eq(done, 1);
	announce(LIST(a, b), SOON);
	while (done == 1)
		turn();
	cr_expect_eq(done, 2);
}

Test(registrar_set, without_a_list_it_is_over_at_once)
{
	announce((struct conf_list){NULL, 0}, PATIENT);
	cr_expect_eq(done, 1);
	registrar_set_leave(set, on_left, NULL);
	cr_expect_eq(left, 1);
}

Test(registrar_set, a_change_of_the_list_leaves_the_others_as_they_are)
{
	announce(LIST(a, b), PATIENT);
	tell("a:1", "joined");
	tell("b:1", "joined");
	announce(LIST(c, b), PATIENT);
	cr_expect_eq(n_made, 3);
	cr_expect_str_eq(shown(), "c:1=pausing b:1=joined ");
	cr_expect_str_eq(of("a:1")->state, "leaving");
	tell("b:1", "joined");
	tell("c:1", "joined");
	cr_expect_eq(done, 2, "the leave is not waited for");
	take_leave("a:1");
	cr_expect_eq(freed, 0, "it stands in its callback");
	turn();
	cr_expect_eq(freed, 1);
}

Test(registrar_set, another_spelling_is_the_same_proxy_and_tls_another)
{
	announce(LIST(own, a), PATIENT);
	announce(LIST(same, a), PATIENT);
	cr_expect(n_made == 2 && freed == 0);
	tls = true;
	announce(LIST(same, a), PATIENT);
	cr_expect_eq(n_made, 4);
	cr_expect_str_eq(made[0].state, "leaving");
	cr_expect_str_eq(shown(), "127.0.0.1:2100=pausing a:1=pausing ");
}

Test(registrar_set, a_place_is_taken_by_another_that_is_there_not_by_itself)
{
	struct addr at;

	cr_assert_eq(addr_numeric(&at, "192.0.2.1", 2100), 0);
	announce(LIST(a, b), PATIENT);
	cr_expect_not(of("b:1")->is_taken(&at, of("b:1")->ctx));
	of("a:1")->at = at;
	cr_expect(of("b:1")->is_taken(&at, of("b:1")->ctx));
	cr_expect_not(of("a:1")->is_taken(&at, of("a:1")->ctx));
	announce(LIST(b), PATIENT);
	of("a:1")->at = at;
	cr_expect_not(of("b:1")->is_taken(&at, of("b:1")->ctx), "it takes leave");
}

Test(registrar_set, leave_is_taken_of_all_and_of_those_that_are_listed_no_more)
{
	announce(LIST(a, b), PATIENT);
	announce(LIST(b, c), PATIENT);
	registrar_set_leave(set, on_left, NULL);
	take_leave("b:1");
	take_leave("c:1");
	cr_expect_eq(left, 0);
	cr_expect_str_eq(shown(), "b:1=leaving c:1=leaving ");
	take_leave("a:1");
	cr_expect_eq(left, 1);
}

Test(registrar_set, of_all_the_furthest_is_told_and_the_first_trouble)
{
	char space[64];
	struct registrar_view v;

	announce(LIST(a, b, c), PATIENT);
	of("a:1")->state = "resolving";
	of("b:1")->state = "unconfirmed";
	of("b:1")->trouble = "odd";
	of("c:1")->trouble = "refused";
	v = registrar_set_view(set, space, sizeof space);
	cr_expect_str_eq(v.state, "unconfirmed");
	cr_expect_eq(v.since, 1);
	cr_expect_str_eq(v.trouble, "b:1: odd");
	of("c:1")->state = "joined";
	v = registrar_set_view(set, space, sizeof space);
	cr_expect_str_eq(v.state, "joined");
	cr_expect_str_eq(v.proxy, "c:1");
	announce(LIST(b), PATIENT);
	cr_expect_str_eq(registrar_set_view(set, space, sizeof space).trouble, "odd");
}

/* ---- what proxies tell of ---- */

/* From that address, in an acknowledgement. */
static void
proxies_from(const char *proxy, const char *at, const char *told)
{
	struct registrar *r = of(proxy);

	cr_assert_eq(addr_numeric(&r->at, at, 9), 0);
	r->on_proxies(told[0] != '\0' ? span_str(told) : span_of(NULL, 0), r->ctx);
	turn();
}

static void
joined_to_a_and_b(void)
{
	registrar_set_learn(set, true);
	announce(LIST(a, b), PATIENT);
	tell("a:1", "joined");
	tell("b:1", "joined");
}

Test(registrar_set, what_a_proxy_tells_of_is_joined_and_left_when_none_does)
{
	joined_to_a_and_b();
	proxies_from("a:1", "192.0.2.1", "b:1,d:1,e:1");
	cr_expect_str_eq(shown(), "a:1=joined b:1=joined d:1=pausing e:1=pausing ");
	cr_expect(registrar_set_at(set, 2).learned && !registrar_set_at(set, 1).learned);
	tell("d:1", "joined");
	cr_expect_eq(n_made, 4);
	proxies_from("b:1", "192.0.2.2", "d:1");
	proxies_from("a:1", "192.0.2.1", "");
	cr_expect_str_eq(shown(), "a:1=joined b:1=joined d:1=joined ");
	cr_expect_str_eq(of("e:1")->state, "leaving");
	proxies_from("b:1", "192.0.2.2", "");
	cr_expect_str_eq(of("d:1")->state, "leaving");
	take_leave("d:1");
	take_leave("e:1");
	turn();
	cr_expect_eq(freed, 2);
}

Test(registrar_set, what_leads_back_to_the_list_by_others_is_joined_a_circle_alone_is_not)
{
	joined_to_a_and_b();
	proxies_from("a:1", "192.0.2.1", "d:1");
	tell("d:1", "joined");
	proxies_from("d:1", "192.0.2.4", "e:1,d:1");
	tell("e:1", "joined");
	proxies_from("e:1", "192.0.2.5", "d:1");
	cr_expect_str_eq(shown(), "a:1=joined b:1=joined d:1=joined e:1=joined ");
	proxies_from("a:1", "192.0.2.1", "");
	cr_expect_str_eq(shown(), "a:1=joined b:1=joined ");
}

Test(registrar_set, what_was_learned_stays_while_who_told_is_down_and_goes_with_it_from_the_list)
{
	joined_to_a_and_b();
	proxies_from("a:1", "192.0.2.1", "d:1");
	tell("d:1", "joined");
	of("a:1")->state = "pausing";
	turn();
	announce(LIST(a, b), PATIENT);
	cr_expect_str_eq(shown(), "a:1=pausing b:1=joined d:1=joined ");
	announce(LIST(b), PATIENT);
	cr_expect_str_eq(shown(), "b:1=joined ");
}

Test(registrar_set, what_was_learned_and_is_listed_then_stays_and_the_other_way_round)
{
	char d[] = "d:1";

	joined_to_a_and_b();
	proxies_from("a:1", "192.0.2.1", "d:1,b:1");
	tell("d:1", "joined");
	announce(LIST(d, a), PATIENT);
	cr_expect_str_eq(shown(), "d:1=joined a:1=joined b:1=joined ");
	cr_expect(!registrar_set_at(set, 0).learned && registrar_set_at(set, 2).learned);
	cr_expect_eq(n_made, 3);
}

Test(registrar_set, nothing_is_learned_unless_it_is_wanted_and_a_reload_forgets_it)
{
	joined_to_a_and_b();
	registrar_set_learn(set, false);
	proxies_from("a:1", "192.0.2.1", "d:1");
	cr_expect_eq(n_made, 2);
	registrar_set_learn(set, true);
	announce(LIST(a, b), PATIENT);
	cr_expect_str_eq(shown(), "a:1=joined b:1=joined d:1=pausing ");
	registrar_set_learn(set, false);
	announce(LIST(a, b), PATIENT);
	cr_expect_str_eq(shown(), "a:1=joined b:1=joined ");
}

Test(registrar_set, a_proxy_elsewhere_tells_of_nothing_on_this_machine)
{
	static const char told[] = "127.0.0.1:1,[::1]:1,unix:/run/x,2100,,no port,d:1";

	joined_to_a_and_b();
	proxies_from("a:1", "192.0.2.1", told);
	cr_expect_str_eq(shown(), "a:1=joined b:1=joined d:1=pausing ");
	cr_expect(of("d:1")->afar, "nor by a name");
	proxies_from("b:1", "127.0.0.1", told);
	cr_expect_str_eq(shown(), "a:1=joined b:1=joined d:1=pausing 127.0.0.1:1=pausing "
				  "[::1]:1=pausing unix:/run/x=pausing ");
	cr_expect_not(of("unix:/run/x")->afar);
}

Test(registrar_set, no_more_than_so_many_are_learned)
{
	char told[512] = "";

	joined_to_a_and_b();
	for (unsigned i = 0; i < REGISTRAR_SET_LEARNED + 5; i++)
		(void)snprintf(told + strlen(told), sizeof told - strlen(told), "%sx%u:1",
			       i > 0 ? "," : "", i);
	proxies_from("a:1", "192.0.2.1", told);
	cr_expect_eq(registrar_set_count(set), 2 + REGISTRAR_SET_LEARNED);
}

Test(registrar_set, nothing_is_learned_while_leave_is_taken)
{
	joined_to_a_and_b();
	registrar_set_leave(set, on_left, NULL);
	proxies_from("a:1", "192.0.2.1", "d:1");
	cr_expect_eq(n_made, 2);
}

Test(registrar_set, a_successor_recalls_what_was_told_and_joins_it_with_the_others)
{
	struct conf_list l = LIST(a, b);
	struct buf saved = BUF_INIT;

	joined_to_a_and_b();
	proxies_from("a:1", "127.0.0.1", "d:1,unix:/run/x");
	tell("d:1", "joined");
	proxies_from("d:1", "192.0.2.4", "e:1");
	cr_assert_eq(registrar_set_save(set, &saved), 0);
	registrar_set_free(set);
	set = registrar_set_new(base, &ops, &base);
	registrar_set_learn(set, true);
	cr_assert_eq(registrar_set_list(set, &l), 0);
	registrar_set_recall(set, span_str("\nnonsense\nnear nobody:1 f:1\n"));
	registrar_set_recall(set, buf_span(&saved));
	cr_expect_null(of("e:1")->told, "not before the others");
	announce(LIST(a, b), PATIENT);
	cr_expect_str_eq(shown(), "a:1=pausing b:1=pausing d:1=pausing unix:/run/x=pausing "
				  "e:1=pausing ");
	cr_expect_not_null(of("e:1")->told);
	buf_release(&saved);
}
