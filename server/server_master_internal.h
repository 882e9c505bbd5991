/* server_master_internal.h - the inside of server_master.h, for the files that it is made of:
 *
 *   server_master.c           the registration, reload and upgrade
 *   server_master_show.c      what operators see
 *   server_master_workers.c   workers and their job processes */
#ifndef POLICYPOOL_SERVER_MASTER_INTERNAL_H
#define POLICYPOOL_SERVER_MASTER_INTERNAL_H

#include "server_master.h"

static inline struct server_master *
server_of(struct master *base)
{
	return (struct server_master *)base;
}

static inline const struct server_conf *
conf_of(const struct master *base)
{
	return &server_settings_of(base->settings)->server;
}

/* ---- server_master_workers.c ---- */

/* For struct master_ops. */
void server_master_workers(struct supervisor_ops *);
void server_master_after_fork(unsigned slot, void *master);
uint64_t server_master_start_timeout(const struct master *);

/* The policy of the settings before these, while a reload changes it; NULL: none. */
const char *server_master_former_policy(const struct master *, const struct settings *former);
/* In a job process that runs code of others, see job_child.h; takes the master. */
void server_master_forget(void *);
/* What job processes have in common with the daemon, which is their user, they could look into. */
void server_master_guard(const struct master *);

/* ---- server_master_show.c ---- */

/* For ppool-ctl status. */
void server_master_describe(struct master *, struct json_object *);
/* /metrics and /readyz; their ctx is the struct server_master. */
extern const struct http_admin_page server_master_pages[];

#endif
