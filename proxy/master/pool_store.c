/* pool_store.c - see pool_store.h. */
#include "pool_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "atomic_file_io.h"
#include "clock.h"
#include "log.h"
#include "shared_pool.h"
#include "signature.h"
#include "status.h"
#include "store_child.h"
#include "takeover.h"

struct pool_store {
	struct pool_store_env env;
	struct shared_pool *shared;
	struct store_child *child;   /* NULL: there is no store */
	struct proxy_settings *of;   /* held: the child's */
	char address[ADDR_TEXT];     /* where this proxy listens, for people */
	char boot[PACKET_NONCE + 1]; /* of this run; its successor has the same */
	bool begun;
	bool over;		 /* the proxy stops, or its successor goes on */
	void (*left)(void *ctx); /* it stops, and waits for that; NULL: it does not */
	void *left_ctx;
};

/* ---- between the two ---- */

static void
on_started(void *arg)
{
	shared_pool_on(((struct pool_store *)arg)->shared);
}

static void
on_message(const struct store_msg *m, void *arg)
{
	struct shared_pool *shared = ((struct pool_store *)arg)->shared;

	switch (m->kind) {
	case STORE_MSG_ROW: shared_pool_row(shared, m->key, m->value, m->mod_rev); return;
	case STORE_MSG_DELETED: shared_pool_deleted(shared, m->key); return;
	case STORE_MSG_SYNCED: shared_pool_synced(shared); return;
	case STORE_MSG_RESET: shared_pool_reset(shared); return;
	case STORE_MSG_CLASH: shared_pool_clash(shared, m->value); return;
	case STORE_MSG_STATE: shared_pool_state(shared, &m->state); return;
	case STORE_MSG_KEEP:
	case STORE_MSG_DROP:
	case STORE_MSG_END:
	case STORE_MSG_BEYOND: break;
	}
	log_limited(LOG_WARN, "the store process said what is not for it to say", "kind=%d",
		    (int)m->kind);
}

static void
on_ended(void *arg)
{
	struct pool_store *ps = arg;
	void (*left)(void *) = ps->left;

	ps->left = NULL;
	if (left != NULL)
		left(ps->left_ctx);
}

static void
after_fork(void *arg)
{
	struct pool_store *ps = arg;

	ps->env.after_fork(ps->env.ctx);
}

static void
keep(struct span key, struct span value, uint64_t over, void *arg)
{
	struct pool_store *ps = arg;
	struct store_msg m = {.kind = STORE_MSG_KEEP, .key = key, .value = value, .mod_rev = over};

	if (ps->child != NULL && store_child_send(ps->child, &m) < 0)
		log_limited_errno(LOG_ERROR, "a server is not told of to other proxies", NULL);
}

static void
drop(struct span key, struct span gone, uint64_t over, void *arg)
{
	struct pool_store *ps = arg;
	struct store_msg m = {.kind = STORE_MSG_DROP, .key = key, .value = gone, .mod_rev = over};

	if (ps->child != NULL && store_child_send(ps->child, &m) < 0)
		log_limited_errno(LOG_ERROR, "that a server left is not told to other proxies",
				  NULL);
}

static const struct registration *
join(void *arg)
{
	struct pool_store *ps = arg;

	return ps->env.join(ps->env.ctx);
}

static uint64_t
hold(void *arg)
{
	struct pool_store *ps = arg;

	return ps->env.settings(ps->env.ctx)->proxy.store.hold;
}

static void
changed(void *arg)
{
	struct pool_store *ps = arg;

	ps->env.changed(ps->env.ctx);
}

/* ---- its process ---- */

static void
end_child(struct pool_store *ps)
{
	store_child_free(ps->child);
	ps->child = NULL;
	if (ps->of != NULL)
		settings_release(&ps->of->base);
	ps->of = NULL;
}

static void
begin_child(struct pool_store *ps)
{
	struct proxy_settings *s = ps->env.settings(ps->env.ctx);
	const struct registration *j = ps->env.join(ps->env.ctx);
	struct store_child_env env = {.base = ps->env.base,
				      .conf = &s->proxy.store,
				      .isolation = &s->base.daemon.isolation.plan,
				      .cluster = s->proxy.cluster,
				      .id = s->proxy.id,
				      .boot = ps->boot,
				      .address = ps->address,
				      .on_started = on_started,
				      .on_message = on_message,
				      .on_ended = on_ended,
				      .after_fork = after_fork,
				      .ctx = ps};

	if (j->selves > 0)
		(void)addr_text(&j->self[0], ps->address);
	ps->of = proxy_settings_of(settings_hold(&s->base));
	ps->child = store_child_new(&env);
	if (ps->child != NULL) {
		store_child_begin(ps->child);
		return;
	}
	log_event(LOG_ERROR, "out of memory for the store process: no servers are shared", NULL);
	end_child(ps);
	shared_pool_off(ps->shared);
}

void
pool_store_begin(struct pool_store *ps)
{
	ps->begun = true;
	if (store_conf_is_on(&ps->env.settings(ps->env.ctx)->proxy.store))
		begin_child(ps);
	else
		shared_pool_off(ps->shared);
}

static bool
is_same(const struct proxy_settings *a, const struct proxy_settings *b)
{
	return store_conf_same(&a->proxy.store, &b->proxy.store) &&
	       strcmp(a->proxy.cluster, b->proxy.cluster) == 0 &&
	       strcmp(a->proxy.id, b->proxy.id) == 0;
}

void
pool_store_review(struct pool_store *ps)
{
	struct proxy_settings *s;

	if (ps == NULL || !ps->begun || ps->over)
		return;
	s = ps->env.settings(ps->env.ctx);
	if (ps->of != NULL && is_same(ps->of, s)) {
		shared_pool_review(ps->shared);
		return;
	}
	if (ps->of == NULL && !store_conf_is_on(&s->proxy.store))
		return;
	/* What the former one published ends with its lease, or is the new one's. */
	end_child(ps);
	pool_store_begin(ps);
}

void
pool_store_wait(struct pool_store *ps)
{
	uint64_t until = clock_ms() + ps->env.settings(ps->env.ctx)->proxy.store.wait;

	/* Something happens at least at each look at the servers' health. */
	while (ps->child != NULL && !shared_pool_has_synced(ps->shared) && clock_ms() < until)
		if (event_base_loop(ps->env.base, EVLOOP_ONCE) < 0)
			return;
	if (ps->child != NULL && !shared_pool_has_synced(ps->shared))
		log_event(LOG_WARN, "the store is not known yet: serving begins without it", NULL);
}

/* ---- an upgrade, and the end ---- */

int
pool_store_give(const struct pool_store *ps, struct upgrade *u)
{
	int fd = memfd_create("policypool-boot", MFD_CLOEXEC);

	if (fd < 0 || atomic_file_write_all(fd, span_str(ps->boot)) < 0) {
		log_errno(LOG_ERROR, "cannot write down the boot of this proxy", NULL);
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	upgrade_give(u, TAKEOVER_BOOT, fd, "-", true);
	return 0;
}

void
pool_store_handed_over(struct pool_store *ps)
{
	ps->over = true;
	shared_pool_rest(ps->shared);
	if (ps->child != NULL)
		store_child_end(ps->child, false);
}

void
pool_store_leave(struct pool_store *ps, void (*done)(void *), void *ctx)
{
	if (ps == NULL || ps->child == NULL) {
		done(ctx);
		return;
	}
	ps->over = true;
	ps->left = done;
	ps->left_ctx = ctx;
	shared_pool_rest(ps->shared);
	store_child_end(ps->child, true);
}

/* ---- the rest ---- */

void
pool_store_changed(struct pool_store *ps)
{
	if (ps != NULL && !ps->over)
		shared_pool_changed(ps->shared);
}

void
pool_store_lease_ended(struct pool_store *ps, unsigned index)
{
	if (ps != NULL)
		shared_pool_lease_ended(ps->shared, index);
}

bool
pool_store_reaped(struct pool_store *ps, pid_t pid, int status)
{
	return ps != NULL && ps->child != NULL && store_child_reaped(ps->child, pid, status);
}

void
pool_store_reopen(struct pool_store *ps)
{
	if (ps != NULL && ps->child != NULL)
		store_child_reopen(ps->child);
}

struct json_object *
pool_store_show(const struct pool_store *ps)
{
	struct json_object *o = shared_pool_show(ps->shared);

	if (o != NULL && ps->child != NULL) {
		status_add(o, "pid", json_object_new_int64(store_child_pid(ps->child)));
		status_add(o, "deaths", json_object_new_int64(store_child_deaths(ps->child)));
	}
	return o;
}

struct json_object *
pool_store_show_proxies(const struct pool_store *ps)
{
	return shared_pool_show_proxies(ps->shared);
}

/* 0, or -1 logged. */
static int
take_boot(struct pool_store *ps)
{
	int fd = takeover_take(TAKEOVER_BOOT, NULL);
	ssize_t n = 0;

	if (fd >= 0) {
		n = pread(fd, ps->boot, PACKET_NONCE, 0);
		(void)close(fd);
	}
	ps->boot[PACKET_NONCE] = '\0';
	if (n == PACKET_NONCE && strspn(ps->boot, "0123456789abcdef") == PACKET_NONCE)
		return 0;
	if (signature_random(ps->boot) == 0)
		return 0;
	log_errno(LOG_ERROR, "no random bytes for the boot of this proxy", NULL);
	return -1;
}

struct pool_store *
pool_store_new(const struct pool_store_env *env)
{
	struct pool_store *ps = calloc(1, sizeof *ps);
	struct shared_pool_env shared = {.base = env->base,
					 .registry = env->registry,
					 .events = env->events,
					 .watch = env->watch,
					 .join = join,
					 .hold = hold,
					 .changed = changed,
					 .keep = keep,
					 .drop = drop,
					 .ctx = ps};

	if (ps == NULL)
		return NULL;
	ps->env = *env;
	ps->shared = shared_pool_new(&shared);
	if (ps->shared != NULL && take_boot(ps) == 0)
		return ps;
	pool_store_free(ps);
	return NULL;
}

void
pool_store_free(struct pool_store *ps)
{
	if (ps == NULL)
		return;
	end_child(ps);
	shared_pool_free(ps->shared);
	free(ps);
}

void
pool_store_forget_keys(struct pool_store *ps)
{
	if (ps->of == NULL)
		return;
	keyring_free(ps->of->keyring);
	ps->of->keyring = NULL;
}
