/* settings.c - see settings.h. */
#include "settings.h"

#include <stdio.h>
#include <string.h>

#include "bypolicy.h"

static void
tie(struct proxy_settings *s)
{
	s->table[0] = (struct conf_table){proxy_keys, proxy_keys_n, &s->proxy};
	s->table[1] = (struct conf_table){daemon_keys, daemon_keys_n, &s->daemon};
}

void
proxy_settings_init(struct proxy_settings *s)
{
	memset(s, 0, sizeof *s);
	tie(s);
}

void
proxy_settings_swap(struct proxy_settings *a, struct proxy_settings *b)
{
	struct proxy_settings c = *a;

	*a = *b;
	*b = c;
	tie(a);
	tie(b);
}

/* The keys whose items may name a policy. */
static bool
by_policy(const char *key)
{
	static const char *const names[] = {"balance", "health_check", "policy_queue_length",
					    "verify", NULL};

	return bypolicy_is_word(key, names);
}

/* A policy that a list sets twice. */
static int
check_lists(const struct proxy_settings *s, FILE *err)
{
	char why[BYPOLICY_WHY];

	for (size_t i = 0; i < proxy_keys_n; i++) {
		const void *list = (const char *)&s->proxy + proxy_keys[i].offset;
		if (proxy_keys[i].type != CONF_LIST || !by_policy(proxy_keys[i].name) ||
		    bypolicy_check(list, why) == 0)
			continue;
		(void)fprintf(err, "ppool-proxy: %s: %s\n", proxy_keys[i].name, why);
		return -1;
	}
	return 0;
}

static int
load_keyring(struct proxy_settings *s, FILE *err)
{
	proxy_settings_forget_keys(s);
	if (s->proxy.keyring[0] == '\0')
		return 0;
	s->keyring = keyring_load(s->proxy.keyring, err);
	return s->keyring == NULL ? -1 : 0;
}

void
proxy_settings_forget_keys(struct proxy_settings *s)
{
	keyring_free(s->keyring);
	s->keyring = NULL;
}

static int
load_tls(struct proxy_settings *s, FILE *err)
{
	proxy_settings_forget_tls(s);
	s->proxy.server_handshake = s->daemon.tls.handshake_timeout;
	if (tls_settings_listen(&s->daemon.tls, "ppool-proxy", &s->tls_listen, err) < 0 ||
	    tls_settings_dial(&s->proxy.server, s->daemon.tls.priorities,
			      "ppool-proxy: server_ca, server_certificate", &s->proxy.server_creds,
			      err) < 0)
		return -1;
	if (s->proxy.server_tls == 0 || s->proxy.server_creds != NULL)
		return 0;
	(void)fprintf(err, "ppool-proxy: server_tls: required needs server_ca\n");
	return -1;
}

void
proxy_settings_forget_tls(struct proxy_settings *s)
{
	tls_creds_release(s->tls_listen);
	tls_creds_release(s->proxy.server_creds);
	s->tls_listen = s->proxy.server_creds = NULL;
}

int
proxy_settings_check(struct proxy_settings *s, struct addr *listen, FILE *err)
{
	char host[ADDR_HOST];
	uint16_t port;
	const char *why;

	if (addr_split(s->proxy.listen, host, &port, &why) < 0 ||
	    addr_resolve(listen, host[0] != '\0' ? host : "127.0.0.1", port, &why) < 0) {
		(void)fprintf(err, "ppool-proxy: listen: %s: %s\n", s->proxy.listen, why);
		return -1;
	}
	if (check_lists(s, err) < 0 || isolate_check(&s->daemon.isolation, "ppool-proxy", err) < 0)
		return -1;
	return load_keyring(s, err) < 0 ? -1 : load_tls(s, err);
}
