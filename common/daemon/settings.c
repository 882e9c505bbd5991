/* settings.c - see settings.h. */
#include "settings.h"

#include <stdlib.h>

#include "listen_unix.h"

struct settings *
settings_new(const struct settings_kind *kind)
{
	struct settings *s = calloc(1, kind->size);

	if (s == NULL)
		return NULL;
	s->refs = 1;
	s->kind = kind;
	s->tables = kind->tie(s);
	s->table[s->tables++] = (struct conf_table){.key = daemon_keys,
						    .n = daemon_keys_n,
						    .settings = &s->daemon,
						    .title = "both daemons"};
	return s;
}

struct settings *
settings_hold(struct settings *s)
{
	s->refs++;
	return s;
}

void
settings_release(struct settings *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	s->kind->forget_keys(s);
	s->kind->forget(s);
	tls_creds_unref(s->tls_listen);
	host_names_forget(&s->names);
	conf_free(s->table, s->tables);
	free(s);
}

void
settings_forget_keys(struct settings *s)
{
	s->kind->forget_keys(s);
}

int
settings_check_daemon(struct settings *s, bool forwards, const struct listen_socket *asked,
		      const char *program, FILE *err)
{
	struct daemon_conf *d = &s->daemon;

	if (daemon_find_admin(d, &s->names, program, err) < 0)
		return -1;
	for (unsigned i = 0; i < asked->n; i++)
		if (daemon_check_admin(d, &asked->at[i].asked, program, err) < 0)
			return -1;

	return privdrop_check(&d->isolation, program, err) < 0 ||
			       daemon_fit_files(d, forwards, program, err) < 0 ||
			       listen_unix_check(d, asked, program, err) < 0 ||
			       daemon_check_log(d, program, err) < 0
		       ? -1
		       : 0;
}
