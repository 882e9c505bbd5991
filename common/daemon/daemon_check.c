/* daemon_check.c - see daemon.h: what -t finds wrong with where a daemon would write and listen. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"
#include "runtime_dir.h"

/* What is written to has to be there, or its folder. */
static int
can_write(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0)
		return 0;
	if (errno != ENOENT || n >= sizeof folder)
		return -1;
	memcpy(folder, path, n);
	folder[n] = '\0';
	return faccessat(AT_FDCWD,
			 slash == NULL ? "."
			 : n == 0      ? "/"
				       : folder,
			 W_OK | X_OK, AT_EACCESS);
}

int
daemon_check_file(const char *program, const char *key, const char *path, FILE *err)
{
	if (path[0] == '\0' || can_write(path) == 0)
		return 0;
	(void)fprintf(err, "%s: %s: %s: %s\n", program, key, path, strerror(errno));
	return -1;
}

int
daemon_check_log(const struct daemon_conf *conf, const char *program, FILE *err)
{
	return conf->log[0] == '/' ? daemon_check_file(program, "log", conf->log, err) : 0;
}

/* A file that a key names: in the runtime folder, which is made, or where a folder is. */
static int
check_named(const char *program, const char *key, const char *path, const char *dir, FILE *err)
{
	return runtime_dir_has(dir, path) ? 0 : daemon_check_file(program, key, path, err);
}

/* What is to lie there: nothing, what is done without, or what the start needs. */
enum { RUNTIME_UNUSED, RUNTIME_WANTED, RUNTIME_NEEDED };

static int
use_of_runtime(const struct daemon_conf *conf, const char *dir)
{
	if (conf->pidfile[0] != '\0' ? runtime_dir_has(dir, conf->pidfile) : conf->daemon)
		return RUNTIME_NEEDED;
	if (conf->control[0] == '\0')
		return RUNTIME_WANTED;
	return runtime_dir_has(dir, conf->control) ? RUNTIME_NEEDED : RUNTIME_UNUSED;
}

static int
check_runtime(const struct daemon_conf *conf, const char *program, const char *dir, FILE *err)
{
	int use = use_of_runtime(conf, dir);

	if (use == RUNTIME_UNUSED || runtime_dir_can_prepare(dir) == 0)
		return 0;
	(void)fprintf(err, "%s: runtime_dir: %s: %s%s\n", program, dir,
		      errno == EPERM ? "it belongs to another user, or anybody may write to it"
				     : strerror(errno),
		      use == RUNTIME_WANTED ? "; there would be no control socket" : "");
	return use == RUNTIME_WANTED ? 0 : -1;
}

int
daemon_check_runtime(const struct daemon_conf *conf, const char *program, FILE *err)
{
	char *dir = daemon_runtime_dir(conf->runtime_dir);
	int rc = -1;

	if (dir == NULL)
		(void)fprintf(err, "%s: %s\n", program, strerror(errno));
	else if (check_named(program, "pidfile", conf->pidfile, dir, err) == 0 &&
		 (strcmp(conf->control, "none") == 0 ||
		  check_named(program, "control", conf->control, dir, err) == 0))
		rc = check_runtime(conf, program, dir, err);
	free(dir);
	return rc;
}

int
daemon_find_admin(struct daemon_conf *conf, struct host_names *names, const char *program,
		  FILE *err)
{
	char host[ADDR_HOST];
	const char *why = "";
	uint16_t port;
	int n = -1;

	conf->admin_n = 0;
	if (conf->admin[0] == '\0')
		return 0;
	if (addr_split(conf->admin, host, &port, &why) == 0)
		n = host_names_ask_pair(names, host[0] != '\0' ? host : "127.0.0.1", port,
					conf->admin_at, &why);
	if (n < 0) {
		(void)fprintf(err, "%s: admin: %s: %s\n", program, conf->admin, why);
		return -1;
	}
	conf->admin_n = (unsigned)n;
	return 0;
}

int
daemon_check_admin(const struct daemon_conf *conf, const struct addr *listen, const char *program,
		   FILE *err)
{
	for (unsigned i = 0; i < conf->admin_n; i++) {
		const struct addr *at = &conf->admin_at[i];

		if (addr_port(at) == 0 || addr_port(at) != addr_port(listen) ||
		    (!addr_eq(at, listen) && !addr_is_wildcard(at) && !addr_is_wildcard(listen)))
			continue;
		(void)fprintf(err,
			      "%s: admin: %s: packets are served there; give the pages another "
			      "port\n",
			      program, conf->admin);
		return -1;
	}
	return 0;
}
