/* proxy_settings.c - see proxy_settings.h. */
#include "proxy_settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "access_log.h"
#include "conf_check.h"
#include "keyring.h"
#include "keys_of_daemons.h"
#include "packet.h"
#include "registry_persist.h"

static const char *
judge_policy(const char *title)
{
	return strlen(title) > PACKET_ID_MAX ? "a policy has at most 64 bytes"
					     : conf_check_policy(title);
}

static const char *
judge_server(const char *title)
{
	return strlen(title) > PACKET_ID_MAX ? "an id has at most 64 bytes" : conf_check_id(title);
}

static size_t
tie(struct settings *base)
{
	struct proxy_settings *s = proxy_settings_of(base);

	base->table[0] = (struct conf_table){.key = proxy_keys,
					     .n = proxy_keys_n,
					     .settings = &s->proxy,
					     .title = "the proxy",
					     .elsewhere = keys_of_daemons};
	base->table[1] = (struct conf_table){
		.key = policy_keys,
		.n = policy_keys_n,
		.settings = &s->proxy.policy,
		.title = "a policy (each may stand in policy sections)",
		.sections = &s->proxy.sections};
	s->proxy.sections.word = "policy";
	s->proxy.sections.size = sizeof s->proxy.policy;
	s->proxy.sections.judge = judge_policy;
	base->table[2] = (struct conf_table){.key = static_keys,
					     .n = static_keys_n,
					     .settings = &s->proxy.any_static,
					     .sections = &s->proxy.statics};
	s->proxy.statics.word = "server";
	s->proxy.statics.alone = true;
	s->proxy.statics.size = sizeof s->proxy.any_static;
	s->proxy.statics.judge = judge_server;
	return 3;
}

static int
load_keyring(struct proxy_settings *s, FILE *err)
{
	if (s->proxy.keyring[0] == '\0' && s->proxy.require_signature) {
		(void)fprintf(err,
			      "ppool-proxy: require_signature needs keyring: nobody could join\n");
		return -1;
	}
	if (s->proxy.keyring[0] == '\0')
		return 0;
	s->keyring = keyring_load(s->proxy.keyring, err);
	return s->keyring == NULL ? -1 : 0;
}

static int
load_tls(struct proxy_settings *s, FILE *err)
{
	const struct tls_listen_conf *listen = &s->base.daemon.tls;

	s->proxy.server_handshake = listen->handshake_timeout;
	if (tls_conf_listen(listen, "ppool-proxy", &s->base.tls_listen, err) < 0 ||
	    tls_conf_dial(&s->proxy.server, listen->priorities,
			  "ppool-proxy: server_ca, server_certificate", &s->proxy.server_creds,
			  err) < 0)
		return -1;
	if (s->proxy.server_tls == 0 || s->proxy.server_creds != NULL)
		return 0;
	(void)fprintf(err, "ppool-proxy: server_tls: required needs server_ca\n");
	return -1;
}

/* Two that both have the default would be one proxy twice. */
static int
load_store(struct proxy_settings *s, FILE *err)
{
	if (store_conf_is_on(&s->proxy.store) && strcmp(s->proxy.id, "proxy") == 0) {
		(void)fprintf(
			err,
			"ppool-proxy: id: it is \"%s\" where none is set, and with store each "
			"proxy needs one of its own\n",
			s->proxy.id);
		return -1;
	}
	return store_conf_check(&s->proxy.store, err);
}

/* As at a start, nothing that is wrong there keeps the proxy from serving. */
static void
check_state_file(const struct proxy_conf *c, FILE *err)
{
	if (c->state_file[0] == '/' && registry_persist_check(c->state_file) < 0)
		(void)fprintf(err, "ppool-proxy: state_file: %s: %s; the registry is not kept\n",
			      c->state_file,
			      errno == EPERM ? "its folder belongs to another user, or anybody may "
					       "write to it"
					     : strerror(errno));
}

static int
check(struct settings *base, struct listen_socket *asked, FILE *err)
{
	struct proxy_settings *s = proxy_settings_of(base);
	const struct proxy_conf *c = &s->proxy;

	if (listen_socket_ask(asked, &c->listen, "127.0.0.1", &base->names, "ppool-proxy", err) <
		    0 ||
	    settings_check_daemon(base, true, asked, "ppool-proxy", err) < 0 ||
	    (c->access_log != ACCESS_LOG_OFF &&
	     daemon_check_file("ppool-proxy", "access_log_file", c->access_log_file, err) < 0))
		return -1;
	check_state_file(c, err);
	if (base->daemon.isolation.plan.change_user)
		s->proxy.workers = &base->daemon.isolation.plan;
	if (load_keyring(s, err) < 0 || load_tls(s, err) < 0 || load_store(s, err) < 0)
		return -1;
	return proxy_settings_check_static(c, asked, err);
}

static void
forget_keys(struct settings *base)
{
	struct proxy_settings *s = proxy_settings_of(base);

	keyring_free(s->keyring);
	s->keyring = NULL;
	store_conf_forget(&s->proxy.store);
}

static void
forget(struct settings *base)
{
	tls_creds_unref(proxy_settings_of(base)->proxy.server_creds);
}

const struct settings_kind proxy_settings_kind = {.size = sizeof(struct proxy_settings),
						  .tie = tie,
						  .check = check,
						  .forget_keys = forget_keys,
						  .forget = forget};
